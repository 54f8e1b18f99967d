/**
 * Who watches calls and orders, and where their time goes: metrics and traces.
 *
 * It is told after the fact and decides nothing. Telling never throws and never waits,
 * and where nobody watches it costs next to nothing.
 *
 * Spans are told when they are over, so no context has to be carried along: a span that
 * others belong to is named by its `SpanRef`. An order's own name follows from the order
 * itself, so what becomes of it days later, after a restart, still finds its trace.
 */
import type { Order } from "../model/order.ts";

/** Names a span of a trace that is recorded. Where a trace is not, there is none. */
export interface SpanRef {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
}

export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** Something that took time. */
export interface Span {
  readonly name: string;
  /** What it is a part of; absent: its trace is not recorded, and only its duration counts. */
  readonly parent: SpanRef | undefined;
  /** By the witness's stopwatch. */
  readonly start: number;
  readonly end: number;
  /** What it was called before it was over; absent: nothing is a part of it. */
  readonly self?: SpanRef | undefined;
  readonly attributes?: Attributes;
  /** Somebody else was asked, and answered. */
  readonly outgoing?: boolean;
  /** What went wrong, in a word that programs know. */
  readonly error?: string | undefined;
}

/** What one step of a terminal's own work was, by the stopwatch. */
export interface Work {
  readonly step: string;
  readonly start: number;
  readonly end: number;
}

export interface Witness {
  /** The stopwatch: milliseconds, finer than the clock's and never set back. Only differences count. */
  now(): number;
  span(span: Span): void;
  /** Names a span that has parts, before it is told. */
  named(parent: SpanRef | undefined): SpanRef | undefined;
  /** The name of the span that stands for the whole order; it begins where the steps of its `call` have come to. */
  spanOf(order: Order, call?: SpanRef): SpanRef | undefined;
  /** An order has reached its stage, durably. What a restart folds again is not told again. */
  reached(order: Order): void;
}

export const nobody: Witness & CallWitness = {
  now: () => 0,
  span: () => undefined,
  named: () => undefined,
  spanOf: () => undefined,
  reached: () => undefined,
  entered: () => undefined,
  ended: () => undefined,
};

/** Runs a step and tells how long it took, whichever way it ends. */
export function witnessed<T>(
  witness: Pick<Witness, "now" | "span">,
  parent: SpanRef | undefined,
  name: string,
  step: () => T,
): T {
  const start = witness.now();
  try {
    const result = step();
    witness.span({ name, parent, start, end: witness.now() });
    return result;
  } catch (error) {
    witness.span({ name, parent, start, end: witness.now(), error: errorWord(error) });
    throw error;
  }
}

/** A fault's name, else that of the error's class. */
export function errorWord(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  return "fault" in error && typeof error.fault === "string" ? error.fault : error.name;
}

/** What a caller's `traceparent` says. */
export interface CallerTrace extends SpanRef {
  readonly sampled: boolean;
}

export type CallKind = "unary" | "stream";

/** The trace that a call belongs to. */
export interface CallTrace {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  readonly caller: CallerTrace | undefined;
}

/** A call that has ended. */
export interface EndedCall {
  readonly transport: string;
  /** Service and method, as in the contract. */
  readonly method: string;
  readonly kind: CallKind;
  readonly span: SpanRef | undefined;
  readonly caller: CallerTrace | undefined;
  readonly start: number;
  /** The canonical code. */
  readonly status: string;
  /** The fault's name; absent when all went well. */
  readonly fault: string | undefined;
}

/** Who watches calls. */
export interface CallWitness extends Pick<Witness, "now" | "span"> {
  /** A call has come. Returns the name of its span, if its trace is to be recorded; who does not, need not ask for it. */
  entered(method: string, kind: CallKind, trace: () => CallTrace): SpanRef | undefined;
  ended(call: EndedCall): void;
}
