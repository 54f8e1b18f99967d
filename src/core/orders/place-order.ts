/**
 * Placing an order: known key? → validate → approve → journal → send → what became of it.
 *
 * Always true:
 *   - The key and the number are reserved, on disk, before anything leaves.
 *   - What was sent is sent once. A caller that goes away does not call it back.
 *   - Silence is doubt, never refusal.
 */
import { BridgeError } from "../errors.ts";
import { toLots, type Volume } from "../model/decimals.ts";
import type { ClientOrderId, Instant, OrderNumber, StrategyId, Ticket } from "../model/ids.ts";
import { magicOf, orderId, strategyIdOf } from "../model/ids.ts";
import type { Filling, NumberedOrder, Order, OrderRequest, Rejection } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import { isOfBroker, isTransient, isUnknown, retcodeName } from "../model/retcodes.ts";
import type { Outcome } from "../ports/terminal.ts";
import { errorWord, type SpanRef, witnessed } from "../ports/witness.ts";
import { applyEvents, applyReport, hasEnded } from "./apply-report.ts";
import { whyNot } from "./change-order.ts";
import { settleDoubts } from "./doubts.ts";
import type { OrderDraft } from "./draft.ts";
import { isFinal, type OrderEvent } from "./lifecycle.ts";
import { type Caller, contentOf, type OrderDesk, sameContent } from "./order-desk.ts";
import { tellOrder, tellOutcome } from "./order-trace.ts";
import { type Approved, approve, keptBack, refuseAway } from "./risk.ts";
import { named, validate } from "./validate.ts";

export type WaitFor = "received" | "sent" | "answered" | "final";

/** When to send, and how long to wait for the answer. */
export interface Timing {
  readonly waitFor: WaitFor;
  /** A stale order is not sent. */
  readonly notAfter: Instant | undefined;
}

export interface Placed {
  readonly order: Order;
  readonly replayed: boolean;
}

/** What to close; absent fields are the position's. */
export interface CloseDraft {
  readonly clientOrderId: ClientOrderId;
  readonly strategyId: StrategyId | undefined;
  readonly position: Ticket;
  /** Lots; absent: all. */
  readonly volume: number | undefined;
  readonly price: number | undefined;
  readonly filling: Filling | "auto";
  readonly deviation: number;
  readonly comment: string;
}

export interface CloseByDraft {
  readonly clientOrderId: ClientOrderId;
  readonly strategyId: StrategyId | undefined;
  readonly position: Ticket;
  readonly opposite: Ticket;
  readonly comment: string;
}

export function placeOrder(desk: OrderDesk, draft: OrderDraft, timing: Timing, caller: Caller): Promise<Placed> {
  // As the keys of earlier versions were kept, for which nothing was left open.
  const content = contentOf("place", { ...draft, timeInForce: draft.timeInForce ?? "gtc" });
  return give(desk, draft.clientOrderId, content, () => validate(draft, desk.symbol(draft.symbol)), timing, caller);
}

export function closePosition(desk: OrderDesk, draft: CloseDraft, timing: Timing, caller: Caller): Promise<Placed> {
  const request = () => {
    const position = openPosition(desk, draft.position, "position_ticket");
    const order: OrderDraft = {
      account: desk.account,
      clientOrderId: draft.clientOrderId,
      strategyId: draft.strategyId ?? ownerOf(position),
      symbol: position.symbol,
      side: named("side", position.side) === "buy" ? "sell" : "buy",
      type: "market",
      volume: draft.volume ?? toLots(position.volume),
      price: draft.price,
      stopLimitPrice: undefined,
      stopLoss: undefined,
      takeProfit: undefined,
      filling: draft.filling,
      timeInForce: undefined,
      expireTime: undefined,
      deviation: draft.deviation,
      comment: draft.comment,
      position: draft.position,
    };
    const parsed = validate(order, desk.symbol(position.symbol));
    if (parsed.volume <= position.volume) return parsed;
    const description = `must be at most the position's ${toLots(position.volume)} lots`;
    throw new BridgeError("invalid_argument", `volume: ${description}`, {
      violations: [{ field: "volume", description }],
      metadata: { retcode: "10038" },
    });
  };
  return give(desk, draft.clientOrderId, contentOf("close", draft), request, timing, caller);
}

export function closeBy(desk: OrderDesk, draft: CloseByDraft, timing: Timing, caller: Caller): Promise<Placed> {
  const request = (): OrderRequest => {
    const position = openPosition(desk, draft.position, "position_ticket");
    const opposite = openPosition(desk, draft.opposite, "opposite_position_ticket");
    const side = named("side", opposite.side);
    if (position.symbol !== opposite.symbol || named("side", position.side) === side) {
      const description = "must be on the same symbol and of the opposite side";
      throw new BridgeError("invalid_argument", `opposite_position_ticket: ${description}`, {
        violations: [{ field: "opposite_position_ticket", description }],
      });
    }
    return {
      account: desk.account,
      clientOrderId: draft.clientOrderId,
      strategyId: draft.strategyId ?? ownerOf(position),
      symbol: position.symbol,
      side,
      type: "market",
      volume: Math.min(position.volume, opposite.volume) as Volume,
      filling: "auto",
      timeInForce: "gtc",
      deviation: 0,
      comment: draft.comment,
      position: draft.position,
      positionBy: draft.opposite,
    };
  };
  return give(desk, draft.clientOrderId, contentOf("close_by", draft), request, timing, caller);
}

