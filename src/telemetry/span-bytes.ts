/**
 * Spans as OTLP has them in protobuf, each written when it is told, behind the others of the same request.
 *
 * OpenTelemetry's SDK makes many objects of a span before it is bytes, and computes for several microseconds; an order
 * has eighteen spans. Here a span is bytes within a fraction of a microsecond, and nothing is left of it for the garbage collector.
 *
 * Lengths are written in a fixed number of bytes, so that they can be filled in when what they count is there.
 */
import { randomFillSync } from "node:crypto";
import type { Attributes } from "../core/ports/witness.ts";

export interface SpanRecord {
  readonly traceId: string;
  /** Absent: nothing is part of it, and any name will do. */
  readonly spanId: string | undefined;
  readonly parentId: string | undefined;
  /** The parent is in another process. */
  readonly remote: boolean;
  readonly name: string;
  readonly kind: "internal" | "server" | "client";
  /** Milliseconds since 1970, with fractions. */
  readonly start: number;
  readonly end: number;
  readonly attributes: Attributes | undefined;
  /** What went wrong, as an attribute. */
  readonly error: string | undefined;
  /** Whether what went wrong is a failure of whose span it is. */
  readonly failed: boolean;
}

/** Whose spans they are. */
export interface Origin {
  /** The process. */
  readonly resource: Attributes;
  /** What in it has made the spans, and in which version. */
  readonly scope: string;
  readonly version: string;
}

/** A request of OTLP, and how many spans are in it. */
export interface Batch {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly spans: number;
}

const kinds = { internal: 1, server: 2, client: 3 } as const;
const ERROR = 2;
/** Bits of a span's flags: sampled; known whether the parent is elsewhere; it is. */
const [SAMPLED, IS_KNOWN, IS_REMOTE] = [0x1, 0x100, 0x200];

/** A field's number and wire type, as protobuf puts them before the field. */
const field = (number: number, type: "varint" | "fixed64" | "bytes"): number =>
  (number << 3) | { varint: 0, fixed64: 1, bytes: 2 }[type];

// biome-ignore format: a table is read by its columns
const tags = {
  request:   { resourceSpans: field(1, "bytes") },
  ofProcess: { resource: field(1, "bytes"), scopeSpans: field(2, "bytes") },
  resource:  { attributes: field(1, "bytes") },
  ofScope:   { scope: field(1, "bytes"), spans: field(2, "bytes") },
  scope:     { name: field(1, "bytes"), version: field(2, "bytes") },
  span: {
    traceId: field(1, "bytes"), spanId: field(2, "bytes"), parentId: field(4, "bytes"), name: field(5, "bytes"),
    kind: field(6, "varint"), start: field(7, "fixed64"), end: field(8, "fixed64"),
    attributes: field(9, "bytes"), status: field(15, "bytes"), flags: [0x85, 0x01], // 16, of 32 bits
  },
  status:    { code: field(3, "varint") },
  pair:      { key: field(1, "bytes"), value: field(2, "bytes") },
  value:     { text: field(1, "bytes"), flag: field(2, "varint"), whole: field(3, "varint"), number: field(4, "fixed64") },
} as const;

/** Bytes of a length: of a text or a pair of them, of a span, of all that is in a request. */
const [SHORT, MIDDLE, LONG] = [2, 3, 4];
/** Longer texts are cut: lengths have room for no more. */
const LONGEST_TEXT = 1000;
/** More than a span takes without its texts. */
const SPAN_ROOM = 128;
/** More than a name and its value take without their texts. */
const PAIR_ROOM = 32;

/** Asking for a few bytes at a time costs more than all the rest. */
const chance = new Uint8Array(8 * 512);

const none = Buffer.alloc(0);

export class SpanBytes {
  readonly #origin: Origin;
  #bytes = none;
  /** What comes after them. */
  #spare = none;
  #at = 0;
  #spans = 0;
  /** Where the length of all spans is. */
  #spansOpen = 0;
  readonly #texts = new Map<string, Uint8Array>();
  /** Where the last span's place was written. */
  #placed: { traceId: string; parentId: string | undefined; at: number; length: number } | undefined;
  #chanceUsed = chance.length;
  /** The last one, and the nanoseconds before it in two halves of 32 bits. */
  #second = 0;
  #secondHigh = 0;
  #secondLow = 0;

