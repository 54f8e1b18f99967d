/**
 * Protobuf written by hand, from the end to the beginning: when a length is due, what it
 * counts is there already.
 */
const [VARINT, LENGTH_DELIMITED] = [0, 2] as const;
/** A tag and a varint. */
const MOST = 20;

export class BackwardBytes {
  #bytes = new Uint8Array(64 * 1024);
  /** Where the first byte written so far is. */
  #at = this.#bytes.length;

  /** How many bytes there are so far. */
  get length(): number {
    return this.#bytes.length - this.#at;
  }

  /** What was written; the next begins with nothing. */
  take(): Buffer {
    const bytes = Buffer.from(this.#bytes.subarray(this.#at));
    this.#at = this.#bytes.length;
    return bytes;
  }

  /** Tag and length of what was written since `length` was `before`. */
  enclose(field: number, before: number): void {
    this.#room(MOST);
    this.#varint(this.length - before);
    this.#varint((field << 3) | LENGTH_DELIMITED);
  }

  text(field: number, utf8: Uint8Array): void {
    if (utf8.length === 0) return;
    this.#room(utf8.length);
    const before = this.length;
    this.#at -= utf8.length;
    this.#bytes.set(utf8, this.#at);
    this.enclose(field, before);
  }

  /** A whole number, not negative. */
  number(field: number, value: number): void {
    if (value === 0) return;
    this.#room(MOST);
    this.#varint(value);
    this.#varint((field << 3) | VARINT);
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

  #varint(value: number): void {
    let size = 1;
    for (let limit = 128; value >= limit; limit *= 128) size++;
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

  /** Grows at the front, where writing goes on. */
  #room(bytes: number): void {
    if (this.#at >= bytes) return;
    const { length } = this;
    const larger = new Uint8Array(2 * this.#bytes.length + bytes);
    larger.set(this.#bytes.subarray(this.#at), larger.length - length);
    this.#bytes = larger;
    this.#at = larger.length - length;
  }
}
