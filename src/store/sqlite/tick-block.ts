/**
 * Up to 4,096 ticks of one symbol in a few bytes each.
 *
 * Column by column: the first value, then the differences as zigzag varints. A column
 * that always grows by the same step (the sequence; the last price where there is none;
 * the broker clock's offset) is kept as that step and costs nothing more. The ask is
 * kept as the spread. Whole numbers only, up to 2^50 either way: `holds` tells.
 *
 * A block is built in the form in which it is stored, a few ticks at a time, so that an
 * open block costs little memory (9 KB, and what it will take on the disk) and can be
 * written at any time.
 */
import { column, ROW } from "../../core/model/tick-rows.ts";

export const BLOCK_TICKS = 4096;

const FORMAT = 1;
/** Ticks that are packed at a time. */
const WAITING = 128;
/** The difference of two differences of such numbers, doubled, is still exact in a double. */
const LIMIT = 2 ** 50;
const STEADY = 0;
const VARYING = 1;

/** A tick without its symbol: time, broker time, bid, ask, last, volume, flags, sequence, place. */
export const TICK_FIELDS = 9;

/** Ticks as columns; `count` of each are meant. */
export interface TickColumns {
  readonly count: number;
  readonly time: Float64Array;
  readonly offset: Float64Array;
  readonly bid: Float64Array;
  readonly spread: Float64Array;
  readonly last: Float64Array;
  readonly volume: Float64Array;
  readonly flags: Float64Array;
  readonly sequence: Float64Array;
  readonly place: Float64Array;
}

export class TickBlock {
  readonly #columns = Array.from({ length: TICK_FIELDS }, () => new Column());
  /** Ticks that are not in the columns yet: column by column is faster when several come at once. */
  readonly #waiting = new Float64Array(WAITING * TICK_FIELDS);
  #count = 0;
  #packed = 0;
  #firstTime = 0;
  #lastTime = 0;

  static from(columns: TickColumns): TickBlock {
    const block = new TickBlock();
    const rows = rowsOf(columns, 0, columns.count);
    for (let at = 1; at < rows.length; at += ROW) block.add(rows, at);
    return block;
  }

  get count(): number {
    return this.#count;
  }

  get full(): boolean {
    return this.#count >= BLOCK_TICKS;
  }

  get firstTime(): number {
    return this.#firstTime;
  }

  get lastTime(): number {
    return this.#lastTime;
  }

