/**
 * One symbol's history, in its thread: what is new of the ticks that come, the block
 * and the minute being filled, and reading across what is stored and what is not yet.
 *
 * A source that starts over (a replay, after a restart) sends ticks that are already
 * here. Everything older than the newest stored tick is passed over, and at exactly
 * its time as many ticks as are stored.
 */
import type { Bar, Timeframe } from "../../core/model/bar.ts";
import type { Price, Volume } from "../../core/model/decimals.ts";
import type { BrokerTime, Instant } from "../../core/model/ids.ts";
import type { ChartMode } from "../../core/model/symbol.ts";
import type { SourceTick } from "../../core/model/tick.ts";
import type { HistoryRange } from "../../core/ports/history.ts";
import { BarFold, inPeriods, longest } from "../../core/ticks/bars.ts";
import { BAR_FIELDS } from "./history-messages.ts";
import type { HistoryTables } from "./history-tables.ts";
import { decodeBlock, holds, rowsOf, TickBlock, type TickColumns } from "./tick-block.ts";

/** A broker's clock is put forward or back by an hour: a period may be longer by that, and more is never needed. */
const CLOCK_CHANGE = 2 * 3_600_000;

export class Series {
  readonly name: string;
  readonly #tables: HistoryTables;
  readonly #id: number;
  readonly #minutes: BarFold;
  /** Filled anew for every tick: the fold keeps none. */
  readonly #tick: { -readonly [Field in keyof SourceTick]: SourceTick[Field] };
  #number: number;
  #block: TickBlock;
  #newest: number;
  #atNewest: number;
  /** How many ticks at the newest stored time are still expected again. */
  #again: number;
  #changed = false;

