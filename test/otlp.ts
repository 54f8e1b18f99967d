/**
 * What an OTLP collector sees: an HTTP server that takes trace requests in protobuf, and a reader of
 * their bytes that knows the fields by their numbers and nothing of who wrote them.
 */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { expect } from "vitest";

export interface SeenSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly name: string;
  readonly kind: number;
  /** Nanoseconds since 1970. */
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** 2: an error. */
  readonly status: number;
  readonly flags: number;
  readonly resource: Readonly<Record<string, string | number | boolean>>;
  readonly scope: string;
}

type Field = { readonly number: number; readonly varint: bigint; readonly bytes: Buffer };

/** The fields of a message, one after the other. */
function* fieldsOf(bytes: Buffer): Generator<Field> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const none = Buffer.alloc(0);
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new Error("a field ends behind its message");
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = tag >> 3;
    if ((tag & 7) === 0) yield { number, varint: varint(), bytes: none };
    else if ((tag & 7) === 1) yield { number, varint: 0n, bytes: take(8) };
    else if ((tag & 7) === 2) yield { number, varint: 0n, bytes: take(Number(varint())) };
    else if ((tag & 7) === 5) yield { number, varint: 0n, bytes: take(4) };
    else throw new Error(`wire type ${tag & 7}`);
  }
}

const all = (message: Buffer, number: number) => [...fieldsOf(message)].filter((field) => field.number === number);
const bytesOf = (message: Buffer, number: number): Buffer => all(message, number).at(-1)?.bytes ?? Buffer.alloc(0);
const numberOf = (message: Buffer, number: number): number => Number(all(message, number).at(-1)?.varint ?? 0n);
const timeOf = (message: Buffer, number: number): bigint => bytesOf(message, number).readBigUInt64LE();

function attributesOf(message: Buffer, number: number): SeenSpan["attributes"] {
  const pairs = all(message, number).map(({ bytes }) => {
    const [value] = fieldsOf(bytesOf(bytes, 2));
    const key = bytesOf(bytes, 1).toString();
    if (value === undefined) throw new Error(`${key} has no value`);
    if (value.number === 1) return [key, value.bytes.toString()] as const;
    if (value.number === 2) return [key, value.varint === 1n] as const;
    return [key, value.number === 3 ? Number(value.varint) : value.bytes.readDoubleLE()] as const;
  });
  return Object.fromEntries(pairs);
}

/** The spans of an ExportTraceServiceRequest. */
export function spansOf(request: Buffer): SeenSpan[] {
  return all(request, 1).flatMap(({ bytes: resourceSpans }) => {
    const resource = attributesOf(bytesOf(resourceSpans, 1), 1);
    return all(resourceSpans, 2).flatMap(({ bytes: scopeSpans }) => {
      const scope = bytesOf(bytesOf(scopeSpans, 1), 1).toString();
      return all(scopeSpans, 2).map(({ bytes: span }) => ({
        traceId: bytesOf(span, 1).toString("hex"),
        spanId: bytesOf(span, 2).toString("hex"),
        parentId: bytesOf(span, 4).toString("hex"),
        name: bytesOf(span, 5).toString(),
        kind: numberOf(span, 6),
        start: timeOf(span, 7),
        end: timeOf(span, 8),
        attributes: attributesOf(span, 9),
        status: numberOf(bytesOf(span, 15), 3),
        flags: bytesOf(span, 16).readUInt32LE(),
        ...{ resource, scope },
      }));
    });
  });
}

/** A span and what is part of it, in the order in which it began. */
export interface Tree {
  readonly span: SeenSpan;
  readonly parts: readonly Tree[];
}

/** The trees of one trace; more than one where a parent is missing. */
export function treesOf(spans: readonly SeenSpan[], traceId: string): Tree[] {
  const own = spans.filter((span) => span.traceId === traceId);
  const ids = new Set(own.map(({ spanId }) => spanId));
  const below = (parents: readonly SeenSpan[]): Tree[] =>
    parents
      .toSorted((a, b) => Number(a.start - b.start) || Number(a.end - b.end))
      .map((span) => ({ span, parts: below(own.filter(({ parentId }) => parentId === span.spanId)) }));
  return below(own.filter(({ parentId }) => !ids.has(parentId)));
}

/** A tree as its names only. */
export const outline = ({ span, parts }: Tree): unknown =>
  parts.length === 0 ? span.name : { [span.name]: parts.map(outline) };

/** All of that name, wherever they are. */
export const named = (trees: readonly Tree[], name: string): Tree[] =>
  trees.flatMap((tree) => [...(tree.span.name === name ? [tree] : []), ...named(tree.parts, name)]);

/**
 * Parts are all of the whole: the first begins with it, each other one where the one before it ended, and with the
 * last it ends. There is no time of which a trace says nothing.
 */
export function expectParts({ span, parts }: Tree): void {
  if (parts.length === 0) return;
  let end = span.start;
  for (const part of parts) {
    expect(part.span.start, `${part.span.name} in ${span.name}`).toBe(end);
    expectParts(part);
    end = part.span.end;
  }
  expect(span.end, span.name).toBe(end);
}

export interface Collector {
  readonly endpoint: string;
  readonly spans: SeenSpan[];
  readonly headers: IncomingHttpHeaders[];
  /** Resolves once the spans that have come satisfy the question. */
  until(question: (spans: readonly SeenSpan[]) => boolean): Promise<void>;
  close(): Promise<void>;
}

/** `answer` is a status; or what is said with 200. */
export async function startCollector(answer: () => number | Buffer = () => 200): Promise<Collector> {
  const spans: SeenSpan[] = [];
  const headers: IncomingHttpHeaders[] = [];
  let wakes: (() => void)[] = [];
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    headers.push(request.headers);
    const answered = answer();
    const [status, said] = typeof answered === "number" ? [answered, ""] : [200, answered];
    const readable = request.headers["content-type"] === "application/x-protobuf";
    if (request.url === "/v1/traces" && status === 200 && readable) spans.push(...spansOf(body));
    response.writeHead(request.url === "/v1/traces" ? status : 404).end(said);
    for (const wake of wakes.splice(0)) wake();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    headers,
    async until(question) {
      while (!question(spans)) {
        await new Promise<void>((resolve) => {
          wakes = [...wakes, resolve];
        });
      }
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
