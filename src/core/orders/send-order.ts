/**
 * An order's way to the terminal, and what becomes of it there.
 *
 * Always true:
 *   - It is on disk before it comes here, and it leaves once.
 *   - Silence is doubt, never refusal.
 */
import { BridgeError } from "../errors.ts";
import type { Instant, OrderNumber } from "../model/ids.ts";
import type { NumberedOrder, Rejection } from "../model/order.ts";
import { isOfBroker, isTransient, isUnknown, retcodeName } from "../model/retcodes.ts";
import { isUnnamed } from "../model/unnamed.ts";
import type { Outcome } from "../ports/terminal.ts";
import { errorWord, type SpanRef } from "../ports/witness.ts";
import { applyEvents, applyReport, noteBegin } from "./apply-report.ts";
import { whyNot } from "./change-order.ts";
import { settleDoubts } from "./doubts.ts";
import type { OrderEvent } from "./lifecycle.ts";
import type { OrderDesk } from "./order-desk.ts";
import { tellOutcome } from "./order-trace.ts";
import { type Approved, keptBack } from "./risk.ts";
import { hasEnded } from "./shown-order.ts";

/** The order goes to the terminal, and what it answers into the journal. Never throws: the order says what became of it. */
export async function send(
  desk: OrderDesk,
  approved: Approved<NumberedOrder>,
  notAfter: Instant | undefined,
): Promise<void> {
  const { number } = approved;
  if (notAfter !== undefined && desk.clock.now() > notAfter) {
    const message = "not_after passed while the order was being journalled; nothing was sent";
    const rejection = { reason: "TOO_LATE", retcode: 0, message, retriable: true };
    return tell(desk, number, () =>
      applyEvents(desk, number, [{ type: "rejected", cause: "bridge", rejection }], "answer"),
    );
  }
  const rejection = keptBack(approved.request, desk.standing, number);
  if (rejection !== undefined) {
    await tell(desk, number, () =>
      applyEvents(desk, number, [{ type: "rejected", cause: "risk", rejection }], "answer"),
    );
    return noteRefusal(desk, number);
  }
  desk.submitting.add(number);
  const order = desk.record.orders.byNumber(number);
  const parent = order && desk.witness.spanOf(order);
  const traced = parent === undefined ? approved : { ...approved, traceparent: traceparentOf(parent) };
  const submit = async (signal: AbortSignal) => {
    try {
      return await desk.terminal.submit(traced, signal);
    } finally {
      desk.submitting.delete(number);
    }
  };
  const take = (outcome: Outcome) => tell(desk, number, () => settle(desk, number, outcome));
  const asked = { name: "order.terminal", parent, start: desk.witness.now() };
  try {
    const outcome = await desk.command(submit, (late) => void take(late));
    tellOutcome(desk.witness, asked, outcome);
    await take(outcome);
  } catch (error) {
    desk.witness.span({ ...asked, end: desk.witness.now(), outgoing: true, error: errorWord(error) });
    const unsent = error instanceof BridgeError && error.fault === "terminal_offline";
    const context = { order: number, trace_id: order?.traceId, error };
    desk.observer.note(unsent ? "warn" : "error", "orders", unsent ? "order not sent" : "order in doubt", context);
    const event: OrderEvent = unsent
      ? { type: "rejected", cause: "bridge", rejection: offline(error.message) }
      : { type: "in_doubt", why: whyNot(error) };
    await tell(desk, number, () => applyEvents(desk, number, [event], "answer"));
  }
}

/** As the W3C writes the name of a recorded span. */
const traceparentOf = ({ traceId, spanId }: SpanRef): string => `00-${traceId}-${spanId}-01`;

export function noteRefusal(desk: OrderDesk, number: OrderNumber): void {
  const order = desk.record.orders.byNumber(number);
  const { rule, limit, value } = order?.rejection ?? {};
  const context = { order: order?.id, trace_id: order?.traceId, rule, limit, value };
  desk.observer.note("info", "risk", "order refused by risk", context);
}

/** Journals what has become of an order. Never throws. */
async function tell(desk: OrderDesk, number: OrderNumber, apply: () => Promise<boolean>): Promise<void> {
  try {
    const contradicted = await apply();
    const doubtful = desk.record.orders.byNumber(number)?.stage === "in_doubt";
    if (contradicted || doubtful) await settleDoubts(desk);
  } catch (error) {
    const context = { order: number, trace_id: desk.record.orders.byNumber(number)?.traceId, error };
    desk.observer.note("error", "orders", "what became of an order could not be journalled", context);
  }
}

/**
 * Orders and deals of an answer are told again by the terminal's reports; whichever comes first counts. An answer that
 * comes second may be out of date: of an order that is known by its ticket it tells no more than how it ended. When it
 * tells nothing of the order that was sent, the terminal's records have to.
 */
async function settle(desk: OrderDesk, number: OrderNumber, outcome: Outcome): Promise<boolean> {
  if (outcome.kind === "refused") {
    const event: OrderEvent = isUnknown(outcome.retcode)
      ? { type: "in_doubt", why: `the terminal answered ${retcodeName(outcome.retcode)} (${outcome.retcode})` }
      : { type: "rejected", cause: isOfBroker(outcome.retcode) ? "broker" : "bridge", rejection: rejectionOf(outcome) };
    return applyEvents(desk, number, [event], "answer");
  }
  for (const order of outcome.orders) noteBegin(desk, order); // before the deals that end it
  const contradicted = await Promise.all([
    ...outcome.orders
      .filter((order) => order.state !== "filled")
      .filter((order) => hasEnded(order) || desk.record.orders.byTicket(order.ticket) === undefined)
      .map((order) => applyReport(desk, { type: "order", order }, "answer")),
    ...outcome.deals.map((deal) => applyReport(desk, { type: "deal", deal }, "answer")),
  ]);
  // Of what is filled at once deals tell most, and soonest.
  const untold = outcome.orders.filter(
    ({ state, reason, ticket }) =>
      state === "filled" && (isUnnamed(reason) || desk.record.orders.byTicket(ticket)?.setup === undefined),
  );
  await Promise.all(untold.map((order) => applyReport(desk, { type: "order", order }, "answer")));
  if (desk.record.orders.byNumber(number)?.stage !== "sent") return contradicted.includes(true);
  const event: OrderEvent = { type: "in_doubt", why: "the terminal's answer does not show what became of the order" };
  return applyEvents(desk, number, [event], "answer");
}

function rejectionOf(refusal: Extract<Outcome, { kind: "refused" }>): Rejection {
  const { retcode, message } = refusal;
  return { reason: retcodeName(retcode), retcode, message, retriable: isTransient(retcode) };
}

const offline = (message: string): Rejection => ({ reason: "TERMINAL_OFFLINE", retcode: 0, message, retriable: true });
