/** The witness of the running bridge: what it is told is counted, and becomes spans where tracing is on. */
import type { Order } from "../core/model/order.ts";
import type { CallKind, CallTrace, CallWitness, EndedCall, Span, SpanRef, Witness } from "../core/ports/witness.ts";
import { CallCounts, OrderCounts } from "./counts.ts";
import type { Tracing } from "./tracing.ts";

export class Watch implements Witness, CallWitness {
  readonly orders = new OrderCounts();
  readonly calls = new CallCounts();
  readonly #tracing: Tracing | undefined;

  constructor(tracing: Tracing | undefined) {
    this.#tracing = tracing;
  }

  now(): number {
    return performance.now();
  }

  span(span: Span): void {
    this.orders.took(span.name, span.end - span.start);
    this.#tracing?.span(span);
  }

  named(parent: SpanRef | undefined): SpanRef | undefined {
    return this.#tracing?.named(parent);
  }

  spanOf(order: Order, call?: SpanRef): SpanRef | undefined {
    return this.#tracing?.spanOf(order, call);
  }

  reached(order: Order): void {
    this.orders.add(order);
  }

  entered(method: string, kind: CallKind, trace: () => CallTrace): SpanRef | undefined {
    this.calls.entered(method, kind);
    if (this.#tracing === undefined) return undefined;
    const { traceId, caller } = trace();
    return this.#tracing.entered(traceId, caller);
  }

  ended(call: EndedCall): void {
    const end = performance.now();
    this.calls.ended(call, end);
    this.#tracing?.ended(call, end);
  }
}
