/**
 * What the bridge and the thread that exports its spans tell each other.
 *
 * Spans go as one flat array of plain values, however many they are: copying that to
 * another thread costs a third of what as many objects do.
 */
import type { Attributes } from "../core/ports/witness.ts";

export interface SpanRecord {
  readonly traceId: string;
  readonly spanId: string;
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

export type Field = string | number | boolean | undefined;

/** How spans are brought to the collector. */
export const protocols = ["http/protobuf", "http/json", "grpc"] as const;
export type Protocol = (typeof protocols)[number];

/** How the thread begins. */
export interface Origin {
  readonly protocol: Protocol;
  /** Who the spans are from, unless the environment knows better. */
  readonly resource: Attributes;
  /** Who made the spans, and in which version. */
  readonly scope: string;
  readonly version: string;
}

/** Spans; or the end, before which all of them are to be sent. */
export type Request = readonly Field[] | "close";

export type Reply =
  /** So many spans have reached the collector, or have not and are lost. */
  | { readonly kind: "exported" | "lost"; readonly spans: number; readonly error?: Error | undefined }
  /** What the SDK finds wrong with its settings. */
  | { readonly kind: "doubt"; readonly message: string };

export function pack(span: SpanRecord, into: Field[]): void {
  const { attributes, error } = span;
  into.push(span.traceId, span.spanId, span.parentId, span.remote, span.name, span.kind, span.start, span.end);
  const count = into.push(span.failed, 0) - 1;
  let pairs = 0;
  for (const key in attributes) {
    const value = attributes[key];
    if (value === undefined) continue;
    into.push(key, value);
    pairs += 1;
  }
  if (error !== undefined) {
    into.push("error.type", error);
    pairs += 1;
  }
  into[count] = pairs;
}

/** The same spans again, `error` among the attributes. */
export function* unpack(fields: readonly Field[]): Generator<Omit<SpanRecord, "error">> {
  for (let at = 0; at < fields.length; ) {
    const [traceId, spanId, parentId, remote, name, kind, start, end, failed, pairs] = fields.slice(at, at + 10);
    at += 10;
    const attributes: Record<string, Field> = {};
    for (const last = at + 2 * (pairs as number); at < last; at += 2) attributes[fields[at] as string] = fields[at + 1];
    yield { traceId, spanId, parentId, remote, name, kind, start, end, failed, attributes } as SpanRecord;
  }
}
