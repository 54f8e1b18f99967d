/**
 * Frames out of bytes that arrive in pieces of any size: four bytes of length, the most significant first, and then so
 * many bytes.
 *
 * Always true: what is kept is what is not a whole frame yet, in a room at most twice as large, however small the
 * pieces were. Bytes that were given out are never written again.
 */

/** The bytes of a length. */
export const headBytes = 4;

export class FrameCutter {
  readonly #largest: number;
  #room: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  constructor(largest: number) {
    this.#largest = largest;
  }

  /** Whether a frame has begun that is not whole. */
  get isWithinFrame(): boolean {
    return this.#end > this.#start;
  }

  add(piece: Buffer): void {
    const held = this.#end - this.#start;
    if (held === 0) {
      [this.#room, this.#start, this.#end] = [piece, 0, piece.length];
      return;
    }
    if (this.#end + piece.length > this.#room.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(held + piece.length, 2 * held));
      this.#room.copy(larger, 0, this.#start, this.#end);
      [this.#room, this.#start, this.#end] = [larger, 0, held];
    }
    piece.copy(this.#room, this.#end);
    this.#end += piece.length;
  }

  /** The next whole frame; undefined when more bytes are needed. Throws a sentence when it would be too large. */
  next(): Uint8Array | undefined {
    const held = this.#end - this.#start;
    if (held < headBytes) return undefined;
    const length = this.#room.readUInt32BE(this.#start);
    if (length > this.#largest) {
      throw new RangeError(`a frame of ${length} bytes was announced; the largest is ${this.#largest}`);
    }
    if (held < headBytes + length) return undefined;
    const from = this.#start + headBytes;
    this.#start = from + length;
    return this.#room.subarray(from, this.#start);
  }
}