  constructor(origin: Origin) {
    this.#origin = origin;
  }

  /** Spans that have not been taken. */
  get spans(): number {
    return this.#spans;
  }

  add(span: SpanRecord): void {
    const { traceId, spanId, parentId, attributes, error } = span;
    const { span: tag } = tags;
    if (this.#spans === 0) this.#begin();
    this.#spans += 1;
    this.#ensure(SPAN_ROOM);
    const inside = this.#open(tags.ofScope.spans, MIDDLE);
    this.#place(traceId, parentId);
    if (spanId !== undefined) this.#id(tag.spanId, spanId);
    else this.#anyId(tag.spanId);
    this.#byte(tag.kind);
    this.#byte(kinds[span.kind]);
    this.#time(tag.start, span.start);
    this.#time(tag.end, span.end);
    if (span.failed) this.#status(ERROR);
    this.#flags(SAMPLED | IS_KNOWN | (span.remote ? IS_REMOTE : 0));
    this.#known(tag.name, span.name);
    for (const key in attributes) this.#pair(tag.attributes, key, attributes[key]);
    this.#pair(tag.attributes, "error.type", error);
    this.#close(inside, MIDDLE);
  }

  /** What has been added since the last time, ready to be sent. */
  take(): Batch {
    // Both contain all that follows them, and stand where `begin` has put them.
    this.#close(1, LONG);
    this.#close(this.#spansOpen, LONG);
    const batch = { bytes: this.#bytes.subarray(0, this.#at), spans: this.#spans };
    this.#bytes = this.#spare;
    this.#spare = none;
    this.#at = 0;
    this.#spans = 0;
    this.#placed = undefined;
    return batch;
  }

  /** The bytes of a batch that nobody reads any more: new ones would be work for the garbage collector. */
  reuse({ bytes }: Batch): void {
    this.#spare = Buffer.from(bytes.buffer);
  }

  /** What is said once in a request. */
  #begin(): void {
    const { resource, scope, version } = this.#origin;
    this.#ensure(SPAN_ROOM);
    this.#open(tags.request.resourceSpans, LONG);
    const process = this.#open(tags.ofProcess.resource, MIDDLE);
    for (const key in resource) this.#pair(tags.resource.attributes, key, resource[key]);
    this.#close(process, MIDDLE);
    this.#ensure(SPAN_ROOM);
    this.#spansOpen = this.#open(tags.ofProcess.scopeSpans, LONG);
    const maker = this.#open(tags.ofScope.scope, MIDDLE);
    this.#text(tags.scope.name, scope);
    this.#text(tags.scope.version, version);
    this.#close(maker, MIDDLE);
  }

  #ensure(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * this.#bytes.length + more);
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }

  #byte(value: number): void {
    this.#bytes[this.#at++] = value;
  }

  /** Begins a field whose length is not known yet. Returns where that will be. */
  #open(tag: number, width: number): number {
    this.#byte(tag);
    const at = this.#at;
    this.#at += width;
    return at;
  }

  /** Fills in a length: all from behind it up to here. */
  #close(at: number, width: number): void {
    let length = this.#at - at - width;
    const last = at + width - 1;
    for (let i = at; i < last; i++, length >>>= 7) this.#bytes[i] = (length & 0x7f) | 0x80;
    this.#bytes[last] = length;
  }

  /** Where a span belongs. It is told behind its siblings, most of the time: then it says the same. */
  #place(traceId: string, parentId: string | undefined): void {
    const last = this.#placed;
    const at = this.#at;
    if (last !== undefined && last.traceId === traceId && last.parentId === parentId) {
      this.#at += last.length;
      this.#bytes.copyWithin(at, last.at, last.at + last.length);
      return;
    }
    this.#id(tags.span.traceId, traceId);
    if (parentId !== undefined) this.#id(tags.span.parentId, parentId);
    this.#placed = { traceId, parentId, at, length: this.#at - at };
  }

  #id(tag: number, hex: string): void {
    this.#byte(tag);
    this.#byte(hex.length / 2);
    this.#at += this.#bytes.write(hex, this.#at, "hex");
  }

  #anyId(tag: number): void {
    if (this.#chanceUsed === chance.length) {
      randomFillSync(chance);
      this.#chanceUsed = 0;
    }
    this.#byte(tag);
    this.#byte(8);
    const from = this.#chanceUsed;
    const bytes = this.#bytes;
    for (let i = 0; i < 8; i++) bytes[this.#at + i] = chance[from + i] as number;
    this.#at += 8;
    this.#chanceUsed = from + 8;
  }

  /** Nanoseconds since 1970: 61 bits, as two halves. Those of a second are computed once. */
  #time(tag: number, ms: number): void {
    const second = Math.floor(ms / 1000);
    if (second !== this.#second) {
      const nanos = BigInt(second) * 1_000_000_000n;
      this.#second = second;
      this.#secondHigh = Number(nanos >> 32n);
      this.#secondLow = Number(nanos & 0xffff_ffffn);
    }
    const low = this.#secondLow + Math.round((ms - second * 1000) * 1e6);
    this.#byte(tag);
    this.#word(low);
    this.#word(this.#secondHigh + (low >= 2 ** 32 ? 1 : 0));
  }

  /** 32 bits. */
  #word(value: number): void {
    const bytes = this.#bytes;
    const at = this.#at;
    const bits = value | 0;
    bytes[at] = bits;
    bytes[at + 1] = bits >>> 8;
    bytes[at + 2] = bits >>> 16;
    bytes[at + 3] = bits >>> 24;
    this.#at = at + 4;
  }

  #status(code: number): void {
    this.#byte(tags.span.status);
    this.#byte(2);
    this.#byte(tags.status.code);
    this.#byte(code);
  }

  #flags(flags: number): void {
    for (const part of tags.span.flags) this.#byte(part);
    this.#word(flags);
  }

  #text(tag: number, text: string): void {
    const length = Math.min(text.length, LONGEST_TEXT);
    this.#ensure(PAIR_ROOM + 3 * length);
    const inside = this.#open(tag, SHORT);
    const bytes = this.#bytes;
    const start = this.#at;
    let i = 0;
    for (; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) break;
      bytes[start + i] = code;
    }
    this.#at += i < length ? bytes.write(text.slice(0, length), start, "utf8") : length;
    this.#close(inside, SHORT);
  }

  /** A text of the source's own, of which there are only so many: it is encoded once. */
  #known(tag: number, text: string): void {
    let encoded = this.#texts.get(text);
    if (encoded === undefined) {
      encoded = Buffer.from(text.slice(0, LONGEST_TEXT));
      this.#texts.set(text, encoded);
    }
    const { length } = encoded;
    this.#ensure(PAIR_ROOM + length);
    this.#byte(tag);
    this.#byte((length & 0x7f) | 0x80);
    this.#byte(length >>> 7);
    this.#bytes.set(encoded, this.#at);
    this.#at += length;
  }

  #pair(tag: number, key: string, value: Attributes[string]): void {
    if (value === undefined) return;
    this.#ensure(PAIR_ROOM);
    const inside = this.#open(tag, SHORT);
    this.#known(tags.pair.key, key);
    const held = this.#open(tags.pair.value, SHORT);
    if (typeof value === "string") this.#text(tags.value.text, value);
    else if (typeof value === "boolean") this.#flag(value);
    else this.#number(value);
    this.#close(held, SHORT);
    this.#close(inside, SHORT);
  }

  #flag(value: boolean): void {
    this.#byte(tags.value.flag);
    this.#byte(value ? 1 : 0);
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      this.#byte(tags.value.number);
      this.#at = this.#bytes.writeDoubleLE(value, this.#at);
      return;
    }
    this.#byte(tags.value.whole);
    let left = value;
    for (; left > 0x7f; left = Math.floor(left / 0x80)) this.#byte((left % 0x80) | 0x80);
    this.#byte(left);
  }
}