  /** `damaged` is told when the last block cannot be read; recording goes on after it. */
  constructor(tables: HistoryTables, name: string, chart: ChartMode, damaged: (why: string) => void) {
    const end = tables.end(name) ?? tables.createSymbol(name);
    this.name = name;
    this.#tables = tables;
    this.#id = end.id;
    this.#newest = end.newest ?? Number.NEGATIVE_INFINITY;
    this.#atNewest = end.atNewest;
    this.#again = end.atNewest;
    this.#number = tables.lastNumber(end.id);
    this.#block = new TickBlock();
    try {
      if (this.#number > 0) this.#block = TickBlock.from(tables.block(end.id, this.#number));
      if (this.#number === 0 || this.#block.full) this.#nextBlock();
    } catch (error) {
      damaged(`the newest ticks of ${name} cannot be read: ${error instanceof Error ? error.message : error}`);
      this.#nextBlock();
    }
    const bar = tables.lastMinute(end.id, name);
    this.#minutes = new BarFold(name, "M1", chart, bar && { bar, minute: bar.time });
    const none = 0 as Instant & BrokerTime & Price & Volume;
    this.#tick = {
      symbol: name,
      time: none,
      brokerTime: none,
      bid: none,
      ask: none,
      last: none,
      volume: none,
      flags: 0,
    };
  }

  get newest(): number {
    return this.#newest;
  }

  /** Takes the tick whose fields begin at `at`; false when it is passed over. `filled` is called with each block that is full. */
  add(fields: Float64Array, at: number, filled: () => void): boolean {
    const time = fields[at] as number;
    if (!(time > this.#newest)) {
      if (time !== this.#newest) return false;
      if (this.#again > 0) {
        this.#again--;
        return false;
      }
    }
    if (!holds(fields, at)) return false;
    if (time === this.#newest) this.#atNewest++;
    else {
      this.#newest = time;
      this.#atNewest = 1;
      this.#again = 0;
    }
    this.#changed = true;
    this.#block.add(fields, at);
    this.#fold(fields, at);
    if (this.#block.full) {
      this.#tables.writeBlock(this.#id, this.#number, this.#block);
      this.#nextBlock();
      filled();
    }
    return true;
  }

  /** Brings the tables up to the newest tick. */
  write(): void {
    if (!this.#changed) return;
    this.#changed = false;
    if (this.#block.count > 0) this.#tables.writeBlock(this.#id, this.#number, this.#block);
    const minute = this.#minutes.running;
    if (minute !== undefined) this.#tables.writeMinute(this.#id, minute);
    this.#tables.writeEnd(this.#id, this.#newest, this.#atNewest);
  }

  /** The newest tick's row. */
  latest(): Float64Array {
    return this.ticks({ from: this.#newest, to: this.#newest, limit: 1, newest: true, skip: 0 });
  }

  /** Rows of ticks (their symbol is 0), oldest first. */
  ticks({ from, to, limit, newest, skip }: Span): Float64Array {
    const parts: Float64Array[] = [];
    let room = limit;
    let toSkip = skip;
    for (const columns of this.#blocks(from, to, newest)) {
      if (room <= 0) break;
      const { time } = columns;
      let first = firstAfter(time, from - 1);
      let end = firstAfter(time, to);
      if (newest) {
        for (; toSkip > 0 && end > first && time[end - 1] === to; end--) toSkip--;
        first = Math.max(first, end - room);
      } else {
        for (; toSkip > 0 && first < end && time[first] === from; first++) toSkip--;
        end = Math.min(end, first + room);
      }
      room -= end - first;
      parts.push(rowsOf(columns, first, end));
    }
    return joined(newest ? parts.reverse() : parts);
  }

  /** Rows of bar fields, oldest first. */
  bars({ from, to, limit, newest, skip }: Span, timeframe: Timeframe): Float64Array {
    const rows: number[][] = [];
    const edge = newest ? to : from;
    let toSkip = skip;
    // Where the clock was changed in the first bar, the minutes before the change tell its start.
    const minutes = this.#minutesFrom(from - CLOCK_CHANGE, to + longest[timeframe] + CLOCK_CHANGE, newest);
    if (limit <= 0) return new Float64Array(0);
    for (const bar of inPeriods(minutes, timeframe, newest ? "newest first" : "oldest first")) {
      if (newest ? bar.time > to : bar.time < from) continue;
      if (newest ? bar.time < from : bar.time > to) break;
      if (bar.time === edge && toSkip > 0) toSkip--;
      else if (rows.push(barRow(bar)) >= limit) break;
    }
    return Float64Array.from((newest ? rows.reverse() : rows).flat());
  }

  *#blocks(from: number, to: number, newest: boolean): Generator<TickColumns, void> {
    const open = this.#block.count > 0 && this.#block.lastTime >= from && this.#block.firstTime <= to;
    if (open && newest) yield decodeBlock(this.#block.encode());
    yield* this.#tables.blocks(this.#id, this.#number, from, to, newest ? "DESC" : "ASC");
    if (open && !newest) yield decodeBlock(this.#block.encode());
  }

  *#minutesFrom(from: number, before: number, newest: boolean): Generator<Bar, void> {
    const bar = this.#minutes.running;
    const running = bar !== undefined && bar.time >= from && bar.time < before ? bar : undefined;
    if (running !== undefined && newest) yield running;
    const stored = Math.min(before, bar?.time ?? before);
    yield* this.#tables.minutes(this.#id, this.name, from, stored, newest ? "DESC" : "ASC");
    if (running !== undefined && !newest) yield running;
  }

  #fold(fields: Float64Array, at: number): void {
    const tick = this.#tick;
    tick.time = fields[at] as Instant;
    tick.brokerTime = fields[at + 1] as BrokerTime;
    tick.bid = fields[at + 2] as Price;
    tick.ask = fields[at + 3] as Price;
    tick.last = fields[at + 4] as Price;
    tick.volume = fields[at + 5] as Volume;
    tick.flags = fields[at + 6] as number;
    const closed = this.#minutes.add(tick);
    if (closed !== undefined) this.#tables.writeMinute(this.#id, closed);
  }

  #nextBlock(): void {
    this.#number++;
    this.#block = new TickBlock();
  }
}

/** A range of whole milliseconds. */
type Span = Omit<HistoryRange, "symbol" | "from" | "to"> & { readonly from: number; readonly to: number };

/** The index of the first time after `time`. */
function firstAfter(times: Float64Array, time: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] as number) > time) high = middle;
    else low = middle + 1;
  }
  return low;
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const all = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function barRow(bar: Bar): number[] {
  const { time, brokerTime, open, high, low, close, tickVolume, spread, realVolume, final } = bar;
  const row = [time, brokerTime, open, high, low, close, tickVolume, spread, realVolume, final ? 1 : 0];
  if (row.length !== BAR_FIELDS) throw new RangeError("a bar's row has another length");
  return row;
}
