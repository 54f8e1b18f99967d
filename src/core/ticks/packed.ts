/**
 * Ticks of one symbol in a few bytes each, to be kept and seldom looked at.
 *
 * Column by column: the first number, then differences as zigzag varints, and none where
 * nothing changes any more. What such differences cannot hold is kept as it is.
 */
import { column, ROW, type TickRows } from "../model/tick-rows.ts";

/** What is kept of a row, less what it mostly goes along with. */
const columns = [
  { of: column.time, less: undefined },
  { of: column.brokerTime, less: column.time },
  { of: column.bid, less: undefined },
  { of: column.ask, less: column.bid },
  { of: column.last, less: undefined },
  { of: column.volume, less: undefined },
  { of: column.flags, less: undefined },
  { of: column.sequence, less: undefined }, // and less its index
  { of: column.place, less: undefined },
] as const;

/** Twice the difference of two such numbers is still exact. */
const LIMIT = 2 ** 50;

export type Packed = { readonly count: number } & (
  | { readonly bytes: Uint8Array }
  /** Rows that do not fit. */
  | { readonly numbers: Float64Array }
);

export const bytesOf = (part: Packed): number => ("bytes" in part ? part.bytes.length : part.numbers.byteLength);

let bytes = new Uint8Array(0);
let values = new Float64Array(0);

/** Ticks that followed each other, in pieces of the same symbols: each symbol's on their own. */
export function packed(pieces: readonly TickRows[]): Map<string, Packed> {
  const [{ symbols } = { symbols: [] }] = pieces;
  const total = pieces.reduce((sum, { length }) => sum + length, 0);
  if (values.length < columns.length * total) values = new Float64Array(2 * columns.length * total);
  const { counts, starts } = sorted(pieces, symbols.length, total);
  const parts = new Map<string, Packed>();
  for (const [symbol, { name }] of symbols.entries()) {
    const count = counts[symbol] as number;
    if (count === 0) continue;
    const start = starts[symbol] as number;
    const own = packedColumns(start, count, total);
    parts.set(name, own === undefined ? { count, numbers: rowsOf(pieces, symbol, count) } : { count, bytes: own });
  }
  return parts;
}

/** Fills `values`: column by column, and in each one symbol behind the other. */
function sorted(pieces: readonly TickRows[], symbols: number, total: number) {
  const counts = new Uint32Array(symbols);
  for (const { numbers } of pieces) {
    for (let at = 0; at < numbers.length; at += ROW) {
      const symbol = numbers[at] as number;
      counts[symbol] = (counts[symbol] as number) + 1;
    }
  }
  const starts = new Uint32Array(symbols);
  for (let i = 1; i < symbols; i++) starts[i] = (starts[i - 1] as number) + (counts[i - 1] as number);
  const ends = starts.slice();
  const out = values;
  for (const { numbers } of pieces) {
    for (let at = 0; at < numbers.length; at += ROW) {
      const symbol = numbers[at] as number;
      const to = ends[symbol] as number;
      ends[symbol] = to + 1;
      const time = numbers[at + column.time] as number;
      const bid = numbers[at + column.bid] as number;
      // In the order of `columns`; a loop over them would take three times as long.
      out[to] = time;
      out[to + total] = (numbers[at + column.brokerTime] as number) - time;
      out[to + 2 * total] = bid;
      out[to + 3 * total] = (numbers[at + column.ask] as number) - bid;
      out[to + 4 * total] = numbers[at + column.last] as number;
      out[to + 5 * total] = numbers[at + column.volume] as number;
      out[to + 6 * total] = numbers[at + column.flags] as number;
      out[to + 7 * total] = (numbers[at + column.sequence] as number) - to + (starts[symbol] as number);
      out[to + 8 * total] = numbers[at + column.place] as number;
    }
  }
  return { counts, starts };
}

/** Undefined: they do not fit. */
function packedColumns(start: number, count: number, total: number): Uint8Array | undefined {
  const most = columns.length * (4 + 8 * count);
  if (bytes.length < most) bytes = new Uint8Array(2 * most);
  let end = 0;
  for (let i = 0; i < columns.length; i++) {
    end = packColumn(start + i * total, count, end);
    if (end < 0) return undefined;
  }
  return bytes.slice(0, end);
}

/** How many numbers there are up to the last that differs, in four bytes, then their differences; -1: they do not fit. */
function packColumn(from: number, count: number, start: number): number {
  const [read, write] = [values, bytes];
  let changes = count;
  while (changes > 1 && read[from + changes - 1] === read[from + changes - 2]) changes--;
  for (let i = 0; i < 4; i++) write[start + i] = changes >>> (8 * i);
  let at = start + 4;
  let before = 0;
  for (let i = from; i < from + changes; i++) {
    const value = read[i] as number;
    const step = value - before;
    before = value;
    const whole = step | 0;
    if (whole === step && whole < 64 && whole >= -64) write[at++] = (whole << 1) ^ (whole >> 31);
    else if (Number.isInteger(step) && value <= LIMIT && value >= -LIMIT) {
      at = varint(step < 0 ? -2 * step - 1 : 2 * step, at);
    } else return -1;
  }
  return at;
}

function rowsOf(pieces: readonly TickRows[], symbol: number, count: number): Float64Array {
  const rows = new Float64Array(count * ROW);
  let end = 0;
  for (const { numbers } of pieces) {
    for (let at = 0; at < numbers.length; at += ROW) {
      if (numbers[at] !== symbol) continue;
      rows.set(numbers.subarray(at, at + ROW), end);
      end += ROW;
    }
  }
  return rows;
}

/** The rows as they were, but for the symbol's number, which is `symbol`. */
export function unpack(packed: Packed, symbol: number): Float64Array {
  if ("numbers" in packed) {
    const numbers = packed.numbers.slice();
    for (let at = 0; at < numbers.length; at += ROW) numbers[at] = symbol;
    return numbers;
  }
  const { bytes, count } = packed;
  const numbers = new Float64Array(count * ROW);
  let at = 0;
  const next = (): number => {
    let value = 0;
    let scale = 1;
    for (; ; scale *= 128) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  for (const { of } of columns) {
    let changes = 0;
    for (let i = 0; i < 4; i++) changes += (bytes[at++] as number) * 256 ** i;
    let value = 0;
    for (let row = 0; row < count; row++) {
      if (row < changes) {
        const step = next();
        value += step % 2 === 0 ? step / 2 : -(step + 1) / 2;
      }
      numbers[row * ROW + of] = of === column.sequence ? value + row : value;
    }
  }
  for (let row = 0; row < numbers.length; row += ROW) {
    numbers[row] = symbol;
    for (const { of, less } of [...columns].reverse()) {
      if (less !== undefined) numbers[row + of] = (numbers[row + of] as number) + (numbers[row + less] as number);
    }
  }
  return numbers;
}

function varint(value: number, at: number): number {
  let end = at;
  let rest = value;
  for (; rest >= 2 ** 31; rest = Math.floor(rest / 128)) bytes[end++] = (rest % 128) | 128;
  for (; rest >= 128; rest >>>= 7) bytes[end++] = (rest & 127) | 128;
  bytes[end++] = rest;
  return end;
}
