/**
 * Placing an order: known key? → validate → approve → journal → send → what became of it.
 *
 * Always true:
 *   - The key and the number are reserved, on disk, before anything leaves.
 *   - What was sent is sent once. A caller that goes away does not call it back.
 */
import { BridgeError } from "../errors.ts";
import { type ClientOrderId, type Instant, magicOf, type OrderNumber, orderId } from "../model/ids.ts";
import type { Order, OrderRequest } from "../model/order.ts";
import { witnessed } from "../ports/witness.ts";
import type { OrderDraft } from "./draft.ts";
import { isFinal, type OrderEvent } from "./lifecycle.ts";
import { type Caller, contentOf, type OrderDesk, sameContent } from "./order-desk.ts";
import { tellOrder } from "./order-trace.ts";
import { approve, refuseAway } from "./risk.ts";
import { noteRefusal, send } from "./send-order.ts";
import { validate } from "./validate.ts";

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

export function placeOrder(desk: OrderDesk, draft: OrderDraft, timing: Timing, caller: Caller): Promise<Placed> {
  // As the keys of earlier versions were kept, for which nothing was left open.
  const content = contentOf("place", { ...draft, timeInForce: draft.timeInForce ?? "gtc" });
  return give(desk, draft.clientOrderId, content, () => validate(draft, desk.symbol(draft.symbol)), timing, caller);
}

/** `read` is what the draft comes to, once its key is known to be new. */
export async function give(
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
