/**
 * Two opposite positions closed against each other: one order, two deals, and the
 * spread paid once. The first deal carries the whole profit; each carries the swap of
 * its own position's part.
 */

import type { Money, Price, Volume } from "../../core/model/decimals.ts";
import type { Instant, Ticket } from "../../core/model/ids.ts";
import type { NumberedOrder, OrderRequest } from "../../core/model/order.ts";
import { closingVolume, type Floor, marketFault, understand } from "./checks.ts";
import type { Desk } from "./desk.ts";
import type { Execution } from "./execution.ts";
import { positionFrozen } from "./levels.ts";
import { dealPrice, opposite, remaining, shareOf } from "./positions.ts";
import type { Position, TerminalOrder } from "./records.ts";
import type { Refusal } from "./retcodes.ts";

export interface CloseBy {
  readonly desk: Desk;
  readonly position: Position;
  readonly by: Position;
}

/** What is to be closed by what, or the first objection. */
export function examineCloseBy(request: OrderRequest, floor: Floor): CloseBy | Refusal {
  const asked = understand(request, floor);
  if ("retcode" in asked) return asked;
  const { desk, target: position } = asked;
  const by = request.positionBy === undefined ? undefined : floor.books.positions.get(request.positionBy);
  const { spec } = desk;
  if (spec.tradeMode === "disabled") return { retcode: "trade_disabled" };
  const fault = marketFault(desk, floor);
  if (fault !== undefined) return fault;
  if (!spec.orderModes.includes("close_by")) return { retcode: "invalid_order" };
  if (position === undefined || by === undefined) return { retcode: "position_closed" };
  if (position.symbol !== spec.name || by.symbol !== spec.name || position.side === by.side) {
    return { retcode: "invalid" };
  }
  if (closingVolume(floor.books, position) + closingVolume(floor.books, by) > 0) {
    return { retcode: "close_order_exists" };
  }
  if (positionFrozen(desk, position) || positionFrozen(desk, by)) return { retcode: "frozen" };
  return { desk, position, by };
}

export function closeBy(
  { desk, position, by }: CloseBy,
  { magic, request }: NumberedOrder,
  execution: Execution,
  time: Instant,
): Ticket {
  const volume = Math.min(position.volume, by.volume) as Volume;
  const order = execution.take({
    symbol: position.symbol,
    side: opposite(position.side),
    type: "close_by",
    state: "started",
    reason: "expert",
    magic,
    volume,
    price: dealPrice(by),
    filling: "fok",
    timeInForce: "gtc",
    position: position.identifier,
    positionBy: by.identifier,
    setupTime: time,
    comment: request.comment,
  });
  const profit = execution.earned(position, volume, dealPrice(by));
  book(position, order, dealPrice(by), profit, execution, time);
  settle(position, volume, desk, execution, time);
  book(by, order, dealPrice(position), 0 as Money, execution, time);
  execution.settle({ ...order, remaining: 0 as Volume }, "filled", time);
  settle(by, volume, desk, execution, time);
  return order.ticket;
}

function book(
  position: Position,
  order: TerminalOrder,
  price: Price,
  profit: Money,
  execution: Execution,
  time: Instant,
): void {
  const { stopLoss, takeProfit } = position;
  execution.deal({
    order: order.ticket,
    position: position.identifier,
    symbol: position.symbol,
    type: opposite(position.side),
    entry: "out_by",
    reason: "expert",
    magic: order.magic,
    volume: order.volume,
    price,
    ...(stopLoss !== undefined && { stopLoss }),
    ...(takeProfit !== undefined && { takeProfit }),
    profit,
    swap: shareOf(position, order.volume),
    commission: 0 as Money,
    time,
    comment: order.comment,
  });
}

function settle(position: Position, volume: Volume, desk: Desk, execution: Execution, time: Instant): void {
  if (position.volume === volume) execution.record({ type: "position_closed", position });
  else execution.restate(desk, remaining(position, volume, time));
}
