/**
 * Whether a pending order or a position's stops may be changed: the rules, in the
 * order in which they are asked (see `checks.ts`).
 *
 * Nothing is changed or removed while the market is closed, as most servers have it.
 */
import type { Ticket } from "../../core/model/ids.ts";
import type { OrderChange, Stops } from "../../core/model/order.ts";
import type { Named } from "../../core/model/unnamed.ts";
import { isPending } from "./books.ts";
import { accountFault, expirationFault, type Floor, fundsFault, marketFault } from "./checks.ts";
import type { Desk } from "./desk.ts";
import { orderFrozen, pendingFault, positionFrozen, stopsAllowed, stopsFault } from "./levels.ts";
import type { Position, TerminalOrder } from "./records.ts";
import type { Refusal } from "./retcodes.ts";

interface OrderAtDesk {
  readonly desk: Desk;
  readonly order: TerminalOrder;
}

/** The active order, or why nothing can be done with it. */
function find(ticket: Ticket, floor: Floor): OrderAtDesk | Refusal {
  const fault = accountFault(floor);
  if (fault !== undefined) return fault;
  const order = floor.books.orders.get(ticket);
  if (order === undefined) {
    const past = floor.books.pastOrders.get(ticket);
    if (past === undefined) return { retcode: "invalid", detail: `no order ${ticket}` };
    return { retcode: "order_changed", detail: `order ${ticket} is ${past.state}` };
  }
  const desk = floor.desk(order.symbol);
  if (desk === undefined) return { retcode: "invalid", detail: `no symbol ${order.symbol}` };
  if (desk.spec.tradeMode === "disabled") return { retcode: "trade_disabled" };
  return marketFault(desk, floor) ?? { desk, order };
}

export function examineCancel(ticket: Ticket, floor: Floor): OrderAtDesk | Refusal {
  const found = find(ticket, floor);
  if ("retcode" in found) return found;
  return isPending(found.order) && orderFrozen(found.desk, found.order) ? { retcode: "frozen" } : found;
}

export function examineChange(ticket: Ticket, change: Named<OrderChange>, floor: Floor): OrderAtDesk | Refusal {
  const found = find(ticket, floor);
  if ("retcode" in found) return found;
  const { desk, order } = found;
  const { type, side } = order;
  if (type === "market" || type === "close_by") return { retcode: "invalid", detail: "a market order has no price" };
  if (!stopsAllowed(desk.spec, change)) return { retcode: "invalid_order" };
  if (expirationFault(desk, change, floor.now)) return { retcode: "invalid_expiration" };
  const fault =
    pendingFault(desk, { ...change, type, side }) ??
    stopsFault(desk.spec, side, change.stopLimitPrice ?? change.price, change);
  if (fault !== undefined) return fault;
  if (orderFrozen(desk, order)) return { retcode: "frozen" };
  if (isSame(order, change)) return { retcode: "no_changes" };
  const { remaining: volume } = order;
  const prospect = { desk, side, volume, price: change.price, kind: "pending", instead: ticket } as const;
  return fundsFault(prospect, volume, floor) ?? found;
}

function isSame(order: TerminalOrder, change: Named<OrderChange>): boolean {
  return (
    order.price === change.price &&
    (order.type !== "stop_limit" || order.stopLimitPrice === change.stopLimitPrice) &&
    order.stopLoss === change.stopLoss &&
    order.takeProfit === change.takeProfit &&
    order.timeInForce === change.timeInForce &&
    order.expireTime === change.expireTime
  );
}

/** Only a level that changes has to keep its distance: the other was right when it was set. */
export function examineStops(
  ticket: Ticket,
  stops: Stops,
  floor: Floor,
): { readonly desk: Desk; readonly position: Position } | Refusal {
  const fault = accountFault(floor);
  if (fault !== undefined) return fault;
  const position = floor.books.positions.get(ticket);
  if (position === undefined) return { retcode: "position_closed" };
  const desk = floor.desk(position.symbol);
  if (desk === undefined) return { retcode: "invalid", detail: `no symbol ${position.symbol}` };
  if (desk.spec.tradeMode === "disabled") return { retcode: "trade_disabled" };
  const closed = marketFault(desk, floor);
  if (closed !== undefined) return closed;
  if (!stopsAllowed(desk.spec, stops)) return { retcode: "invalid_order" };
  const changed: Stops = {
    ...(stops.stopLoss !== position.stopLoss && stops.stopLoss !== undefined && { stopLoss: stops.stopLoss }),
    ...(stops.takeProfit !== position.takeProfit && stops.takeProfit !== undefined && { takeProfit: stops.takeProfit }),
  };
  const misplaced = stopsFault(desk.spec, position.side, desk.closeSide(position.side), changed);
  if (misplaced !== undefined) return misplaced;
  if (positionFrozen(desk, position)) return { retcode: "frozen" };
  if (stops.stopLoss === position.stopLoss && stops.takeProfit === position.takeProfit) {
    return { retcode: "no_changes" };
  }
  return { desk, position };
}
