/**
 * What the terminal tells of orders, deals and positions, into the record.
 *
 * Reports may come late, twice or in another order than things happened: a deal before
 * its order, a report of what an answer has told already. The lifecycle decides which
 * of them are news.
 */
import type { AccountEvent, PositionChange } from "../accounts/account-event.ts";
import type { KeptOrder } from "../accounts/archive.ts";
import type { Deal } from "../model/deal.ts";
import type { Volume } from "../model/decimals.ts";
import type { Instant, OrderNumber, Ticket } from "../model/ids.ts";
import type { Evidence, Order, TerminalOrder } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import type { TerminalReport } from "../ports/terminal.ts";
import { advance, type OrderEvent } from "./lifecycle.ts";
import type { OrderDesk } from "./order-desk.ts";
import { causeOfReason, dealt, eventsOf, foreign, hasEnded, setupOf } from "./shown-order.ts";

/** Orders under way whose beginning is remembered: of the others their records tell it later. */
const mostBegun = 1024;

export type TradeReport = Extract<TerminalReport, { type: "order" | "deal" | "position" | "position_closed" }>;

/** Resolves when what was new of the report is durable; true when it contradicts what is known. */
export async function applyReport(
  desk: OrderDesk,
  report: TradeReport,
  evidence: Evidence = "report",
): Promise<boolean> {
  const past = archivedOrder(desk, report);
  if (past !== undefined && !(await recallFor(desk, report, past))) return false;
  switch (report.type) {
    case "order":
      return applyOrder(desk, report.order, evidence);
    case "deal":
      return applyDeal(desk, report.deal, evidence);
    case "position":
      return applyPosition(desk, report.position, evidence);
    case "position_closed":
      if (desk.record.holdings.position(report.position.ticket) === undefined) return false;
      await desk.record.write([{ type: "position", change: "closed", position: report.position }]);
      return false;
  }
}

/** The order of a report, where memory does not have it any more; undefined at once where it does, or nobody knows it. */
function archivedOrder({ record }: OrderDesk, report: TradeReport): Promise<KeptOrder | undefined> | undefined {
  const ticket = report.type === "order" ? report.order.ticket : report.type === "deal" ? report.deal.order : undefined;
  if (ticket === undefined || record.orders.byTicket(ticket) !== undefined) return undefined;
  return record.archived({ by: "order_ticket", value: ticket });
}

/** False when the report tells nothing new of what is over; else the order is in memory again. */
async function recallFor(desk: OrderDesk, report: TradeReport, past: Promise<KeptOrder | undefined>): Promise<boolean> {
  const order = await past;
  if (order === undefined) return true;
  if (report.type === "order") {
    const { state, volume, remaining } = report.order;
    if (state === "filled" || (order.stage === state && volume - remaining <= order.filled)) return false;
  }
  if (report.type === "deal" && desk.record.holdings.knows(report.deal.ticket)) {
    const event = dealt(order, report.deal);
    if (event === undefined || advance(order, event, desk.clock.now()).kind === "repeated") return false;
  }
  desk.record.recall(order);
  return true;
}

async function applyOrder(desk: OrderDesk, seen: TerminalOrder, evidence: Evidence): Promise<boolean> {
  const { orders } = desk.record;
  const known = orders.byTicket(seen.ticket) ?? awaiting(desk, seen);
  const found =
    known === undefined
      ? desk.record.write([{ type: "found", order: foreign(desk.account, orders.nextNumber, seen, desk.clock.now()) }])
      : undefined;
  const order = known ?? orders.byTicket(seen.ticket);
  if (order === undefined) {
    await found;
    return false;
  }
  noteBegin(desk, seen);
  const filled = (seen.volume - seen.remaining) as Volume;
  if (hasEnded(seen) && filled > order.filled) desk.owed.set(order.number, filled); // some of its deals are still to come
  const events = [
    ...(known === undefined ? dealsOf(desk, order) : []),
    ...eventsOf(order, seen, desk.record.changes.cancelerOf(seen.ticket)),
  ];
  const [contradicted] = await Promise.all([applyEvents(desk, order.number, events, evidence), found]);
  return contradicted;
}

/** When an order was taken in is told before its deals, as a rule, and before anything of it is worth an event. */
export function noteBegin({ begun, record }: OrderDesk, seen: TerminalOrder): void {
  const { setup } = seen.state === "started" || seen.state === "filled" ? setupOf(seen) : {};
  if (setup === undefined || record.orders.byTicket(seen.ticket)?.setup !== undefined) return;
  begun.set(seen.ticket, setup);
  if (begun.size <= mostBegun) return;
  const [oldest] = begun.keys();
  begun.delete(oldest as Ticket);
}

