/**
 * What became of everything while nobody was looking.
 *
 * Runs at start and whenever reports contradict what is known. Decides by the terminal's
 * own records only: what they show is applied as if it had just been reported; what they
 * do not show counts as never arrived only when they are known to be complete.
 */
import { BridgeError } from "../errors.ts";
import type { Instant } from "../model/ids.ts";
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
    });
  }
  for (const key of desk.record.unanswered) {
    const message = "the bridge stopped before the terminal had answered; look at the order itself";
    const answer = { kind: "failed", fault: "terminal_silent", message, metadata: {} } as const;
    written.push(desk.record.write([{ type: "answered", key, answer }]));
  }
  await Promise.all(written);
}

export async function reconcile(desk: OrderDesk): Promise<void> {
  const snapshot = await desk.command((signal) => desk.terminal.snapshot(0 as Instant, signal));
  desk.record.holdings.valuation = snapshot.valuation;
  const seen = [...snapshot.pastOrders, ...snapshot.orders];
  const born = seen.map((order) => ({
    ...order,
    state: order.state === "started" ? order.state : ("placed" as const),
  }));
  // Orders first, so that deals find them; then the deals; then how the orders ended.
  for (const order of born.filter((one) => desk.record.orders.byTicket(one.ticket) === undefined)) {
    await applyReport(desk, { type: "order", order });
  }
  for (const deal of snapshot.deals) await applyReport(desk, { type: "deal", deal });
  for (const order of seen) if (!endedLikeOurs(desk, order)) await applyReport(desk, { type: "order", order });
  await alignPositions(desk, snapshot);
  if (snapshot.complete) await dismissAbsent(desk);
}

function endedLikeOurs(desk: OrderDesk, seen: AccountSnapshot["orders"][number]): boolean {
  const ours = desk.record.orders.byTicket(seen.ticket);
  return ours !== undefined && (ours.stage === seen.state || (ours.finalAt !== undefined && seen.state === "filled"));
}

async function alignPositions(desk: OrderDesk, snapshot: AccountSnapshot): Promise<void> {
  const open = new Set(snapshot.positions.map((position) => position.ticket));
  for (const position of [...desk.record.holdings.positions]) {
    if (!open.has(position.ticket)) await applyReport(desk, { type: "position_closed", position });
  }
  for (const position of snapshot.positions) await applyReport(desk, { type: "position", position });
}

/** An order in doubt that complete records do not show has never arrived. */
async function dismissAbsent(desk: OrderDesk): Promise<void> {
  const at = desk.clock.now();
  const absent = [...desk.record.orders.open].filter(
    (order) => order.stage === "in_doubt" && order.ticket === undefined,
  );
  await Promise.all(
    absent.map((order: Order) => {
      desk.observer.note("info", "orders", "order settled: it never reached the terminal", { order: order.id });
      const message = "the terminal's complete records do not show the order: it never arrived";
      const rejection = { reason: "NEVER_ARRIVED", retcode: 0, message, retriable: true };
      const event = { type: "rejected", cause: "bridge", rejection } as const;
      return desk.record.write([{ type: "advanced", number: order.number, event, at }]);
    }),
  );
}

/** Reconciles until it succeeds or the terminal is gone; what is in doubt stays so until then. */
export async function settleDoubts(desk: OrderDesk): Promise<void> {
  try {
    await reconcile(desk);
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
    desk.observer.note("error", "orders", "the terminal's records could not be read; what is in doubt stays so", {
      error,
    });
  }
}
