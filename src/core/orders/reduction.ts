/**
 * Whether an order can only make smaller what is open.
 *
 * Only market orders: what rests may find another position, or none, when it is filled. On hedging accounts a closing
 * order names its position, and the broker closes no more than that. On netting accounts an order closes what is open
 * as far as it goes and opens the rest, so all that is on its way to the same side is counted with it. A side that the
 * terminal tells with no word for it is never taken for the other one.
 */
import type { Holdings } from "../accounts/holdings.ts";
import type { MarginMode } from "../model/account.ts";
import type { OrderNumber } from "../model/ids.ts";
import type { Order, OrderRequest, Side } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import { isUnnamed, type Unnamed } from "../model/unnamed.ts";
import type { OrderBook } from "./order-book.ts";

/** What is open and what is on its way. */
export interface Books {
  readonly orders: OrderBook;
  readonly holdings: Holdings;
  readonly marginMode: MarginMode | Unnamed;
}

/** `own` is the order's number when it is among the orders already. */
export function onlyReduces(request: OrderRequest, books: Books, own?: OrderNumber): boolean {
  const { holdings, marginMode } = books;
  if (request.type !== "market") return false;
  if (request.positionBy !== undefined) return true;
  const position = request.position === undefined ? undefined : holdings.position(request.position);
  if (request.position !== undefined && !isAgainst(position, request.side)) return false;
  if (marginMode === "hedging") return position !== undefined;
  if (isUnnamed(marginMode) && position === undefined) return false; // it must be right in either way
  return request.volume + onItsWay(request, books, own) <= openAgainst(request, books);
}

/** What a netting account has open on the other side, by its deals and by its reports: the smaller of the two. */
function openAgainst({ symbol, side }: OrderRequest, { holdings }: Books): number {
  let net = 0;
  for (const exposure of holdings.exposures()) {
    const counts = exposure.sure || signOf(side) * exposure.volume > 0;
    if (exposure.symbol === symbol && counts) net += exposure.volume;
  }
  let reported = 0;
  for (const position of holdings.positions) {
    if (position.symbol === symbol && isAgainst(position, side)) reported = Math.max(reported, position.volume);
  }
  return Math.min(reported, Math.max(0, -signOf(side) * net));
}

/** Market orders of the same side that are not at their end. */
function onItsWay({ symbol, side }: OrderRequest, { orders }: Books, own: OrderNumber | undefined): number {
  let volume = 0;
  for (const order of orders.open) {
    const counts = order.symbol === symbol && mayBe(order, side) && order.number !== own;
    if (counts) volume += order.volume - order.filled;
  }
  return volume;
}

/** An order of a type that has no word may be a market order of either side. */
const mayBe = ({ type, side }: Order, wanted: Side): boolean =>
  isUnnamed(type) || (type === "market" && side === wanted);

/** Surely of the other side. */
const isAgainst = (position: Position | undefined, side: Side): boolean =>
  position !== undefined && position.side !== side && !isUnnamed(position.side);

export const signOf = (side: Side): 1 | -1 => (side === "buy" ? 1 : -1);
