/**
 * What nobody knows the end of: orders and changes whose answer never came.
 *
 * Raised when the bridge starts over what it had sent, and wherever an answer stays away.
 * Settled by the terminal's records alone, which are read at the start, when the link
 * comes up, when something comes into doubt, and again and again while anything is, or
 * while they are not whole.
 */
import type { Order } from "../model/order.ts";
import type { OrderDesk } from "./order-desk.ts";
import { reconcile } from "./reconcile.ts";

/** Between two readings of the records, in milliseconds: doubled while they settle nothing. */
const firstWait = 1_000;
const longestWait = 30_000;

/** Orders and changes that were under way when the bridge stopped. */
export async function raiseDoubts(desk: OrderDesk): Promise<void> {
  const at = desk.clock.now();
  const why = "the bridge stopped before the terminal had answered";
  const written: Promise<void>[] = [];
  for (const { number, id, traceId, stage } of [...desk.record.orders.open]) {
    if (stage !== "received" && stage !== "sent") continue;
    written.push(desk.record.write([{ type: "advanced", number, event: { type: "in_doubt", why }, at }]));
    desk.observer.note("warn", "orders", "order in doubt", { order: id, trace_id: traceId, why });
  }
  for (const { key, doubt } of [...desk.record.changes.open]) {
    if (doubt !== undefined) continue;
    written.push(desk.record.write([{ type: "doubted", key, why }]));
    desk.observer.note("warn", "orders", "change in doubt", { client_order_id: key, why });
  }
  await Promise.all(written);
}

/**
 * Reads the terminal's records, if it can be asked. Never throws: what cannot be settled
 * stays in doubt, and the log says why. One reading at a time: who asks while one is under
 * way waits for the next, and shares it.
 */
export function settleDoubts(desk: OrderDesk): Promise<void> {
  const { settling } = desk;
  if (settling.now === undefined) {
    settling.now = settle(desk).finally(() => {
      settling.now = undefined;
    });
    return settling.now;
  }
  settling.next ??= settling.now.then(() => {
    settling.next = undefined;
    return settleDoubts(desk);
  });
  return settling.next;
}

async function settle(desk: OrderDesk): Promise<void> {
  const orders = desk.record.orders.doubted;
  const changes = desk.record.changes.doubted;
  try {
    await reconcile(desk);
  } catch (error) {
    const message = "the terminal's records could not be read and kept; what is in doubt stays so";
    desk.observer.note("error", "orders", message, { error });
    desk.recordsWhole = false; // what they were read for may be in no doubt: a report that was not journalled
    return;
  }
  for (const { number, id, traceId } of orders) {
    const { stage, doubt } = (await desk.record.newest({ by: "number", value: number })) as Order;
    if (stage === "in_doubt") continue;
    const context = { order: id, trace_id: traceId, stage, evidence: doubt?.evidence };
    desk.observer.note("info", "orders", "order settled", context);
  }
  for (const { key } of changes) {
    const answer = desk.record.changes.answerOf(key);
    if (answer === undefined) continue;
    const how = answer.kind === "done" ? "done" : answer.message;
    desk.observer.note("info", "orders", "change settled", { client_order_id: key, answer: how });
  }
}

/** Reads the records again while anything is in doubt, or they were not whole when they were read, until `signal` aborts. */
export async function watchDoubts(desk: OrderDesk, signal: AbortSignal): Promise<void> {
  let wait = firstWait;
  while (!signal.aborted) {
    await desk.clock.sleep(wait, signal);
    const { orders, changes } = desk.record;
    const open = orders.doubted.length + changes.doubted.length > 0 || !desk.recordsWhole;
    if (open && desk.linkUp && desk.record.failure === undefined && !signal.aborted) await settleDoubts(desk);
    wait = open ? Math.min(2 * wait, longestWait) : firstWait;
  }
}
