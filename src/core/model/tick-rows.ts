/**
 * Ticks in order, as rows of numbers in one array.
 *
 * In this form ticks travel from their source to the hub and on to the history: as objects
 * they are three times as large, and the collector pays for every copy. Who looks at a
 * tick gets an object made of its row.
 */
import type { Price, Volume } from "./decimals.ts";
import type { BrokerTime, Instant } from "./ids.ts";
import type { SourceTick, Tick } from "./tick.ts";

/** Where in a row each number is. The symbol is an index into `symbols`. */
export const column = {
  symbol: 0,
  time: 1,
  brokerTime: 2,
  bid: 3,
  ask: 4,
  last: 5,
  volume: 6,
  flags: 7,
  sequence: 8,
  place: 9,
} as const;

/** Numbers in a row. */
export const ROW = 10;

type Symbols = readonly { readonly name: string }[];

/** `T` says whether the hub has numbered the ticks. */
export class TickRows<T extends SourceTick = SourceTick> implements Iterable<T> {
  /** The same list in all batches of a source: what is worked out from it holds for the next batch too. */
  readonly symbols: Symbols;
  readonly numbers: Float64Array;
  readonly length: number;

  constructor(symbols: Symbols, numbers: Float64Array) {
    this.symbols = symbols;
    this.numbers = numbers;
    this.length = numbers.length / ROW;
  }

  static of<T extends SourceTick>(ticks: readonly T[]): TickRows<T> {
    const names = [...new Set(ticks.map((tick) => tick.symbol))];
    const rows = new TickRows<T>(
      names.map((name) => ({ name })),
      new Float64Array(ticks.length * ROW),
    );
    for (const [i, tick] of ticks.entries()) {
      const { sequence = 0, place = 0 } = tick as Partial<Tick>;
      const { time, brokerTime, bid, ask, last, volume, flags } = tick;
      const row = [names.indexOf(tick.symbol), time, brokerTime, bid, ask, last, volume, flags, sequence, place];
      rows.numbers.set(row, i * ROW);
    }
    return rows;
  }

  /** The tick as an object; below zero counted from the end. */
  at(index: number): T | undefined {
    const row = index < 0 ? this.length + index : index;
    return row >= 0 && row < this.length ? this.#tick(row * ROW) : undefined;
  }

  /** The time of a tick that is there. */
  timeAt(index: number): Instant {
    return this.numbers[index * ROW + column.time] as Instant;
  }

  /** The place of a tick that is there. */
  placeAt(index: number): number {
    return this.numbers[index * ROW + column.place] as number;
  }

  /** The same numbers, not copied. */
  slice(from: number, to = this.length): TickRows<T> {
    return new TickRows(this.symbols, this.numbers.subarray(from * ROW, to * ROW));
  }

  *[Symbol.iterator](): Generator<T, void> {
    for (let at = 0; at < this.numbers.length; at += ROW) yield this.#tick(at);
  }

  #tick(at: number): T {
    const { numbers } = this;
    const tick: Tick = {
      symbol: this.symbols[numbers[at] as number]?.name as string,
      time: numbers[at + column.time] as Instant,
      brokerTime: numbers[at + column.brokerTime] as BrokerTime,
      bid: numbers[at + column.bid] as Price,
      ask: numbers[at + column.ask] as Price,
      last: numbers[at + column.last] as Price,
      volume: numbers[at + column.volume] as Volume,
      flags: numbers[at + column.flags] as number,
      sequence: numbers[at + column.sequence] as number,
      place: numbers[at + column.place] as number,
    };
    return tick as Tick & T;
  }
}

/** One tick at a time, for who looks at many and keeps none: moved from row to row, not made anew. */
export class TickView implements SourceTick {
  /** Which row it shows. */
  row = 0;
  readonly #symbols: Symbols;
  readonly #numbers: Float64Array;

  constructor({ symbols, numbers }: TickRows) {
    this.#symbols = symbols;
    this.#numbers = numbers;
  }

  get symbol(): string {
    return this.#symbols[this.#numbers[this.row * ROW] as number]?.name as string;
  }

  get time(): Instant {
    return this.#numbers[this.row * ROW + column.time] as Instant;
  }

  get brokerTime(): BrokerTime {
    return this.#numbers[this.row * ROW + column.brokerTime] as BrokerTime;
  }

  get bid(): Price {
    return this.#numbers[this.row * ROW + column.bid] as Price;
  }

  get ask(): Price {
    return this.#numbers[this.row * ROW + column.ask] as Price;
  }

  get last(): Price {
    return this.#numbers[this.row * ROW + column.last] as Price;
  }

  get volume(): Volume {
    return this.#numbers[this.row * ROW + column.volume] as Volume;
  }

  get flags(): number {
    return this.#numbers[this.row * ROW + column.flags] as number;
  }
}

/** Rows being written, up to a fixed number of them. */
export class RowWriter {
  readonly #symbols: Symbols;
  #numbers: Float64Array;
  #at = 0;

  constructor(symbols: Symbols, rows: number) {
    this.#symbols = symbols;
    this.#numbers = new Float64Array(rows * ROW);
  }

  get length(): number {
    return this.#at / ROW;
  }

  get full(): boolean {
    return this.#at === this.#numbers.length;
  }

  /** A tick that nobody has numbered. Throws when the writer is full. */
  add(
    symbol: number,
    time: number,
    brokerTime: number,
    bid: number,
    ask: number,
    last: number,
    volume: number,
    flags: number,
  ): void {
    if (this.full) throw new RangeError("the rows are full");
    const numbers = this.#numbers;
    const at = this.#at;
    numbers[at] = symbol;
    numbers[at + column.time] = time;
    numbers[at + column.brokerTime] = brokerTime;
    numbers[at + column.bid] = bid;
    numbers[at + column.ask] = ask;
    numbers[at + column.last] = last;
    numbers[at + column.volume] = volume;
    numbers[at + column.flags] = flags;
    this.#at = at + ROW;
  }

  /** Rows of a batch with the same symbols, as many as there is room for; how many. */
  copy(rows: TickRows, from: number, to: number): number {
    const numbers = this.#numbers;
    const end = Math.min(to * ROW, from * ROW + numbers.length - this.#at);
    for (let i = from * ROW; i < end; i++) numbers[this.#at++] = rows.numbers[i] as number; // runs are short
    return end / ROW - from;
  }

  /** What was written, in an array of its own; the writer is empty again. */
  take(): TickRows {
    const { full } = this;
    const numbers = full ? this.#numbers : this.#numbers.slice(0, this.#at);
    if (full) this.#numbers = new Float64Array(numbers.length);
    this.#at = 0;
    return new TickRows(this.#symbols, numbers);
  }
}
