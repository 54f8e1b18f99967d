/**
 * A batch of ticks as the bytes of a StreamTicksResponse, straight from the ticks.
 *
 * Making a message of each tick and handing that to the library takes about ten times as
 * long, and was near half of what a replay to one reader cost. Byte for byte this is what
 * the library would have written; a test holds the two together.
 *
 * Bytes are written from the end to the beginning: when a length is due, what it counts
 * is there already.
 */
import type { SymbolSpec } from "../core/model/symbol.ts";
import type { Tick } from "../core/model/tick.ts";
import type { Cursor } from "../core/streams/cursor.ts";
import { inEnvelope } from "./envelope.ts";

// Tags: a field's number and its wire type.
const [VARINT, DOUBLE, BYTES] = [0, 1, 2] as const;
const tag = (field: number, wireType: number): number => (field << 3) | wireType;

const response = { batch: tag(4, BYTES) };
const batch = { tick: tag(1, BYTES), cursor: tag(2, BYTES) };
const mark = { epoch: tag(1, BYTES), sequence: tag(2, VARINT) };
// biome-ignore format: a table is read by its rows
const fields = {
  symbol: tag(1, BYTES), bid: tag(2, DOUBLE), ask: tag(3, DOUBLE), last: tag(4, DOUBLE), volume: tag(5, DOUBLE),
  time: tag(6, VARINT), brokerTime: tag(7, VARINT), flags: tag(8, VARINT), sequence: tag(9, VARINT), skipped: tag(10, VARINT),
};

/** All of a tick but its symbol: its own tag and length, four doubles, six numbers. */
const MOST = 2 * 11 + 4 * 9 + 6 * 11;
const LOT = 1e8;

/** What all ticks of a symbol share. */
interface Known {
  readonly name: Uint8Array;
  /** Points of a price of 1. */
  readonly scale: number;
}

const utf8 = new TextEncoder();

export class BatchWriter {
  readonly #symbols: ReadonlyMap<string, SymbolSpec>;
  readonly #known = new Map<string, Known>();
  #epoch = { name: "", text: new Uint8Array(0) };
  #bytes = new Uint8Array(64 * 1024);
  #view = new DataView(this.#bytes.buffer);
  /** Where the first byte written so far is. */
  #at = 0;

  constructor(symbols: ReadonlyMap<string, SymbolSpec>) {
    this.#symbols = symbols;
  }

  /** In its envelope. `skips` tells of each tick how many were folded into it; absent: none. */
  response(ticks: readonly Tick[], skips: readonly number[] | undefined, cursor: Cursor): Buffer {
    this.#at = this.#bytes.length;
    this.#cursor(cursor);
    for (let i = ticks.length - 1; i >= 0; i--) this.#tick(ticks[i] as Tick, skips?.[i] ?? 0);
    this.#room(MOST);
    this.#length(response.batch, this.#bytes.length);
    return inEnvelope(this.#bytes.subarray(this.#at));
  }

  #cursor({ epoch, sequence }: Cursor): void {
    if (epoch !== this.#epoch.name) this.#epoch = { name: epoch, text: utf8.encode(epoch) };
    const { text } = this.#epoch;
    this.#room(text.length + MOST);
    const end = this.#at;
    this.#number(mark.sequence, sequence);
    if (text.length > 0) this.#text(mark.epoch, text);
    this.#length(batch.cursor, end);
  }

  #tick(tick: Tick, skipped: number): void {
    const { name, scale } = this.#known.get(tick.symbol) ?? this.#know(tick.symbol);
    this.#room(name.length + MOST);
    const end = this.#at;
    this.#number(fields.skipped, skipped);
    this.#number(fields.sequence, tick.sequence);
    this.#number(fields.flags, tick.flags);
    this.#number(fields.brokerTime, tick.brokerTime);
    this.#number(fields.time, tick.time);
    this.#double(fields.volume, tick.volume / LOT);
    this.#double(fields.last, tick.last / scale);
    this.#double(fields.ask, tick.ask / scale);
    this.#double(fields.bid, tick.bid / scale);
    if (name.length > 0) this.#text(fields.symbol, name);
    this.#length(batch.tick, end);
  }

  #know(symbol: string): Known {
    const known = { name: utf8.encode(symbol), scale: 10 ** (this.#symbols.get(symbol)?.digits ?? 0) };
    this.#known.set(symbol, known);
    return known;
  }

  #text(tagged: number, bytes: Uint8Array): void {
    const end = this.#at;
    this.#at -= bytes.length;
    this.#bytes.set(bytes, this.#at);
    this.#length(tagged, end);
  }

  /** A field that is 0 is not written; one that is -0 is. */
  #double(tagged: number, value: number): void {
    if (Object.is(value, 0)) return;
    this.#at -= 8;
    this.#view.setFloat64(this.#at, value, true);
    this.#bytes[--this.#at] = tagged;
  }

  #number(tagged: number, value: number): void {
    if (value === 0) return;
    this.#varint(value);
    this.#bytes[--this.#at] = tagged;
  }

  /** Of what was written since the position was `end`. */
  #length(tagged: number, end: number): void {
    this.#varint(end - this.#at);
    this.#bytes[--this.#at] = tagged;
  }

  #varint(value: number): void {
    if (value < 128 && value >= 0) this.#bytes[--this.#at] = value;
    else if (value < 0) this.#negative(value);
    else {
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
    const written = this.#bytes.length - this.#at;
    const larger = new Uint8Array(2 * this.#bytes.length + bytes);
    larger.set(this.#bytes.subarray(this.#at), larger.length - written);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
    this.#at = larger.length - written;
  }
}