  /** Adds the tick whose fields begin at `at`. */
  add(fields: Float64Array, at: number): void {
    const waiting = this.#waiting;
    const to = (this.#count - this.#packed) * TICK_FIELDS;
    for (let i = 0; i < TICK_FIELDS; i++) waiting[to + i] = fields[at + i] as number;
    const time = fields[at] as number;
    if (this.#count === 0) this.#firstTime = time;
    this.#lastTime = time;
    this.#count++;
    if (this.#count - this.#packed === WAITING) this.#pack();
  }

  encode(): Uint8Array {
    this.#pack();
    const bytes = new Bytes(16 + this.#columns.reduce((sum, column) => sum + column.size, 0));
    bytes.byte(FORMAT);
    bytes.varint(this.#count);
    for (const column of this.#columns) column.writeTo(bytes);
    return bytes.written();
  }

  /** The broker's clock is kept as what it is ahead, the ask as the spread. */
  #pack(): void {
    const waiting = this.#waiting;
    const end = (this.#count - this.#packed) * TICK_FIELDS;
    this.#packed = this.#count;
    for (let at = 0; at < end; at += TICK_FIELDS) {
      waiting[at + 1] = (waiting[at + 1] as number) - (waiting[at] as number);
      waiting[at + 3] = (waiting[at + 3] as number) - (waiting[at + 2] as number);
    }
    for (const [i, column] of this.#columns.entries()) column.add(waiting, i, end);
  }
}

/** Whether a block can hold the tick whose fields begin at `at`. */
export function holds(fields: Float64Array, at: number): boolean {
  for (let i = at; i < at + TICK_FIELDS; i++) {
    const value = fields[i] as number;
    if (!Number.isInteger(value) || value > LIMIT || value < -LIMIT) return false;
  }
  return true;
}

/** Throws when the bytes are not a block. */
export function decodeBlock(bytes: Uint8Array): TickColumns {
  const reader = new Reader(bytes);
  const format = reader.byte();
  if (format !== FORMAT) throw new RangeError(`a block of format ${format}; this version reads ${FORMAT}`);
  const count = reader.varint();
  if (count > BLOCK_TICKS) throw new RangeError(`a block of ${count} ticks`);
  const column = () => reader.column(count);
  return {
    count,
    time: column(),
    offset: column(),
    bid: column(),
    spread: column(),
    last: column(),
    volume: column(),
    flags: column(),
    sequence: column(),
    place: column(),
  };
}

/** The ticks from `first` up to, not including, `end`, as rows whose symbol is 0. */
export function rowsOf(columns: TickColumns, first: number, end: number): Float64Array {
  const { time, offset, bid, spread, last, volume, flags, sequence, place } = columns;
  const rows = new Float64Array((end - first) * ROW);
  for (let i = first, at = 0; i < end; i++, at += ROW) {
    rows[at + column.time] = time[i] as number;
    rows[at + column.brokerTime] = (time[i] as number) + (offset[i] as number);
    rows[at + column.bid] = bid[i] as number;
    rows[at + column.ask] = (bid[i] as number) + (spread[i] as number);
    rows[at + column.last] = last[i] as number;
    rows[at + column.volume] = volume[i] as number;
    rows[at + column.flags] = flags[i] as number;
    rows[at + column.sequence] = sequence[i] as number;
    rows[at + column.place] = place[i] as number;
  }
  return rows;
}

class Column {
  #bytes: Bytes | undefined;
  #count = 0;
  #first = 0;
  #last = 0;
  #step = 0;

  /** No less than what `writeTo` will write. */
  get size(): number {
    return 17 + (this.#bytes?.length ?? 0);
  }

  /** Every `TICK_FIELDS`th number from `from` on, before `end`. */
  add(numbers: Float64Array, from: number, end: number): void {
    let at = from;
    while (at < end && this.#bytes === undefined) {
      if (this.#count > 1 && numbers[at] === this.#last + this.#step) {
        this.#last += this.#step;
        this.#count++;
      } else this.#addSteady(numbers[at] as number);
      at += TICK_FIELDS;
    }
    if (this.#bytes !== undefined) this.#last = this.#bytes.differences(numbers, at, end, this.#last);
  }

  /** As long as all differences are the same. */
  #addSteady(value: number): void {
    const difference = value - this.#last;
    if (this.#count === 0) this.#first = value;
    else if (this.#count === 1) this.#step = difference;
    else if (difference !== this.#step) {
      this.#bytes = new Bytes(256);
      for (let i = 1; i < this.#count; i++) this.#bytes.zigzag(this.#step);
      this.#bytes.zigzag(difference);
    }
    this.#last = value;
    this.#count++;
  }

  writeTo(bytes: Bytes): void {
    bytes.byte(this.#bytes === undefined ? STEADY : VARYING);
    bytes.zigzag(this.#first);
    if (this.#bytes === undefined) bytes.zigzag(this.#step);
    else bytes.append(this.#bytes.written());
  }
}

class Bytes {
  length = 0;
  #array: Uint8Array;

  constructor(size: number) {
    this.#array = new Uint8Array(size);
  }

  byte(value: number): void {
    if (this.length === this.#array.length) this.#grow(1);
    this.#array[this.length++] = value;
  }

  /** Of every `TICK_FIELDS`th number, the first to `last`; nearly all take a byte. Returns the last number. */
  differences(numbers: Float64Array, from: number, end: number, last: number): number {
    if (this.length + end > this.#array.length) this.#grow(end); // nine bytes each, more than any takes
    const array = this.#array;
    let before = last;
    for (let at = from; at < end; at += TICK_FIELDS) {
      const value = numbers[at] as number;
      const difference = value - before;
      before = value;
      if (difference >= -64 && difference < 64) array[this.length++] = (difference << 1) ^ (difference >> 31);
      else this.zigzag(difference);
    }
    return before;
  }

  zigzag(value: number): void {
    this.varint(value >= 0 ? 2 * value : -2 * value - 1);
  }

  varint(value: number): void {
    if (this.length + 8 > this.#array.length) this.#grow(8);
    let rest = value;
    while (rest > 0x7fff_ffff) {
      this.#array[this.length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest > 127) {
      this.#array[this.length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#array[this.length++] = rest;
  }

  append(bytes: Uint8Array): void {
    if (this.length + bytes.length > this.#array.length) this.#grow(bytes.length);
    this.#array.set(bytes, this.length);
    this.length += bytes.length;
  }

  written(): Uint8Array {
    return this.#array.subarray(0, this.length);
  }

  #grow(by: number): void {
    const larger = new Uint8Array(Math.max(2 * this.#array.length, this.length + by));
    larger.set(this.written());
    this.#array = larger;
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new RangeError("a block ends in the middle");
    return value;
  }

  varint(): number {
    let byte = this.byte();
    if (byte < 128) return byte;
    let value = byte & 127;
    let scale = 128;
    do {
      byte = this.byte();
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte > 127);
    return value;
  }

  zigzag(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  column(count: number): Float64Array {
    const values = new Float64Array(count);
    const varying = this.byte() === VARYING;
    const first = this.zigzag();
    if (count > 0) values[0] = first;
    if (varying) this.#differences(values);
    else {
      const step = this.zigzag();
      for (let i = 1; i < count; i++) values[i] = first + i * step;
    }
    return values;
  }

  /** Nearly all take one or two bytes. */
  #differences(values: Float64Array): void {
    const bytes = this.#bytes;
    let at = this.#at;
    let value = values[0] as number;
    for (let i = 1; i < values.length; i++) {
      const byte = bytes[at] as number;
      const next = bytes[at + 1] as number;
      if (byte < 128) {
        at++;
        value += (byte >>> 1) ^ -(byte & 1);
      } else if (next < 128) {
        const two = (byte & 127) | (next << 7);
        at += 2;
        value += (two >>> 1) ^ -(two & 1);
      } else {
        this.#at = at;
        value += this.zigzag();
        at = this.#at;
      }
      values[i] = value;
    }
    this.#at = at;
  }
}
