/**
 * How large a position could become, if all that is on its way or rests in the market came to be filled.
 *
 * Hedging: each direction counts alone, and an order that names a position opens nothing. Netting: what is at the market
 * closes first and opens the rest; what rests counts in full, because what it would close may be gone by then. Of a
 * position that strategies share each has what its own deals have made of it. What the terminal tells with no word for it
 * counts as the worst it could be: orders for both sides, margin for either way.
 */

import type { Volume } from "../model/decimals.ts";
import type { OrderNumber, StrategyId } from "../model/ids.ts";
import type { Order, OrderRequest } from "../model/order.ts";
import { isUnnamed } from "../model/unnamed.ts";
import { type Books, signOf } from "./reduction.ts";

export interface OwingBooks extends Books {
  /** What the terminal says was filled of orders that have ended, where not all of their deals have come. */
  readonly owed: ReadonlyMap<OrderNumber, Volume>;
}

/** With the request filled too; in 1e-8 lots, in its direction. `strategyId`: of what is this strategy's only. */
export function worstPosition(request: OrderRequest, books: OwingBooks, strategyId?: StrategyId): number {
  const { symbol, side } = request;
  const sign = signOf(side);
  const counts = (one: { readonly symbol: string; readonly strategyId: StrategyId }) =>
    one.symbol === symbol && (strategyId === undefined || one.strategyId === strategyId);
  const hedging = books.marginMode === "hedging";
  let along = 0;
  let against = 0;
  const { holdings } = books;
  const open = hedging || strategyId === undefined ? holdings.exposures() : holdings.sharesOf(strategyId);
  for (const exposure of open) {
    if (!counts(exposure)) continue;
    if (sign * exposure.volume > 0) along += sign * exposure.volume;
    else if (exposure.sure) against -= sign * exposure.volume;
  }
  const nets = !hedging && !isUnnamed(books.marginMode);
  let market = request.type === "market" ? request.volume : 0;
  let resting = request.type === "market" ? 0 : request.volume;
  for (const [order, volume] of unfilled(books)) {
    const isOther = order.side !== side && !isUnnamed(order.side);
    if (!counts(order) || isOther || order.type === "close_by" || (hedging && closes(order))) continue;
    if (order.type === "market") market += volume;
    else resting += volume;
  }
  if (strategyId !== undefined) against = Math.min(against, leftByOthers(request, books, strategyId));
  return along + Math.max(0, market - (nets ? against : 0)) + resting;
}

/** Of a position that strategies share: what there is to close for one of them, if all others' orders come before it. */
function leftByOthers({ symbol, side }: OrderRequest, books: OwingBooks, strategyId: StrategyId): number {
  const sign = signOf(side);
  let left = 0;
  for (const { symbol: of, volume, sure } of books.holdings.exposures()) {
    if (of === symbol && (sure || sign * volume > 0)) left -= sign * volume;
  }
  for (const [order, volume] of unfilled(books)) {
    const mayClose = order.symbol === symbol && (order.side === side || isUnnamed(order.side));
    if (mayClose && order.strategyId !== strategyId) left -= volume;
  }
  return Math.max(0, left);
}

/** What is left of each order, or was filled and not heard of. */
function* unfilled({ orders, owed }: OwingBooks): Iterable<readonly [Order, number]> {
  for (const order of orders.open) yield [order, order.volume - order.filled];
  for (const [number, filled] of owed) {
    const order = orders.byNumber(number);
    if (order !== undefined && filled > order.filled) yield [order, filled - order.filled];
  }
}

/** On hedging accounts. An order that opens a position gets the ticket of its own as its position. */
const closes = ({ position, ticket }: Order): boolean => position !== undefined && position !== ticket;
