/**
 * Protobuf written by hand, from the end to the beginning: when a length is due, what it
 * counts is there already.
 *
 * Fields have numbers up to 15, so that a tag is one byte.
 */
const [VARINT, DOUBLE, LENGTH_DELIMITED] = [0, 1, 2] as const;
/** A tag and a varint. */
const MOST = 11;

export class BackwardBytes {
  #bytes = new Uint8Array(64 * 1024);
  #view = new DataView(this.#bytes.buffer);
  /** Where the first byte written so far is. */
  #at = this.#bytes.length;

  /** How many bytes there are so far. */
  get length(): number {
    return this.#bytes.length - this.#at;
  }

  /** What was written; it holds until something else is. The next begins with nothing. */
  lend(): Uint8Array {
    const bytes = this.#bytes.subarray(this.#at);
    this.#at = this.#bytes.length;
    return bytes;
  }

  /** The same, to keep. */
  take(): Buffer {
    return Buffer.from(this.lend());
  }

  /** Fields that were written before. */
  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#at -= bytes.length;
    this.#bytes.set(bytes, this.#at);
  }

  /** Tag and length of what was written since `length` was `before`. */
  enclose(field: number, before: number): void {
    this.#room(MOST);
    this.#varint(this.length - before);
    this.#tag(field, LENGTH_DELIMITED);
  }

  text(field: number, utf8: Uint8Array): void {
    if (utf8.length === 0) return;
    const before = this.length;
    this.raw(utf8);
    this.enclose(field, before);
  }

  /** A whole number; one that is 0 is not written. */
  number(field: number, value: number): void {
    if (value === 0) return;
    this.#room(MOST);
    if (value < 0) this.#negative(value);
    else this.#varint(value);
    this.#tag(field, VARINT);
  }

  /** One that is 0 is not written; one that is -0 is. */
  double(field: number, value: number): void {
    if (Object.is(value, 0)) return;
    this.#room(MOST);
    this.#at -= 8;
    this.#view.setFloat64(this.#at, value, true);
    this.#tag(field, DOUBLE);
  }

  /** The first number, then the difference of each to the one before it; differences of 0 at the end are left out. */
  differences(field: number, values: Float64Array, count: number): void {
    let last = count - 1;
    while (last > 0 && values[last] === values[last - 1]) last--;
    if (last < 0 || (last === 0 && values[0] === 0)) return;
    this.#room(10 * (last + 1));
    const before = this.length;
    const bytes = this.#bytes;
    for (let i = last; i >= 0; i--) {
      const step = (values[i] as number) - (i === 0 ? 0 : (values[i - 1] as number));
      if (step >= -64 && step < 64) bytes[--this.#at] = (step << 1) ^ (step >> 31);
      else this.#varint(step < 0 ? -2 * step - 1 : 2 * step);
    }
    this.enclose(field, before);
  }

  #tag(field: number, wireType: number): void {
    this.#bytes[--this.#at] = (field << 3) | wireType;
  }

  #varint(value: number): void {
    if (value < 128) {
      this.#bytes[--this.#at] = value;
      return;
    }
    let size = 2;
    for (let limit = 16_384; value >= limit; limit *= 128) size++;
    this.#at -= size;
    let at = this.#at;
    let rest = value;
    for (; rest >= 2 ** 31; at++) {
      const higher = Math.floor(rest / 128);
      this.#bytes[at] = (rest - higher * 128) | 128;
      rest = higher;
    }
    for (; rest >= 128; rest >>>= 7) this.#bytes[at++] = (rest & 127) | 128;
    this.#bytes[at] = rest;
  }

  /** Ten bytes: its complement of two in 64 bits. */
  #negative(value: number): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    this.#at -= 10;
    for (let at = this.#at; at < this.#at + 10; at++) {
      this.#bytes[at] = Number(rest & 127n) | (rest > 127n ? 128 : 0);
      rest >>= 7n;
    }
  }

  /** Grows at the front, where writing goes on. */
  #room(bytes: number): void {
    if (this.#at >= bytes) return;
    const { length } = this;
    const larger = new Uint8Array(2 * this.#bytes.length + bytes);
    larger.set(this.#bytes.subarray(this.#at), larger.length - length);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
    this.#at = larger.length - length;
  }
}
