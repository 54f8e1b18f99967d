/**
 * Spans as the bytes of an OTLP request, straight from what is told.
 *
 * A span that goes through the objects of the OpenTelemetry SDK costs 7 µs or more until it
 * is bytes, and an order has seventeen of them. Written at once each costs about 1 µs, and
 * what waits for the collector is one buffer and no objects.
 *
 * Bytes are written from the end to the beginning: when a length is due, what it counts
 * is there already. So the last span told comes first, which means nothing.
 */
import type { Attributes } from "../core/ports/witness.ts";

export interface SpanRecord {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | undefined;
  /** The parent is in another process. */
  readonly remote: boolean;
  readonly name: string;
  readonly kind: keyof typeof kinds;
  /** Milliseconds since 1970, with fractions. */
  readonly start: number;
  readonly end: number;
  readonly attributes: Attributes | undefined;
  /** What went wrong, as an attribute. */
  readonly error: string | undefined;
  /** Whether what went wrong is a failure of whose span it is. */
  readonly failed: boolean;
}

const kinds = { internal: 1, server: 2, client: 3 } as const;

// Tags: a field's number and its wire type. All but that of the flags, which is 16, fit into a byte.
const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5] as const;
const tag = (field: number, wireType: number): number => (field << 3) | wireType;

// biome-ignore format: a table is read by its rows
const span = {
  traceId: tag(1, BYTES), spanId: tag(2, BYTES), parentId: tag(4, BYTES), name: tag(5, BYTES), kind: tag(6, VARINT),
  start: tag(7, FIXED64), end: tag(8, FIXED64), attribute: tag(9, BYTES), status: tag(15, BYTES), flags: tag(16, FIXED32),
};
const pair = { key: tag(1, BYTES), value: tag(2, BYTES) };
const value = { text: tag(1, BYTES), flag: tag(2, VARINT), whole: tag(3, VARINT), double: tag(4, FIXED64) };
const status = { code: tag(3, VARINT) };
const FAILED = 2;
/** Sampled, and whether the parent is remote is known; and whether it is. */
const FLAGS = { local: 0x101, remote: 0x301 };

/** All of a span but its texts: ids, times, tags and lengths. A character is at most three bytes. */
const MOST = 160;
/** Tags and lengths of an attribute, and a number. */
const MOST_OF_ATTRIBUTE = 64;

const utf8 = new TextEncoder();

export class SpanBytes {
  #bytes: Buffer;
  #view: DataView;
  /** Where the first byte written so far is. */
  #at: number;
  #count = 0;
  /** The trace of the span before, and how many bytes were written when its id was: most spans share it. */
  #trace = { id: "", written: 0 };

  constructor(size = 64 * 1024) {
    this.#bytes = Buffer.allocUnsafeSlow(size);
    this.#view = new DataView(this.#bytes.buffer);
    this.#at = size;
  }

  get count(): number {
    return this.#count;
  }

  /** Begins anew. What `request` returned is valid no longer. */
  clear(): void {
    this.#at = this.#bytes.length;
    this.#count = 0;
    this.#trace.id = "";
  }

  add(record: SpanRecord): void {
    const { attributes, error, parentId } = record;
    this.#room(MOST + 3 * record.name.length);
    const before = this.#written;
    this.#flags(record.remote ? FLAGS.remote : FLAGS.local);
    if (record.failed) {
      this.#bytes[--this.#at] = FAILED;
      this.#bytes[--this.#at] = status.code;
      this.#bytes[--this.#at] = 2;
      this.#bytes[--this.#at] = span.status;
    }
    if (error !== undefined) this.#attribute(span.attribute, "error.type", error);
    if (attributes !== undefined) this.#attributes(span.attribute, attributes);
    this.#room(MOST + 3 * record.name.length);
    this.#time(span.end, record.end);
    this.#time(span.start, record.start);
    this.#bytes[--this.#at] = kinds[record.kind];
    this.#bytes[--this.#at] = span.kind;
    this.#text(span.name, record.name);
    if (parentId !== undefined) this.#id(span.parentId, parentId);
    this.#id(span.spanId, record.spanId);
    this.#traceId(record.traceId);
    this.#length(scopeSpans.span, before);
    this.#count += 1;
  }

  /** The request that carries the spans. Nothing can be added afterwards but after `clear`. */
  request(resource: Attributes, scope: string, version: string): Buffer {
    this.#room(MOST + 3 * (scope.length + version.length));
    const spans = this.#written;
    this.#text(scopeWords.version, version);
    this.#text(scopeWords.name, scope);
    this.#length(scopeSpans.scope, spans);
    this.#length(resourceSpans.scopeSpans, 0);
    const rest = this.#written;
    this.#attributes(resourceWords.attribute, resource);
    this.#room(MOST);
    this.#length(resourceSpans.resource, rest);
    this.#length(request.resourceSpans, 0);
    return this.#bytes.subarray(this.#at);
  }

