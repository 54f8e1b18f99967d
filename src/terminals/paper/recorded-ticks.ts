/**
 * From a file's rows to ticks, and what was odd about them.
 *
 * Always true:
 *   - Every row becomes one tick; none is dropped, joined or reordered.
 *   - Times never fall: a stamp before its predecessor's is lifted to it.
 *   - A crossed quote (ask below bid), a zero spread and a repeated quote pass as recorded.
 *   - What cannot be read is no tick: file, place and reason are said, or thrown when strict.
 */
import type { Instant } from "../../core/model/ids.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import { RowWriter, type TickRows } from "../../core/model/tick-rows.ts";
import type { Observer } from "../../core/ports/observer.ts";
import type { Row } from "./formats/format.ts";
import { sidesChanged } from "./sides-changed.ts";
import { brokerTimes, type ToUtc } from "./time-zone.ts";

const SAID_IN_FULL = 10;
/** Ticks of one batch. */
const BATCH = 1000;

export interface Tally {
  ticks: number;
  /** Lines or entries that are no tick. */
  malformed: number;
  /** Ask below bid. */
  crossed: number;
  /** Time, bid and ask as in the tick before. */
  repeated: number;
  /** Stamped before the tick before. */
  late: number;
}

export class RecordedTicks {
  readonly tally: Tally = { ticks: 0, malformed: 0, crossed: 0, repeated: 0, late: 0 };
  readonly #path: string;
  readonly #symbols: readonly SymbolSpec[];
  readonly #symbol: number;
  readonly #toUtc: ToUtc;
  readonly #toBroker = brokerTimes();
  readonly #observer: Observer;
  readonly #strict: boolean;
  readonly #batch: RowWriter;
  #time = Number.NEGATIVE_INFINITY;
  #stamp = Number.NaN;
  #bid = 0;
  #ask = 0;
  #saidRounded = false;

  constructor(
    path: string,
    symbols: readonly SymbolSpec[],
    symbol: SymbolSpec,
    toUtc: ToUtc,
    observer: Observer,
    strict: boolean,
  ) {
    this.#path = path;
    this.#symbols = symbols;
    this.#symbol = symbols.indexOf(symbol);
    this.#batch = new RowWriter(symbols, BATCH);
    this.#toUtc = toUtc;
    this.#observer = observer;
    this.#strict = strict;
  }

  /** Ticks added and not yet taken. */
  get waiting(): number {
    return this.#batch.length;
  }

  /** They have to be taken before the next is added. */
  get full(): boolean {
    return this.#batch.full;
  }

  take(): TickRows {
    return this.#batch.take();
  }

  add(row: Row): void {
    const { bid, ask } = row;
    const stamp = this.#toUtc(row.time);
    const changed = sidesChanged(bid !== this.#bid, ask !== this.#ask);
    this.tally.ticks++;
    if (ask < bid) this.tally.crossed++;
    if (changed === 0 && stamp === this.#stamp) this.tally.repeated++;
    if (stamp < this.#time) this.tally.late++;
    else this.#time = stamp;
    if (row.rounded && !this.#saidRounded) this.#sayRounded();
    this.#stamp = stamp;
    this.#bid = bid;
    this.#ask = ask;
    const time = this.#time as Instant;
    const flags = row.flags < 0 ? changed : row.flags;
    this.#batch.add(this.#symbol, time, this.#toBroker(time), bid, ask, row.last, row.volume, flags);
  }

  /** `place` is a line or an entry by its number. */
  malformed(place: string, reason: string): void {
    const message = `${this.#path}, ${place}: ${reason}`;
    if (this.#strict) throw new Error(message);
    this.tally.malformed++;
    if (this.tally.malformed <= SAID_IN_FULL) this.#observer.note("warn", "replay", message);
  }

  /** The file's rest is lost. */
  damaged(reason: string): void {
    const message = `${this.#path}: ${reason}`;
    if (this.#strict) throw new Error(message);
    this.#observer.note("error", "replay", `${message}; the ticks before that are replayed`, { ...this.tally });
  }

  /** Says what the file was like. */
  finished(): void {
    const { malformed } = this.tally;
    if (malformed > SAID_IN_FULL) {
      const more = malformed - SAID_IN_FULL;
      this.#observer.note("warn", "replay", `${this.#path}: ${more} more malformed, ${malformed} in all`);
    }
    this.#observer.note("info", "replay", "file replayed", { file: this.#path, ...this.tally });
  }

  #sayRounded(): void {
    this.#saidRounded = true;
    const { name, digits } = this.#symbols[this.#symbol] as SymbolSpec;
    const message = `${this.#path}: its prices have more decimals than ${name} has digits (${digits}) and are rounded`;
    this.#observer.note("warn", "replay", message);
  }
}
