/**
 * What became of everything while nobody was looking.
 *
 * Runs at start and whenever reports contradict what is known. Decides by the terminal's
 * own records only: what they show is applied as if it had just been reported; what they
 * do not show counts as never arrived only when they are known to be complete.
 */
import type { Instant, OrderNumber } from "../model/ids.ts";
import type { Order } from "../model/order.ts";
import type { AccountSnapshot } from "../ports/terminal.ts";
import { applyReport } from "./apply-report.ts";
import type { OrderDesk } from "./order-desk.ts";

/** Orders and changes that were under way when the bridge stopped: nobody knows what became of them. */
export async function raiseDoubts(desk: OrderDesk): Promise<void> {
  const at = desk.clock.now();
  const written: Promise<void>[] = [];
  for (const order of [...desk.record.orders.open]) {
    if (order.stage !== "received" && order.stage !== "sent") continue;
    written.push(desk.record.write([{ type: "advanced", number: order.number, event: { type: "in_doubt" }, at }]));
    desk.observer.note("warn", "orders", "order in doubt: the bridge stopped before it was answered", {
      order: order.id,
      trace_id: order.traceId,
    });
  }
  for (const key of desk.record.unanswered) {
    const message = "the bridge stopped before the terminal had answered; look at the order itself";
    const answer = { kind: "failed", fault: "terminal_silent", message, metadata: {} } as const;
    written.push(desk.record.write([{ type: "answered", key, answer }]));
  }
  await Promise.all(written);
}

/** How much of a history is handed to the journal at a time: its queue has a limit. */
const portion = 1000;

/** `absence`: whether what complete records do not show counts as never arrived. */
export async function reconcile(desk: OrderDesk, absence: boolean): Promise<void> {
  // What came into doubt while the terminal was answering is not in its answer.
  const doubted = new Set(absence ? inDoubt(desk) : []);
  const snapshot = await desk.command((signal) => desk.terminal.snapshot(0 as Instant, signal));
  desk.record.holdings.valuation = snapshot.valuation;
  // What is open may change with the next report: it is applied in the turn in which it came.
  await Promise.all([
    ...snapshot.orders.map((order) => applyReport(desk, { type: "order", order })),
    ...alignPositions(desk, snapshot),
  ]);
  // The past stands still. Orders first, so that deals find them; then the deals; then how the orders ended.
  const { pastOrders, deals } = snapshot;
  const unknown = pastOrders.filter((one) => desk.record.orders.byTicket(one.ticket) === undefined);
  await inPortions(unknown, (order) =>
    applyReport(desk, { type: "order", order: { ...order, state: order.state === "started" ? "started" : "placed" } }),
  );
  await inPortions(deals, (deal) => applyReport(desk, { type: "deal", deal }));
  const ended = pastOrders.filter((order) => !endedLikeOurs(desk, order));
  await inPortions(ended, (order) => applyReport(desk, { type: "order", order }));
  if (snapshot.complete) await dismissAbsent(desk, doubted);
}

async function inPortions<T>(items: readonly T[], apply: (item: T) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < items.length; from += portion) {
    await Promise.all(items.slice(from, from + portion).map(apply));
  }
}

/** Orders of which nobody knows whether they arrived, and whose commands have ended. */
const inDoubt = (desk: OrderDesk): OrderNumber[] =>
  [...desk.record.orders.open].filter((order) => isLost(desk, order)).map((order) => order.number);

const isLost = (desk: OrderDesk, order: Order): boolean =>
  order.stage === "in_doubt" && order.ticket === undefined && !desk.submitting.has(order.number);

function endedLikeOurs(desk: OrderDesk, seen: AccountSnapshot["orders"][number]): boolean {
  const ours = desk.record.orders.byTicket(seen.ticket);
  return ours !== undefined && (ours.stage === seen.state || (ours.finalAt !== undefined && seen.state === "filled"));
}

function alignPositions(desk: OrderDesk, snapshot: AccountSnapshot): Promise<boolean>[] {
  const open = new Set(snapshot.positions.map((position) => position.ticket));
  const gone = [...desk.record.holdings.positions].filter((position) => !open.has(position.ticket));
  return [
    ...gone.map((position) => applyReport(desk, { type: "position_closed", position })),
    ...snapshot.positions.map((position) => applyReport(desk, { type: "position", position })),
  ];
}

/** An order in doubt that complete records do not show has never arrived. */
async function dismissAbsent(desk: OrderDesk, doubted: ReadonlySet<OrderNumber>): Promise<void> {
  const at = desk.clock.now();
  const absent = [...desk.record.orders.open].filter((order) => doubted.has(order.number) && isLost(desk, order));
  await Promise.all(
    absent.map((order) => {
      const context = { order: order.id, trace_id: order.traceId };
      desk.observer.note("info", "orders", "order settled: it never reached the terminal", context);
      const message = "the terminal's complete records do not show the order: it never arrived";
      const rejection = { reason: "NEVER_ARRIVED", retcode: 0, message, retriable: true };
      const event = { type: "rejected", cause: "bridge", rejection } as const;
      return desk.record.write([{ type: "advanced", number: order.number, event, at }]);
    }),
  );
}

/** Reconciles, if the terminal can be asked. Never throws: what cannot be settled stays in doubt, and the log says why. */
export async function settleDoubts(desk: OrderDesk, absence = true): Promise<void> {
  try {
    await reconcile(desk, absence);
  } catch (error) {
    const message = "the terminal's records could not be read and kept; what is in doubt stays so";
    desk.observer.note("error", "orders", message, { error });
  }
}