async function give(
  desk: OrderDesk,
  key: ClientOrderId,
  content: string,
  read: () => OrderRequest,
  timing: Timing,
  caller: Caller,
): Promise<Placed> {
  const using = desk.record.used(key);
  const used = using && (await using);
  if (used !== undefined && "order" in used) {
    return { order: used.order, replayed: sameContent(desk, key, content, used.content) };
  }
  const replayed = sameContent(desk, key, content, used?.content);
  const at = () => desk.record.orders.byKey(key) as Order;
  if (!replayed) {
    const { witness } = desk;
    const request = witnessed(witness, caller.span, "order.validate", read);
    const now = desk.clock.now();
    if (timing.notAfter !== undefined && now > timing.notAfter) {
      throw new BridgeError("too_late", `not_after has passed ${now - timing.notAfter} ms ago; nothing was sent`);
    }
    const { standing } = desk;
    refuseAway(standing);
    const order = newOrder(desk, request, caller, now);
    const verdict = witnessed(witness, caller.span, "order.risk", () =>
      approve({ number: order.number, magic: order.magic, request }, standing),
    );
    const next: OrderEvent =
      "rejection" in verdict ? { type: "rejected", cause: "risk", rejection: verdict.rejection } : { type: "sent" };
    const began = witness.now();
    witness.spanOf(order, caller.span);
    await desk.record.write([
      { type: "received", order, content },
      { type: "advanced", number: order.number, event: next, at: now },
    ]);
    if ("rejection" in verdict) {
      noteRefusal(desk, order.number);
      tellOrder(witness, at(), caller.span, began, witness.now());
      return { order: at(), replayed };
    }
    let end = began;
    const unwatch = desk.record.watch(order.id, () => {
      end = witness.now();
    });
    void send(desk, verdict, timing.notAfter).then(async () => {
      await desk.record.settled().catch(() => undefined); // who wrote was told
      unwatch();
      const news = desk.record.orders.byNumber(order.number);
      if (news !== undefined) tellOrder(witness, news, caller.span, began, end);
    });
  }
  const { id, number } = at();
  await desk.until(id, () => hasReached(desk, number, timing.waitFor), caller);
  return { order: await onDisk(desk, number), replayed };
}

/**
 * A power cut can take away what memory holds beyond the disk. If the order is there at all it may have left, and
 * whatever has failed the caller gets the order, not an error that denies it. What others have on its way is not
 * waited for: their commits come after its own.
 */
async function onDisk({ record }: OrderDesk, value: OrderNumber): Promise<Order> {
  const kept = await record.find({ by: "number", value });
  if (kept !== undefined) return kept;
  await record.settled(); // the caller is gone before it is there
  return (await record.find({ by: "number", value })) as Order;
}

/** The order goes to the terminal, and what it answers into the journal. Never throws: the order says what became of it. */
async function send(desk: OrderDesk, approved: Approved<NumberedOrder>, notAfter: Instant | undefined): Promise<void> {
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

function noteRefusal(desk: OrderDesk, number: OrderNumber): void {
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
  const contradicted = await Promise.all([
    ...outcome.orders
      .filter((order) => order.state !== "filled")
      .filter((order) => hasEnded(order) || desk.record.orders.byTicket(order.ticket) === undefined)
      .map((order) => applyReport(desk, { type: "order", order }, "answer")),
    ...outcome.deals.map((deal) => applyReport(desk, { type: "deal", deal }, "answer")),
  ]);
  if (desk.record.orders.byNumber(number)?.stage !== "sent") return contradicted.includes(true);
  const event: OrderEvent = { type: "in_doubt", why: "the terminal's answer does not show what became of the order" };
  return applyEvents(desk, number, [event], "answer");
}

function rejectionOf(refusal: Extract<Outcome, { kind: "refused" }>): Rejection {
  const { retcode, message } = refusal;
  return { reason: retcodeName(retcode), retcode, message, retriable: isTransient(retcode) };
}

const offline = (message: string): Rejection => ({ reason: "TERMINAL_OFFLINE", retcode: 0, message, retriable: true });

function newOrder(desk: OrderDesk, request: OrderRequest, { traceId, span, cause }: Caller, now: Instant): Order {
  const number = desk.record.orders.nextNumber;
  const { positionBy, type, ...asked } = request;
  return {
    ...asked,
    type: positionBy === undefined ? type : "close_by",
    ...(positionBy === undefined ? {} : { positionBy }),
    id: orderId(desk.account, number),
    number,
    magic: magicOf(request.strategyId, number),
    filled: 0 as Order["filled"],
    stage: "received",
    version: 1,
    cause: cause ?? "client",
    deals: [],
    knownAt: now,
    traceId,
    ...(span === undefined ? {} : { traced: true }),
  };
}

/** On disk. An order that is no longer in memory has reached everything. */
function hasReached({ record }: OrderDesk, number: OrderNumber, waitFor: WaitFor): boolean {
  if (record.orders.byNumber(number) === undefined) return true;
  const stage = record.durableOrder(number)?.stage;
  if (stage === undefined) return false;
  switch (waitFor) {
    case "received":
      return true;
    case "sent":
      return stage !== "received";
    case "answered":
      return stage !== "received" && stage !== "sent";
    case "final":
      return isFinal(stage);
  }
}

function openPosition(desk: OrderDesk, ticket: Ticket, field: string): Position {
  const position = desk.record.holdings.position(ticket);
  if (position !== undefined) return position;
  throw new BridgeError("unknown_position", `${field}: ${ticket} is not open`, {
    violations: [{ field, description: "must be the ticket of an open position; ListPositions names them" }],
  });
}

const ownerOf = (position: Position): StrategyId => strategyIdOf(position.magic);
