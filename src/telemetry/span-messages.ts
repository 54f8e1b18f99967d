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
  /** Of each text that they name by its place. */
  readonly lengths: Float64Array<ArrayBuffer>;
  /** All of them, one behind the other. */
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
/** What a number says where the place of a text is usual. */
const [NONE, NUMBER, TRUE, FALSE] = [-1, -2, -3, -4];
/** The most numbers of a span without its attributes, and of an attribute. */
const [SPAN_NUMBERS, PAIR_NUMBERS] = [8, 3];

/** Belongs to no trace. */
const nowhere: { traceId: string; parentId: string | undefined; at: number } = { traceId: "", parentId: "", at: 0 };

/** Spans as they are written down, one behind the other, and each text once. */
export class SpanWriter {
  #numbers = new Float64Array(SPAN_NUMBERS);
  #at = 0;
  /** Where each text is among them. */
  #texts = new Map<string, number>();
  /** Where the last span belonged. */
  #last = nowhere;
  /** Spans that have not been taken. */
  spans = 0;

  add(span: SpanRecord): void {
    const { attributes, error } = span;
    this.#ensure(SPAN_NUMBERS);
    this.#number((span.failed ? FAILED : 0) | (span.remote ? REMOTE : 0) | (KIND * kinds.indexOf(span.kind)));
    this.#number(span.start);
    this.#number(span.end);
    this.#belongs(span.traceId, span.parentId);
    if (span.spanId === undefined) this.#number(NONE);
    else this.#text(span.spanId);
    this.#text(span.name);
    const count = this.#at;
    this.#number(0);
    for (const key in attributes) this.#pair(count, key, attributes[key]);
    this.#pair(count, "error.type", error);
    this.spans += 1;
  }

  /** What has been added since the last time. */
  take(): Batch {
    const texts = [...this.#texts.keys()];
    const lengths = Float64Array.from(texts, ({ length }) => length);
    const batch = { numbers: this.#numbers.slice(0, this.#at), lengths, text: texts.join("") };
    this.#at = 0;
    this.#texts = new Map();
    this.#last = nowhere;
    this.spans = 0;
    return batch;
  }

  #ensure(more: number): void {
    if (this.#at + more <= this.#numbers.length) return;
    const larger = new Float64Array(2 * this.#numbers.length);
    larger.set(this.#numbers);
    this.#numbers = larger;
  }

  #number(value: number): void {
    this.#numbers[this.#at++] = value;
  }

  #text(text: string): void {
    let place = this.#texts.get(text);
    if (place === undefined) {
      place = this.#texts.size;
      this.#texts.set(text, place);
    }
    this.#numbers[this.#at++] = place;
  }

  /** A span is told behind its siblings, most of the time: then no text is looked for. */
  #belongs(traceId: string, parentId: string | undefined): void {
    if (traceId !== this.#last.traceId || parentId !== this.#last.parentId) {
      this.#last = { traceId, parentId, at: this.#at };
      this.#text(traceId);
      if (parentId === undefined) this.#number(NONE);
      else this.#text(parentId);
      return;
    }
    this.#number(this.#numbers[this.#last.at] as number);
    this.#number(this.#numbers[this.#last.at + 1] as number);
  }

  /** `count` is where the number of pairs is. */
  #pair(count: number, key: string, value: Attributes[string]): void {
    if (value === undefined) return;
    this.#ensure(PAIR_NUMBERS);
    this.#numbers[count] = (this.#numbers[count] as number) + 1;
    this.#text(key);
    if (typeof value === "string") this.#text(value);
    else if (typeof value === "boolean") this.#number(value ? TRUE : FALSE);
    else {
      this.#number(NUMBER);
      this.#number(value);
    }
  }
}

/** The same spans again, `error` among the attributes. */
export function* spansIn({ numbers, lengths, text }: Batch): Generator<Omit<SpanRecord, "error">> {
  let end = 0;
  const texts = Array.from(lengths, (length) => {
    end += length;
    return text.slice(end - length, end);
  });
  let at = 0;
  const number = () => numbers[at++] as number;
  /** None where there is no text. */
  const named = () => texts[number()];
  const value = () => {
    const what = number();
    return what === NUMBER ? number() : what < 0 ? what === TRUE : texts[what];
  };
  while (at < numbers.length) {
    const bits = number();
    const span = {
      failed: (bits & FAILED) !== 0,
      remote: (bits & REMOTE) !== 0,
      kind: kinds[Math.floor(bits / KIND)] as SpanKind,
      start: number(),
      end: number(),
      traceId: named() as string,
      parentId: named(),
      spanId: named(),
      name: named() as string,
    };
    const attributes: Record<string, Attributes[string]> = {};
    for (let left = number(); left > 0; left--) attributes[named() as string] = value();
    yield { ...span, attributes };
  }
}
