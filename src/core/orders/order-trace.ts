/**
 * What a trace tells of an order: its whole way, each write of it, and what the terminal made of it.
 *
 *   order                         from the journal to the answer that is durable
 *   ├─ order.sent                 reserved on disk: order.queue, order.journal, order.publish
 *   ├─ order.terminal             asked and answered: terminal.* is what the terminal tells of its own work
 *   └─ order.dealt, order.placed… what came of it, in this call or days later
 *
 * All of it belongs to the span that stands for the order, whoever brought the news: the
 * answer, a report, or a snapshot after a restart.
 */
import type { Order } from "../model/order.ts";
import { retcodeName } from "../model/retcodes.ts";
import type { Appended } from "../ports/journal.ts";
import type { Outcome } from "../ports/terminal.ts";
import type { SpanRef, Witness } from "../ports/witness.ts";

/** When a write was asked for, the journal's own part of it, and when it was durable. */
export interface WriteTimes {
  readonly asked: number;
  readonly commit: Appended["commit"];
  readonly kept: number;
  readonly published: number;
}

/** An order as a write has left it. `what` is the event that the write is named by. */
export function tellWrite(witness: Witness, order: Order, what: string, times: WriteTimes): void {
  const { asked, commit, kept, published } = times;
  const began = Math.max(asked, Math.min(commit?.began ?? asked, kept));
  const attributes = { "mt5bridge.order.stage": order.stage, "mt5bridge.order.version": order.version };
  const life = witness.spanOf(order);
  const parent = witness.named(life);
  witness.span({ name: `order.${what}`, self: parent, parent: life, start: asked, end: published, attributes });
  witness.span({ name: "order.queue", parent, start: asked, end: began });
  witness.span({ name: "order.journal", parent, start: began, end: kept });
  witness.span({ name: "order.publish", parent, start: kept, end: published });
}

/** A request to the terminal that is under way. */
export interface Asked {
  readonly name: string;
  readonly parent: SpanRef | undefined;
  readonly start: number;
}

/** The terminal has answered, and tells where its time went; the way of its answer to us ends the last of its steps. */
export function tellOutcome(witness: Witness, asked: Asked, outcome: Outcome): void {
  const attributes = { "mt5bridge.retcode": outcome.retcode };
  const error = outcome.kind === "refused" ? retcodeName(outcome.retcode) : undefined;
  const parent = witness.named(asked.parent);
  const answered = witness.now();
  witness.span({ ...asked, self: parent, end: answered, outgoing: true, attributes, error });
  const steps = outcome.work ?? [];
  for (const [i, { step, start, end }] of steps.entries()) {
    witness.span({ name: `terminal.${step}`, parent, start, end: i < steps.length - 1 ? end : answered });
  }
}

/** The order is answered, or in doubt. */
export function tellOrder(
  witness: Witness,
  order: Order,
  parent: SpanRef | undefined,
  start: number,
  end: number,
): void {
  const attributes = {
    "mt5bridge.account": order.account,
    "mt5bridge.order.id": order.id,
    "mt5bridge.client_order_id": order.clientOrderId,
    "mt5bridge.symbol": order.symbol,
    "mt5bridge.order.side": order.side,
    "mt5bridge.order.type": order.type,
    "mt5bridge.order.stage": order.stage,
    "mt5bridge.order.rejection": order.rejection?.reason,
  };
  witness.span({ name: "order", self: witness.spanOf(order), parent, start, end, attributes });
}
