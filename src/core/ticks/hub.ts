/**
 * Ticks, from one terminal to everyone who asked.
 *
 * Readers who want the same symbols share a view, and a view's readers share each
 * frame: one more reader costs one map entry and one post.
 *
 * Always true:
 *   - A symbol's ticks leave in the order in which the terminal sent them.
 *   - Publishing never waits. Who cannot wait for a slow reader need not; who can (a
 *     replay at full speed) asks for `room`.
 *   - A lossless reader gets every tick behind its cursor, or its stream ends and says so.
 *
 * Not an EventEmitter: that cannot tell when a reader has left, and runs one reader's
 * slowness in everyone's time.
 */
import type { SymbolSpec } from "../model/symbol.ts";
import type { SourceTick, Tick } from "../model/tick.ts";
import { column, ROW, TickRows } from "../model/tick-rows.ts";
import type { Clock } from "../ports/clock.ts";
import { type Cursor, type ResetReason, resetReason } from "../streams/cursor.ts";
import { type Frame, largest, RowFrame } from "./frame.ts";
import { Ring } from "./ring.ts";
import type { Subscription } from "./tick-item.ts";
import { TickReader, type Wish } from "./tick-reader.ts";

/** A patient source waits while a reader owes more than so many ticks. */
const roomy = 16_384;
/** A reader that takes nothing for so long (ms) is not waited for any longer. */
const patience = 10_000;

/** How far a symbol has come. */
interface Standing {
  sequence: number;
  /** Of the batch being published, the last row; -1: none. */
  row: number;
  latest: Tick | undefined;
}

export class TickHub {
  readonly #epoch: string;
  readonly #symbols: Map<string, SymbolSpec>;
  readonly #standings = new Map<string, Standing>();
  /** The standings by the number that the rows of one source have for a symbol. */
  #numbered: { readonly symbols: TickRows["symbols"]; readonly standings: readonly Standing[] } | undefined;
  readonly #views = new Map<string, Set<TickReader>>();
  readonly #readers = new Map<string, TickReader>();
  readonly #starts: (() => void)[] = [];
  readonly #ring = new Ring();
  #place = 0;
  #delivered = 0;
  /** Ticks that readers of the newest had folded into others. */
  skipped = 0;

  constructor(epoch: string, symbols: ReadonlyMap<string, SymbolSpec>) {
    this.#epoch = epoch;
    this.#symbols = new Map(symbols);
  }

