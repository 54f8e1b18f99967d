/**
 * What the terminal tells of orders, deals and positions, into the record.
 *
 * Reports may come late, twice or in another order than things happened: a deal before
 * its order, a report of what an answer has told already. The lifecycle decides which
 * of them are news.
 */
import type { PositionChange } from "../accounts/record.ts";
import type { Deal } from "../model/deal.ts";
import { orderId, strategyIdOf } from "../model/ids.ts";
import type { Cause, Order, OrderChange, Reason, TerminalOrder } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import { retcodeName } from "../model/retcodes.ts";
import type { TerminalReport } from "../ports/terminal.ts";
import { advance, type OrderEvent } from "./lifecycle.ts";
import type { OrderDesk } from "./order-desk.ts";

export type TradeReport = Extract<TerminalReport, { type: "order" | "deal" | "position" | "position_closed" }>;

/** Resolves when what was new of the report is durable; true when it contradicts what is known. */
export async function applyReport(desk: OrderDesk, report: TradeReport): Promise<boolean> {
  switch (report.type) {
    case "order":
      return applyOrder(desk, report.order);
    case "deal":
      return applyDeal(desk, report.deal);
    case "position":
      return applyPosition(desk, report.position);
    case "position_closed":
      if (desk.record.holdings.position(report.position.ticket) === undefined) return false;
      await desk.record.write([{ type: "position", change: "closed", position: report.position }]);
      return false;
  }
}

async function applyOrder(desk: OrderDesk, seen: TerminalOrder): Promise<boolean> {
  const { orders } = desk.record;
  const known = orders.byTicket(seen.ticket) ?? orders.awaiting(seen.magic);
  const found = known === undefined ? desk.record.write([{ type: "found", order: foreign(desk, seen) }]) : undefined;
  const events = eventsOf(known ?? (orders.byTicket(seen.ticket) as Order), seen, desk);
  if (seen.state === "canceled") desk.canceling.delete(seen.ticket);
  const contradicted = await applyEvents(desk, known ?? (orders.byTicket(seen.ticket) as Order), events);
  await found;
  return contradicted;
}

/** What the terminal's view adds to ours. Fills are not read from it: deals tell them. */
function eventsOf(order: Order, seen: TerminalOrder, desk: OrderDesk): OrderEvent[] {
  const events: OrderEvent[] = [];
  if (order.ticket === undefined) events.push({ type: "placed", ticket: seen.ticket, filling: seen.filling });
  switch (seen.state) {
    case "placed":
    case "partial":
      if (order.type !== "market") events.push({ type: "changed", change: changeOf(seen), becomes: seen.type });
      break;
    case "canceled":
      events.push({ type: "canceled", cause: desk.canceling.has(seen.ticket) ? "client" : "broker" });
      break;
    case "expired":
      events.push({ type: "expired", cause: "expiry" });
      break;
    case "rejected":
      events.push({ type: "rejected", cause: "broker", rejection: activationRefused(seen) });
      break;
  }
  return events;
}

async function applyDeal(desk: OrderDesk, deal: Deal): Promise<boolean> {
  const { orders, holdings } = desk.record;
  if (holdings.knows(deal.ticket)) return false;
  const booked = desk.record.write([{ type: "deal", deal }]);
  const order = deal.order === undefined ? undefined : (orders.byTicket(deal.order) ?? orders.awaiting(deal.magic));
  let contradicted = false;
  if (order !== undefined && deal.order !== undefined) {
    const { ticket, volume, price, position } = deal;
    contradicted = await applyEvents(desk, order, [
      { type: "dealt", ticket: deal.order, deal: ticket, volume, price, position },
    ]);
  }
  await booked;
  return contradicted;
}

async function applyPosition(desk: OrderDesk, position: Position): Promise<boolean> {
  const before = desk.record.holdings.position(position.ticket);
  const change: PositionChange = before === undefined ? "opened" : "changed";
  if (before === undefined || !samePosition(before, position)) {
    await desk.record.write([{ type: "position", change, position }]);
  }
  return false;
}

async function applyEvents(desk: OrderDesk, order: Order, events: readonly OrderEvent[]): Promise<boolean> {
  const at = desk.clock.now();
  let contradicted = false;
  const written: Promise<void>[] = [];
  for (const event of events) {
    const step = advance(desk.record.orders.byNumber(order.number) ?? order, event, at);
    if (step.kind === "advanced") {
      written.push(desk.record.write([{ type: "advanced", number: order.number, event, at }]));
    } else if (step.kind === "impossible") {
      contradicted = true;
      const context = { order: order.id, trace_id: order.traceId, why: step.why };
      desk.observer.note("warn", "orders", "the terminal's report contradicts the order", context);
    }
  }
  await Promise.all(written);
  return contradicted;
}

const causeOf: Partial<Record<Reason, Cause>> = {
  stop_loss: "stop_loss",
  take_profit: "take_profit",
  stop_out: "stop_out",
};

/** An order that the bridge did not place: a manual one, or the broker's own. */
function foreign(desk: OrderDesk, seen: TerminalOrder): Order {
  const number = desk.record.orders.nextNumber;
  const { state: _state, reason, remaining: _remaining, setupTime: _setup, doneTime: _done, ...rest } = seen;
  return {
    ...rest,
    id: orderId(desk.account, number),
    number,
    account: desk.account,
    strategyId: strategyIdOf(seen.magic),
    filled: 0 as Order["filled"],
    deviation: 0,
    stage: "working",
    version: 1,
    cause: causeOf[reason] ?? "broker",
    deals: [],
    knownAt: desk.clock.now(),
    traceId: "",
  };
}

function changeOf(seen: TerminalOrder): OrderChange {
  return {
    price: seen.price ?? (0 as OrderChange["price"]),
    ...(seen.stopLimitPrice === undefined ? {} : { stopLimitPrice: seen.stopLimitPrice }),
    ...(seen.stopLoss === undefined ? {} : { stopLoss: seen.stopLoss }),
    ...(seen.takeProfit === undefined ? {} : { takeProfit: seen.takeProfit }),
    timeInForce: seen.timeInForce,
    ...(seen.expireTime === undefined ? {} : { expireTime: seen.expireTime }),
  };
}

/** MetaTrader gives no code with a rejected order; a pending one is rejected when its activation was refused. */
const activationRefused = (seen: TerminalOrder) => ({
  reason: retcodeName(10041),
  retcode: 10041,
  message: seen.comment === "" ? "the broker refused the order's activation" : seen.comment,
  retriable: false,
});

function samePosition(a: Position, b: Position): boolean {
  return (
    a.volume === b.volume &&
    a.side === b.side &&
    a.openPrice === b.openPrice &&
    a.stopLoss === b.stopLoss &&
    a.takeProfit === b.takeProfit &&
    a.swap === b.swap &&
    a.magic === b.magic &&
    a.comment === b.comment
  );
}
