/**
 * Looks through the bytes of a tick stream without making messages of them: a client that
 * decoded ten million ticks a second would measure itself.
 *
 * Every message is counted, and its cursor (which counts ticks over all symbols) shows
 * whether one is missing. A thorough reader looks at each tick: its symbol's own sequence
 * and its time.
 */

// Tags of StreamTicksResponse, TickBatch and Tick: field number and wire type.
const [OPENED, BATCH, HEARTBEAT, CLOSING] = [0x0a, 0x22, 0x32, 0x42] as const;
const [TICK, CURSOR] = [0x0a, 0x12] as const;
const [SYMBOL, TIME, SEQUENCE] = [0x0a, 0x30, 0x48] as const;
const CURSOR_SEQUENCE = 0x10;
const SOURCE_STATE = 0x18;

export type Heard = "opened" | "batch" | "heartbeat" | "closing" | "other";

export class BatchReader {
  /** Ticks so far. */
  ticks = 0;
  /** Messages with ticks. */
  batches = 0;
  /** Ticks that were left out, by the cursor and by the symbols' sequences. */
  holes = 0;
  /** Of the last heartbeat. */
  sourceState = 0;
  readonly #thorough: ((timeMs: number) => void) | undefined;
  readonly #sequences = new Map<string, number>();
  #place: number | undefined;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  /** `thorough` is told the time of every tick. */
  constructor(thorough?: (timeMs: number) => void) {
    this.#thorough = thorough;
  }

  read(bytes: Buffer): Heard {
    this.#bytes = bytes;
    this.#at = 1;
    switch (bytes[0]) {
      case OPENED:
        return "opened";
      case BATCH:
        this.#batch(this.#varint() + this.#at);
        return "batch";
      case HEARTBEAT:
        this.#varint();
        this.#heartbeat();
        return "heartbeat";
      case CLOSING:
        return "closing";
      default:
        return "other";
    }
  }

  #batch(end: number): void {
    let ticks = 0;
    let place = 0;
    while (this.#at < end) {
      const tag = this.#bytes[this.#at++];
      const stop = this.#varint() + this.#at;
      if (tag === TICK) {
        ticks++;
        if (this.#thorough !== undefined) this.#tick(stop, this.#thorough);
      } else if (tag === CURSOR) {
        place = this.#fieldOf(CURSOR_SEQUENCE, stop);
      }
      this.#at = stop;
    }
    this.holes += place - ticks - (this.#place ?? place - ticks);
    this.#place = place;
    this.ticks += ticks;
    this.batches++;
  }

  #tick(end: number, thorough: (timeMs: number) => void): void {
    let symbol = "";
    while (this.#at < end) {
      const tag = this.#bytes[this.#at++] as number;
      if (tag === SYMBOL) {
        const stop = this.#varint() + this.#at;
        symbol = this.#bytes.toString("latin1", this.#at, stop);
        this.#at = stop;
      } else if (tag === TIME) thorough(this.#varint());
      else if (tag === SEQUENCE) {
        const sequence = this.#varint();
        this.holes += sequence - 1 - (this.#sequences.get(symbol) ?? sequence - 1);
        this.#sequences.set(symbol, sequence);
      } else this.#skip(tag);
    }
  }

  #heartbeat(): void {
    this.sourceState = this.#fieldOf(SOURCE_STATE, this.#bytes.length);
  }

  /** A number among the fields up to `end`. */
  #fieldOf(wanted: number, end: number): number {
    let found = 0;
    while (this.#at < end) {
      const tag = this.#bytes[this.#at++] as number;
      if (tag === wanted) found = this.#varint();
      else this.#skip(tag);
    }
    return found;
  }

  #skip(tag: number): void {
    const wireType = tag & 7;
    if (wireType === 1) this.#at += 8;
    else {
      const number = this.#varint();
      if (wireType === 2) this.#at += number;
    }
  }

  #varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.#at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }
}
