/**
 * What the bridge and the thread that exports its spans tell each other.
 *
 * Spans go as one buffer of numbers and one text, however many they are: the buffer changes hands without a copy, and
 * to write a span down is to append to two lists. The numbers say how long each piece of the text is.
 */
import type { Attributes } from "../core/ports/witness.ts";

export interface SpanRecord {
  readonly traceId: string;
  /** Absent: nothing is part of it, and any name will do. */
  readonly spanId: string | undefined;
  readonly parentId: string | undefined;
  /** The parent is in another process. */
  readonly remote: boolean;
  readonly name: string;
  readonly kind: SpanKind;
  /** Milliseconds since 1970, with fractions. */
  readonly start: number;
  readonly end: number;
  readonly attributes: Attributes | undefined;
  /** What went wrong, as an attribute. */
  readonly error: string | undefined;
  /** Whether what went wrong is a failure of whose span it is. */
  readonly failed: boolean;
}

const kinds = ["internal", "server", "client"] as const;
type SpanKind = (typeof kinds)[number];

/** How spans are brought to the collector. */
export const protocols = ["http/protobuf", "http/json", "grpc"] as const;
export type Protocol = (typeof protocols)[number];

export interface SpanLimits {
  /** Spans leave after so many milliseconds, … */
  readonly delayMs: number;
  /** … and at once when there are so many. */
  readonly batch: number;
  /** The most that wait, wherever they are. */
  readonly queue: number;
}

/** How the thread begins. */
export interface Origin {
  readonly protocol: Protocol;
  readonly limits: SpanLimits;
  /** Who the spans are from, unless the environment knows better. */
  readonly resource: Attributes;
  /** What in it has made them, and in which version. */
  readonly scope: string;
  readonly version: string;
}

/** Spans that were written down. */
export interface Batch {
  readonly numbers: Float64Array<ArrayBuffer>;
  readonly text: string;
}

/** Spans; or the end, before which all of them are to be sent. */
export type Request = Batch | "close";

export type Reply =
  /** What became of so many spans that were sent: the collector took them, but for those it refused. */
  | { readonly kind: "sent"; readonly spans: number; readonly refused: number; readonly error: Error | undefined }
  /** What OpenTelemetry finds wrong with its settings. */
  | { readonly kind: "doubt"; readonly message: string };

/** Bits of a span's first number; above them is its kind. */
const [FAILED, REMOTE, KIND] = [1, 2, 4];
/** What a value's first number says that it is, unless it is the length of a text. */
const [NUMBER, TRUE, FALSE] = [-1, -2, -3];

/** Spans as they are written down, one behind the other. */
export class SpanWriter {
  #numbers: number[] = [];
  #texts: string[] = [];
  /** Spans that have not been taken. */
  spans = 0;

  add(span: SpanRecord): void {
    const { attributes, error } = span;
    const numbers = this.#numbers;
    const bits = (span.failed ? FAILED : 0) | (span.remote ? REMOTE : 0) | (KIND * kinds.indexOf(span.kind));
    numbers.push(bits, span.start, span.end);
    this.#text(span.traceId);
    this.#text(span.spanId ?? "");
    this.#text(span.parentId ?? "");
    this.#text(span.name);
    const count = numbers.push(0) - 1;
    for (const key in attributes) this.#pair(count, key, attributes[key]);
    this.#pair(count, "error.type", error);
    this.spans += 1;
  }

  /** What has been added since the last time. */
  take(): Batch {
    const batch = { numbers: new Float64Array(this.#numbers), text: this.#texts.join("") };
    this.#numbers = [];
    this.#texts = [];
    this.spans = 0;
    return batch;
  }

  #text(text: string): void {
    this.#numbers.push(text.length);
    this.#texts.push(text);
  }

  /** `count` is where the number of pairs is. */
  #pair(count: number, key: string, value: Attributes[string]): void {
    if (value === undefined) return;
    this.#numbers[count] = (this.#numbers[count] as number) + 1;
    this.#text(key);
    if (typeof value === "string") this.#text(value);
    else if (typeof value === "number") this.#numbers.push(NUMBER, value);
    else this.#numbers.push(value ? TRUE : FALSE);
  }
}

/** The same spans again, `error` among the attributes. */
export function* spansIn({ numbers, text }: Batch): Generator<Omit<SpanRecord, "error">> {
  let [at, end] = [0, 0];
  const number = () => numbers[at++] as number;
  const piece = (length: number) => {
    end += length;
    return text.slice(end - length, end);
  };
  const value = () => {
    const what = number();
    return what === NUMBER ? number() : what < 0 ? what === TRUE : piece(what);
  };
  while (at < numbers.length) {
    const bits = number();
    const span = {
      failed: (bits & FAILED) !== 0,
      remote: (bits & REMOTE) !== 0,
      kind: kinds[Math.floor(bits / KIND)] as SpanKind,
      start: number(),
      end: number(),
      traceId: piece(number()),
      spanId: piece(number()) || undefined,
      parentId: piece(number()) || undefined,
      name: piece(number()),
    };
    const attributes: Record<string, Attributes[string]> = {};
    for (let left = number(); left > 0; left--) attributes[piece(number())] = value();
    yield { ...span, attributes };
  }
}