  get #written(): number {
    return this.#bytes.length - this.#at;
  }

  #attributes(tagged: number, attributes: Attributes): void {
    for (const key in attributes) {
      const given = attributes[key];
      if (given !== undefined) this.#attribute(tagged, key, given);
    }
  }

  #attribute(tagged: number, key: string, given: string | number | boolean): void {
    this.#room(MOST_OF_ATTRIBUTE + 3 * (key.length + (typeof given === "string" ? given.length : 0)));
    const before = this.#written;
    if (typeof given === "string") this.#text(value.text, given);
    else if (typeof given === "boolean") this.#number(value.flag, given ? 1 : 0);
    else if (Number.isSafeInteger(given) && given >= 0) this.#number(value.whole, given);
    else {
      this.#at -= 8;
      this.#view.setFloat64(this.#at, given, true);
      this.#bytes[--this.#at] = value.double;
    }
    this.#length(pair.value, before);
    this.#text(pair.key, key);
    this.#length(tagged, before);
  }

  #text(tagged: number, text: string): void {
    const bytes = this.#bytes;
    const before = this.#written;
    let at = this.#at;
    for (let i = text.length - 1; i >= 0; i--) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) {
        const encoded = utf8.encode(text);
        at = this.#at - encoded.length;
        bytes.set(encoded, at);
        break;
      }
      bytes[--at] = code;
    }
    this.#at = at;
    this.#length(tagged, before);
  }

  #traceId(id: string): void {
    if (id === this.#trace.id) {
      const from = this.#bytes.length - this.#trace.written;
      this.#at -= 18;
      this.#bytes.copyWithin(this.#at, from, from + 18);
      return;
    }
    this.#id(span.traceId, id);
    this.#trace.id = id;
    this.#trace.written = this.#written;
  }

  /** Bytes that are written as hexadecimal digits. */
  #id(tagged: number, digits: string): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = digits.length - 2; i >= 0; i -= 2) {
      bytes[--at] = (nibble(digits.charCodeAt(i)) << 4) | nibble(digits.charCodeAt(i + 1));
    }
    bytes[--at] = digits.length >> 1;
    bytes[--at] = tagged;
    this.#at = at;
  }

  /** Nanoseconds are more than a double can count: seconds and the rest are joined in halves. */
  #time(tagged: number, ms: number): void {
    const seconds = Math.floor(ms / 1000);
    const nanos = Math.round((ms - seconds * 1000) * 1e6);
    const high = Math.floor(seconds / 0x10000) * 1e9;
    const low = (seconds % 0x10000) * 1e9 + nanos + (high % 0x10000) * 0x10000;
    this.#at -= 8;
    this.#view.setUint32(this.#at, low % 0x1_0000_0000, true);
    this.#view.setUint32(this.#at + 4, Math.floor(high / 0x10000) + Math.floor(low / 0x1_0000_0000), true);
    this.#bytes[--this.#at] = tagged;
  }

  #flags(flags: number): void {
    this.#at -= 4;
    this.#view.setUint32(this.#at, flags, true);
    this.#bytes[--this.#at] = span.flags >> 7;
    this.#bytes[--this.#at] = (span.flags & 0x7f) | 0x80;
  }

  #number(tagged: number, number: number): void {
    this.#varint(number);
    this.#bytes[--this.#at] = tagged;
  }

  /** The length of what was written since then, and its tag. */
  #length(tagged: number, before: number): void {
    this.#varint(this.#written - before);
    this.#bytes[--this.#at] = tagged;
  }

  #varint(number: number): void {
    if (number < 0x80) {
      this.#bytes[--this.#at] = number;
      return;
    }
    let size = 1;
    for (let rest = number; rest >= 0x80; rest = Math.floor(rest / 0x80)) size += 1;
    this.#at -= size;
    let rest = number;
    for (let i = 0; i < size; i++) {
      this.#bytes[this.#at + i] = (rest % 0x80) | (i < size - 1 ? 0x80 : 0);
      rest = Math.floor(rest / 0x80);
    }
  }

  /** Grows at the front, where writing goes on. */
  #room(size: number): void {
    if (this.#at >= size) return;
    const written = this.#written;
    const larger = Buffer.allocUnsafeSlow(2 * this.#bytes.length + size);
    this.#bytes.copy(larger, larger.length - written, this.#at);
    this.#at = larger.length - written;
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

const request = { resourceSpans: tag(1, BYTES) };
const resourceSpans = { resource: tag(1, BYTES), scopeSpans: tag(2, BYTES) };
const resourceWords = { attribute: tag(1, BYTES) };
const scopeSpans = { scope: tag(1, BYTES), span: tag(2, BYTES) };
const scopeWords = { name: tag(1, BYTES), version: tag(2, BYTES) };

/** Of a lower-case hexadecimal digit. */
const nibble = (code: number): number => (code < 58 ? code - 48 : code - 87);
