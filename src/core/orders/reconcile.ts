/**
 * What the terminal's records say, against what the journal says.
 *
 * Evidence alone decides. What the records show is applied as if it had been reported;
 * what they do not show counts as never arrived only where the terminal vouches for that.
 */
import type { ClientOrderId, Instant, OrderNumber, Ticket } from "../model/ids.ts";
import type { Order } from "../model/order.ts";
import type { AccountSnapshot } from "../ports/terminal.ts";
import { advanced, applyReport } from "./apply-report.ts";
import type { OpenChange } from "./change-book.ts";
import type { OrderDesk } from "./order-desk.ts";
import { verdict } from "./verdict.ts";

/** How much of a history is handed to the journal at a time: its queue has a limit. */
const portion = 1000;
/** How far back the records are read again (ms): more than any broker's clock is off, or its history late. */
const overlap = 86_400_000;

export async function reconcile(desk: OrderDesk): Promise<void> {
  // What came into doubt while the terminal was answering is not in its answer.
  const orders = new Set(desk.record.orders.doubted.filter((order) => isLost(desk, order)).map((one) => one.number));
  const changes = new Set(desk.record.changes.doubted.map((change) => change.key));
  const { missedReports } = desk;
  const snapshot = await desk.command((signal) => desk.terminal.snapshot(since(desk), signal));
  desk.record.holdings.valuation = snapshot.valuation;
  const isComplete = snapshot.completeUntil > 0;
  desk.recordsWhole = isComplete && desk.missedReports === missedReports;
  // What is open may change with the next report: it is applied in the turn in which it came.
  await Promise.all([
    ...snapshot.orders.map((order) => applyReport(desk, { type: "order", order }, "records")),
    ...alignPositions(desk, snapshot),
  ]);
  // The past stands still. Orders first, so that deals find them; then the deals; then how the orders ended.
  const { pastOrders, deals } = snapshot;
  const unknown = pastOrders.filter((one) => !desk.record.knowsOrder(one.ticket));
  await inPortions(unknown, (order) => {
    const before = { ...order, state: order.state === "started" ? order.state : ("placed" as const) };
    return applyReport(desk, { type: "order", order: before }, "records");
  });
  await inPortions(deals, (deal) => applyReport(desk, { type: "deal", deal }, "records"));
  if (isComplete) desk.record.holdings.complete();
  const ended = pastOrders.filter((order) => !endedLikeOurs(desk, order));
  await inPortions(ended, (order) => applyReport(desk, { type: "order", order }, "records"));
  await dismissAbsent(desk, orders, snapshot.completeUntil);
  await answerChanges(desk, changes, snapshot.completeUntil);
}

/** From where on the records can hold news. By the terminal's clock where that differs from ours, as in a replay. */
function since(desk: OrderDesk): Instant {
  const { holdings, orders } = desk.record;
  const newest = holdings.newestDeal?.time ?? 0;
  const oldest = [...orders.open].reduce((least, order) => Math.min(least, order.sentAt ?? order.knownAt), newest);
  return Math.max(0, oldest - overlap) as Instant;
}

async function inPortions<T>(items: readonly T[], apply: (item: T) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < items.length; from += portion) {
    await Promise.all(items.slice(from, from + portion).map(apply));
  }
}

/** Nothing shows that the order in doubt arrived, and its command has ended. */
const isLost = (desk: OrderDesk, order: Order): boolean =>
  order.ticket === undefined && !desk.submitting.has(order.number);

function endedLikeOurs(desk: OrderDesk, seen: AccountSnapshot["orders"][number]): boolean {
  const ours = desk.record.orders.byTicket(seen.ticket);
  return ours !== undefined && (ours.stage === seen.state || (ours.finalAt !== undefined && seen.state === "filled"));
}

function alignPositions(desk: OrderDesk, snapshot: AccountSnapshot): Promise<boolean>[] {
  const open = new Set(snapshot.positions.map((position) => position.ticket));
  const gone = [...desk.record.holdings.positions].filter((position) => !open.has(position.ticket));
  return [
    ...gone.map((position) => applyReport(desk, { type: "position_closed", position })),
    ...snapshot.positions.map((position) => applyReport(desk, { type: "position", position }, "records")),
  ];
}

/** An order in doubt that complete records do not show has never arrived. */
async function dismissAbsent(desk: OrderDesk, doubted: ReadonlySet<OrderNumber>, until: Instant): Promise<void> {
  const at = desk.clock.now();
  const absent = desk.record.orders.doubted.filter(
    (order) => doubted.has(order.number) && isLost(desk, order) && (order.sentAt ?? order.knownAt) <= until,
  );
  const message = "the terminal's complete records do not show the order: it never arrived";
  const rejection = { reason: "NEVER_ARRIVED", retcode: 0, message, retriable: true };
  const event = { type: "rejected", cause: "bridge", rejection } as const;
  await Promise.all(absent.map((order) => desk.record.write([advanced(order, event, at, "absence")])));
}

async function answerChanges(desk: OrderDesk, doubted: ReadonlySet<ClientOrderId>, until: Instant): Promise<void> {
  const { orders, holdings, changes } = desk.record;
  const past = await archivedOrders(desk, changes.doubted);
  const written: Promise<void>[] = [];
  for (const asked of changes.doubted) {
    const isOver = doubted.has(asked.key) && !desk.changing.has(asked.key);
    const ticket = orderOf(asked);
    const order = ticket && (orders.byTicket(ticket) ?? past.get(ticket));
    const answer = verdict(asked, isOver && asked.at <= until, order, holdings);
    if (answer !== undefined) written.push(desk.record.write([{ type: "answered", key: asked.key, answer }]));
  }
  await Promise.all(written);
}

const orderOf = ({ change }: OpenChange): Ticket | undefined => (change?.kind === "stops" ? undefined : change?.order);

/** Orders of these changes that are over for so long that memory does not have them. */
async function archivedOrders(desk: OrderDesk, changes: readonly OpenChange[]): Promise<ReadonlyMap<Ticket, Order>> {
  const found = new Map<Ticket, Order>();
  for (const ticket of changes.map(orderOf)) {
    if (ticket === undefined || desk.record.orders.byTicket(ticket) !== undefined) continue;
    const order = await desk.record.archived({ by: "order_ticket", value: ticket });
    if (order !== undefined) found.set(ticket, order);
  }
  return found;
}