  get cursor(): Cursor {
    return { epoch: this.#epoch, sequence: this.#place };
  }

  /** What has passed, for whoever watches; `delivered` counts each reader. */
  get counts() {
    return { delivered: this.#delivered, skipped: this.skipped, readers: this.#readers.size };
  }

  /** A symbol that can have prices from now on. */
  learn(spec: SymbolSpec): void {
    this.#symbols.set(spec.name, spec);
  }

  latest(symbol: string): Tick | undefined {
    return this.#standings.get(symbol)?.latest;
  }

  /** The newest tick of all. */
  get newest(): Tick | undefined {
    return this.#ring.newest;
  }

  /** Resolves when the first reader has come. */
  firstReader(): Promise<void> {
    return this.#readers.size > 0 ? Promise.resolve() : new Promise((resolve) => this.#starts.push(resolve));
  }

  /** Numbers the ticks (rows in their place: they are the hub's now), keeps them, and hands them to whoever wants them. */
  publish(source: TickRows | readonly SourceTick[]): TickRows<Tick> {
    const rows = this.#number(source instanceof TickRows ? source : TickRows.of(source));
    this.#spread(rows);
    return rows;
  }

  /** Ticks that another hub of the same epoch has numbered. Where some are missing before them, no reader goes on as if not. */
  accept(rows: TickRows<Tick>): void {
    if (rows.length === 0) return;
    const before = rows.placeAt(0) - 1;
    if (before !== this.#place) this.#miss(before);
    this.#stand(rows);
    this.#place = before + rows.length;
    this.#spread(rows);
  }

  #spread(rows: TickRows<Tick>): void {
    for (let from = 0; from < rows.length; from += largest) {
      const frame = new RowFrame(rows.length <= largest ? rows : rows.slice(from, from + largest));
      this.#ring.push(frame);
      for (const readers of this.#views.values()) this.#post(frame, readers);
    }
  }

  /** Ticks up to `place` never came. */
  #miss(place: number): void {
    this.#ring.forget(place);
    for (const reader of this.#readers.values()) reader.fallBehind();
  }

  /** A new reader from this moment on, and what it missed since its cursor. */
  open(
    id: string,
    wish: Wish,
    after: Cursor | undefined,
  ): { reader: TickReader; missed: Iterable<Frame>; reset: ResetReason | undefined } {
    const reader = new TickReader(id, wish, (symbol) => this.#symbols.has(symbol));
    const reset = after && resetReason(after, this.cursor, this.#ring.forgotten(reader.symbols));
    this.#readers.set(id, reader);
    this.#join(reader);
    for (const start of this.#starts.splice(0)) start();
    const missed = after === undefined || reset !== undefined ? [] : this.#since(after.sequence, reader);
    return { reader, missed, reset };
  }

  /** The running reader of that id, for its owner. */
  readerOf(id: string, owner: string): TickReader | undefined {
    const reader = this.#readers.get(id);
    return reader?.owner === owner && !reader.mailbox.ended ? reader : undefined;
  }

  close(reader: TickReader): void {
    this.#leave(reader);
    this.#readers.delete(reader.id);
    reader.mailbox.end();
  }

  /** Changes what a running reader gets; it is told in its stream where the change takes effect. */
  update(reader: TickReader, add: readonly string[], remove: readonly string[]): Subscription {
    this.#leave(reader);
    const subscription = reader.change(add, remove);
    this.#join(reader);
    reader.mailbox.post({ type: "subscription", ...subscription });
    return subscription;
  }

  /** Resolves when every lossless reader has room; one that takes nothing for too long loses its stream. */
  async room(clock: Clock): Promise<void> {
    for (const reader of this.#readers.values()) {
      while (reader.lossless && !reader.mailbox.ended && reader.mailbox.size > roomy) {
        const before = reader.mailbox.size;
        const over = new AbortController();
        await Promise.race([reader.mailbox.room(roomy), clock.sleep(patience, over.signal)]);
        over.abort();
        if (reader.mailbox.size >= before) reader.fallBehind();
      }
    }
  }

  #number(source: TickRows): TickRows<Tick> {
    const rows = source as TickRows<Tick>;
    const { numbers, length } = rows;
    const standings = this.#standingsOf(rows.symbols);
    for (let row = 0; row < length; row++) {
      const at = row * ROW;
      const standing = standings[numbers[at] as number] as Standing;
      numbers[at + column.sequence] = ++standing.sequence;
      numbers[at + column.place] = ++this.#place;
    }
    this.#stand(rows);
    return rows;
  }

  /** Each symbol stands where its last row says. */
  #stand(rows: TickRows<Tick>): void {
    const { numbers, length } = rows;
    const standings = this.#standingsOf(rows.symbols);
    const moved: Standing[] = [];
    for (let row = 0; row < length; row++) {
      const standing = standings[numbers[row * ROW] as number] as Standing;
      if (standing.row < 0) moved.push(standing);
      standing.row = row;
    }
    for (const standing of moved) {
      standing.latest = rows.at(standing.row);
      standing.sequence = standing.latest?.sequence ?? 0;
      standing.row = -1;
    }
  }

  #standingsOf(symbols: TickRows["symbols"]): readonly Standing[] {
    if (this.#numbered?.symbols === symbols) return this.#numbered.standings;
    const standings = symbols.map(({ name }) => {
      const standing = this.#standings.get(name) ?? { sequence: 0, row: -1, latest: undefined };
      this.#standings.set(name, standing);
      return standing;
    });
    this.#numbered = { symbols, standings };
    return standings;
  }

  #post(frame: RowFrame, readers: Set<TickReader>): void {
    let shared: Frame | undefined;
    for (const reader of readers) {
      shared ??= reader.only(frame);
      if (shared === undefined) return;
      if (reader.mailbox.post({ type: "frame", frame: shared })) this.#delivered += shared.length;
      else readers.delete(reader);
    }
  }

  /** Of the symbols that the reader wants at this moment. */
  #since(place: number, reader: TickReader): Iterable<Frame> {
    const { packed, fresh } = this.#ring.since(place, new Set(reader.symbols));
    const recent = fresh.flatMap((frame) => reader.only(frame) ?? []);
    return this.#counted(packed, recent);
  }

  *#counted(...parts: readonly Iterable<Frame>[]): Generator<Frame, void> {
    for (const frames of parts) {
      for (const frame of frames) {
        this.#delivered += frame.length;
        yield frame;
      }
    }
  }

  #join(reader: TickReader): void {
    const readers = this.#views.get(reader.view) ?? new Set();
    this.#views.set(reader.view, readers.add(reader));
  }

  #leave(reader: TickReader): void {
    const readers = this.#views.get(reader.view);
    readers?.delete(reader);
    if (readers?.size === 0) this.#views.delete(reader.view);
  }
}
