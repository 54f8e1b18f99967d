/**
 * From a request to the order that goes on record: only what counts for it.
 */
import type { Instant } from "../../core/model/ids.ts";
import type { NumberedOrder, OrderChange } from "../../core/model/order.ts";
import type { Named } from "../../core/model/unnamed.ts";
import type { Asked } from "./checks.ts";
import type { TerminalOrder } from "./records.ts";

/** Whether the time given with a lifetime counts. */
const lasts = ({ timeInForce }: Pick<OrderChange, "timeInForce">): boolean =>
  timeInForce === "specified" || timeInForce === "specified_day";

export function newOrder(
  { magic, request }: NumberedOrder,
  asked: Asked,
  now: Instant,
): Omit<TerminalOrder, "ticket" | "remaining"> {
  const { desk, filling, target, opens } = asked;
  const pending = request.type !== "market";
  const price = pending ? request.price : desk.openSide(request.side);
  const { stopLimitPrice, stopLoss, takeProfit, expireTime } = request;
  return {
    symbol: request.symbol,
    side: request.side,
    type: request.type,
    state: pending ? "placed" : "started",
    reason: "expert",
    magic,
    volume: request.volume,
    ...(price !== undefined && { price }),
    ...(request.type === "stop_limit" && stopLimitPrice !== undefined && { stopLimitPrice }),
    ...(opens > 0 && stopLoss !== undefined && { stopLoss }),
    ...(opens > 0 && takeProfit !== undefined && { takeProfit }),
    filling: filling ?? "return",
    timeInForce: pending ? request.timeInForce : "gtc",
    ...(pending && lasts(request) && expireTime !== undefined && { expireTime }),
    ...(request.position !== undefined && target !== undefined && { position: target.identifier }),
    setupTime: now,
    comment: request.comment,
  };
}

/** The order with all that may change of it replaced. */
export function changed(order: TerminalOrder, change: Named<OrderChange>): TerminalOrder {
  const { stopLimitPrice: _, stopLoss: __, takeProfit: ___, expireTime: ____, ...rest } = order;
  const { stopLimitPrice, stopLoss, takeProfit, expireTime } = change;
  return {
    ...rest,
    price: change.price,
    ...(order.type === "stop_limit" && stopLimitPrice !== undefined && { stopLimitPrice }),
    ...(stopLoss !== undefined && { stopLoss }),
    ...(takeProfit !== undefined && { takeProfit }),
    timeInForce: change.timeInForce,
    ...(lasts(change) && expireTime !== undefined && { expireTime }),
  };
}