/** The order of ours that this is, when its ticket is not known yet. A stop that closes our position carries our magic, too. */
function awaiting(desk: OrderDesk, seen: Pick<TerminalOrder, "magic" | "reason">): Order | undefined {
  return causeOfReason(seen.reason) === undefined ? desk.record.orders.awaiting(seen.magic) : undefined;
}

/** Deals that were told before their order. */
function dealsOf(desk: OrderDesk, order: Order): OrderEvent[] {
  if (order.ticket === undefined) return [];
  const deals = [...desk.record.holdings.unclaimed].filter((deal) => deal.order === order.ticket);
  return deals.flatMap((deal) => dealt(order, deal) ?? []);
}

async function applyDeal(desk: OrderDesk, deal: Deal, evidence: Evidence): Promise<boolean> {
  const { orders, holdings } = desk.record;
  const order = deal.order === undefined ? undefined : (orders.byTicket(deal.order) ?? awaiting(desk, deal));
  const event = order && dealt(order, deal, deal.order && desk.begun.get(deal.order));
  const at = desk.clock.now();
  const step = order && event && advance(order, event, at);
  // Together: a deal that is known while its order does not know it would be lost between the two.
  const news: AccountEvent[] = holdings.knows(deal.ticket) ? [] : [{ type: "deal", deal }];
  if (order && event && step?.kind === "advanced") news.push(advanced(order, event, at, evidence));
  const contradicted = order !== undefined && step?.kind === "impossible";
  if (contradicted) noteContradiction(desk, order, step.why);
  const written = news.length > 0 ? desk.record.write(news) : undefined;
  if (deal.order !== undefined) desk.begun.delete(deal.order);
  if (order !== undefined) forgetOwed(desk, order.number);
  await written;
  return contradicted;
}

function forgetOwed({ owed, record }: OrderDesk, number: OrderNumber): void {
  const filled = owed.get(number);
  if (filled !== undefined && (record.orders.byNumber(number)?.filled ?? 0) >= filled) owed.delete(number);
}

async function applyPosition(desk: OrderDesk, position: Position, evidence: Evidence): Promise<boolean> {
  const before = desk.record.holdings.position(position.ticket);
  // Overtaken by the records, or the broker's clock was set back: the records tell, which are of now.
  if (evidence !== "records" && before !== undefined && position.updateTime < before.updateTime) return true;
  const change: PositionChange = before === undefined ? "opened" : "changed";
  if (before === undefined || !samePosition(before, position)) {
    await desk.record.write([{ type: "position", change, position }]);
  }
  return false;
}

/** What has happened to an order, as far as it is news; true when it contradicts what is known. */
export async function applyEvents(
  desk: OrderDesk,
  number: OrderNumber,
  events: readonly OrderEvent[],
  evidence: Evidence,
): Promise<boolean> {
  if (desk.record.orders.byNumber(number) === undefined) {
    const past = await desk.record.archived({ by: "number", value: number });
    if (past !== undefined) desk.record.recall(past);
  }
  const at = desk.clock.now();
  let contradicted = false;
  const written: Promise<void>[] = [];
  for (const event of events) {
    const order = desk.record.orders.byNumber(number);
    const step = order && advance(order, event, at);
    if (order && step?.kind === "advanced") {
      written.push(desk.record.write([advanced(order, event, at, evidence)]));
    } else if (step?.kind === "impossible") {
      contradicted = true;
      noteContradiction(desk, order, step.why);
    }
  }
  await Promise.all(written);
  return contradicted;
}

/** Where an event is known from matters only where it settles a doubt. */
export const advanced = (order: Order, event: OrderEvent, at: Instant, evidence: Evidence): AccountEvent => ({
  ...{ type: "advanced", number: order.number, event, at },
  ...(order.stage === "in_doubt" ? { evidence } : {}),
});

function noteContradiction(desk: OrderDesk, order: Order | undefined, why: string): void {
  const context = { order: order?.id, trace_id: order?.traceId, why };
  desk.observer.note("warn", "orders", "the terminal's report contradicts the order", context);
}

function samePosition(a: Position, b: Position): boolean {
  return (
    a.volume === b.volume &&
    a.side === b.side &&
    a.openPrice === b.openPrice &&
    a.stopLoss === b.stopLoss &&
    a.takeProfit === b.takeProfit &&
    a.swap === b.swap &&
    a.magic === b.magic &&
    a.reason === b.reason &&
    a.openBrokerTime === b.openBrokerTime &&
    a.comment === b.comment
  );
}
