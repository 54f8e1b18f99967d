import type { Tick } from "../model/tick.ts";
import { ROW, TickRows } from "../model/tick-rows.ts";

/**
 * What one turn brought: ticks in order, and where the stream stands behind the last.
 *
 * Frames are shared: everyone who wants the same symbols gets the same object, so that
 * what a transport makes of it (bytes) can be made once.
 */
export interface Frame {
  /** How many ticks; asking does not make them. */
  readonly length: number;
  readonly rows: TickRows<Tick>;
  readonly ticks: readonly Tick[];
  /** The place of the last tick of the turn, also when that tick is not in this frame. */
  readonly sequence: number;
  /** How many earlier ticks of its symbol were folded into each tick; absent: none. */
  readonly skips: readonly number[] | undefined;
}

/** A frame of rows, whose ticks are made when somebody looks at them. */
export class RowFrame implements Frame {
  readonly rows: TickRows<Tick>;
  readonly sequence: number;
  readonly skips: readonly number[] | undefined;
  #ticks: readonly Tick[] | undefined;

  constructor(
    rows: TickRows<Tick>,
    sequence: number = rows.placeAt(rows.length - 1),
    skips: readonly number[] | undefined = undefined,
  ) {
    this.rows = rows;
    this.sequence = sequence;
    this.skips = skips;
  }

  get length(): number {
    return this.rows.length;
  }

  get ticks(): readonly Tick[] {
    this.#ticks ??= [...this.rows];
    return this.#ticks;
  }
}

/**
 * Some symbols of a frame. Readers who want different symbols have the frame in common,
 * and so what was made of each of its symbols.
 */
export class Selection implements Frame {
  readonly whole: RowFrame;
  /** By the number of a symbol: 1 where it is wanted. */
  readonly wanted: Uint8Array;
  readonly length: number;
  readonly skips = undefined;
  #picked: RowFrame | undefined;

  constructor(whole: RowFrame, wanted: Uint8Array, length: number) {
    this.whole = whole;
    this.wanted = wanted;
    this.length = length;
  }

  get sequence(): number {
    return this.whole.sequence;
  }

  get rows(): TickRows<Tick> {
    return this.#pick().rows;
  }

  get ticks(): readonly Tick[] {
    return this.#pick().ticks;
  }

  #pick(): RowFrame {
    this.#picked ??= new RowFrame(rowsOf(this.whole.rows, this.wanted, this.length), this.sequence);
    return this.#picked;
  }
}

/** How many of the rows are of wanted symbols. */
export function countOf({ numbers }: TickRows, wanted: Uint8Array): number {
  let count = 0;
  for (let at = 0; at < numbers.length; at += ROW) count += wanted[numbers[at] as number] as number;
  return count;
}

function rowsOf({ symbols, numbers }: TickRows, wanted: Uint8Array, length: number): TickRows<Tick> {
  const picked = new Float64Array(length * ROW);
  let end = 0;
  for (let at = 0; at < numbers.length; at += ROW) {
    if (wanted[numbers[at] as number] === 0) continue;
    for (let i = at; i < at + ROW; i++) picked[end++] = numbers[i] as number;
  }
  return new TickRows(symbols, picked);
}

/** The rows of each symbol, by its number in the rows' list; none where it has none. */
export function bySymbol({ symbols, numbers }: TickRows<Tick>): readonly (TickRows<Tick> | undefined)[] {
  const counts = new Uint32Array(symbols.length);
  for (let at = 0; at < numbers.length; at += ROW) {
    const symbol = numbers[at] as number;
    counts[symbol] = (counts[symbol] as number) + 1;
  }
  const parts = Array.from(counts, (count) => new Float64Array(count * ROW));
  const ends = new Uint32Array(symbols.length);
  for (let at = 0; at < numbers.length; at += ROW) {
    const symbol = numbers[at] as number;
    const part = parts[symbol] as Float64Array;
    const end = ends[symbol] as number;
    for (let i = 0; i < ROW; i++) part[end + i] = numbers[at + i] as number;
    ends[symbol] = end + ROW;
  }
  return parts.map((part) => (part.length === 0 ? undefined : new TickRows(symbols, part)));
}

/** The most ticks in one frame; a reader may ask for fewer. */
export const largest = 1000;

/** The frame in parts of at most `size` ticks. */
export function split(frame: Frame, size: number): Frame[] {
  if (frame.length <= size) return [frame];
  const parts: Frame[] = [];
  for (let from = 0; from < frame.length; from += size) {
    const rows = frame.rows.slice(from, Math.min(from + size, frame.length));
    const isLast = from + size >= frame.length;
    const sequence = isLast ? frame.sequence : rows.placeAt(rows.length - 1);
    parts.push(new RowFrame(rows, sequence, frame.skips?.slice(from, from + size)));
  }
  return parts;
}

/** Two frames that follow each other, as one. */
export function join(earlier: Frame, later: Frame): Frame {
  const folded = earlier.skips !== undefined || later.skips !== undefined;
  const skips = folded ? [...skipsOf(earlier), ...skipsOf(later)] : undefined;
  return new RowFrame(joined(earlier.rows, later.rows), later.sequence, skips);
}

function joined(earlier: TickRows<Tick>, later: TickRows<Tick>): TickRows<Tick> {
  if (earlier.symbols !== later.symbols) return TickRows.of([...earlier, ...later]);
  const numbers = new Float64Array(earlier.numbers.length + later.numbers.length);
  numbers.set(earlier.numbers);
  numbers.set(later.numbers, earlier.numbers.length);
  return new TickRows(earlier.symbols, numbers);
}

const skipsOf = ({ skips, length }: Frame): readonly number[] => skips ?? new Array<number>(length).fill(0);
