/**
 * Looks through the bytes of a tick stream without making messages of them: a client that
 * decoded ten million ticks a second would measure itself.
 *
 * Every message is counted, and its cursor (which counts ticks over all symbols) shows
 * whether one is missing. A thorough reader looks at each tick: its symbol's own sequence
 * and its time.
 */

// Tags of StreamTicksResponse, TickBatch and Tick: field number and wire type.
const [BATCH, CLOSING] = [0x22, 0x42] as const;
const [TICK, CURSOR, COLUMNS] = [0x0a, 0x12, 0x1a] as const;
/** How many ticks columns hold; what is in them only `reader.c` looks at. */
const COUNT = 0x18;
const [SYMBOL, TIME, SEQUENCE] = [0x0a, 0x30, 0x48] as const;
const CURSOR_SEQUENCE = 0x10;

/** The data of a WebSocket's frame. */
const DATA = 0x7a;

export type Heard = "batch" | "closing" | "other";

/** Is told the time of every tick. */
export type TickLook = (timeMs: number) => void;

export class BatchReader {
  /** Ticks so far. */
  ticks = 0;
  /** Messages with ticks. */
  batches = 0;
  /** Ticks that were left out, by the cursor and by the symbols' sequences. */
  holes = 0;
  /** By the clock of `performance`. */
  lastTickAt = 0;
  readonly #look: TickLook | undefined;
  readonly #sequences = new Map<string, number>();
  #place: number | undefined;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  /** With `look` it is a thorough one. */
  constructor(look?: TickLook) {
    this.#look = look;
  }

  /** What a WebSocket's frame carries. */
  payloadOf(frame: Buffer): Buffer {
    this.#bytes = frame;
    this.#at = 0;
    while (this.#at < frame.length) {
      const tag = frame[this.#at++] as number;
      if (tag !== DATA) this.#skip(tag);
      else {
        this.#varint();
        return frame.subarray(this.#at);
      }
    }
    return frame.subarray(frame.length);
  }

  read(bytes: Buffer): Heard {
    this.#bytes = bytes;
    this.#at = 1;
    switch (bytes[0]) {
      case BATCH:
        this.#batch(this.#varint() + this.#at);
        return "batch";
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
        if (this.#look !== undefined) this.#tick(stop, this.#look);
      } else if (tag === CURSOR) {
        place = this.#fieldOf(CURSOR_SEQUENCE, stop);
      } else if (tag === COLUMNS) ticks += this.#fieldOf(COUNT, stop);
      this.#at = stop;
    }
    this.count(ticks, place);
  }

  /** A batch that ends at this place among all ticks. */
  count(ticks: number, place: number): void {
    this.holes += Math.abs(place - ticks - (this.#place ?? place - ticks));
    this.#place = place;
    this.ticks += ticks;
    this.batches++;
    this.lastTickAt = performance.now();
  }

  /** A tick that should be the next of its symbol. */
  follow(symbol: string, sequence: number): void {
    this.holes += Math.abs(sequence - 1 - (this.#sequences.get(symbol) ?? sequence - 1));
    this.#sequences.set(symbol, sequence);
  }

  #tick(end: number, look: TickLook): void {
    let symbol = "";
    while (this.#at < end) {
      const tag = this.#bytes[this.#at++] as number;
      if (tag === SYMBOL) {
        const stop = this.#varint() + this.#at;
        symbol = this.#bytes.toString("latin1", this.#at, stop);
        this.#at = stop;
      } else if (tag === TIME) look(this.#varint());
      else if (tag === SEQUENCE) this.follow(symbol, this.#varint());
      else this.#skip(tag);
    }
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

interface JsonTick {
  readonly symbol: string;
  readonly timeMs: string;
  readonly sequence: string;
}

interface JsonEvent {
  readonly type?: string;
  readonly batch?: { readonly ticks: readonly JsonTick[]; readonly cursor: { readonly sequence: string } };
  readonly closing?: object;
  /** Of a WebSocket's frame; in the simple profile, a tick. */
  readonly data?: JsonEvent & { readonly time?: string };
}

/** The same for JSON, which has to be decoded. The simple profile's ticks have no numbers: nothing missing shows. */
export class JsonReader {
  readonly #reader: BatchReader;
  readonly #look: TickLook | undefined;
  #simple = 0;

  constructor(reader: BatchReader, look: TickLook | undefined) {
    this.#reader = reader;
    this.#look = look;
  }

  read(text: Buffer): Heard {
    const frame = JSON.parse(text.toString()) as JsonEvent;
    if (frame.type === "tick_data" && frame.data?.time !== undefined) {
      this.#look?.(Date.parse(frame.data.time));
      this.#reader.count(1, ++this.#simple);
      return "batch";
    }
    const { batch, closing } = frame.data ?? frame;
    if (closing !== undefined) return "closing";
    if (batch === undefined) return "other";
    this.#reader.count(batch.ticks.length, Number(batch.cursor.sequence));
    if (this.#look !== undefined) {
      for (const { symbol, timeMs, sequence } of batch.ticks) {
        this.#look(Number(timeMs));
        this.#reader.follow(symbol, Number(sequence));
      }
    }
    return "batch";
  }
}
