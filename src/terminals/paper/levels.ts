/**
 * Where prices, stops and pendings may be: on the grid, on their side of the market,
 * far enough from it, and outside the freeze distance.
 *
 * A long is measured at the bid and a short at the ask; pending buys at the ask and
 * pending sells at the bid. A distance equal to the stops level is far enough, one
 * equal to the freeze level is frozen.
 */
import type { Price } from "../../core/model/decimals.ts";
import type { OrderType, Side, Stops } from "../../core/model/order.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import type { Desk } from "./desk.ts";
import type { Position, TerminalOrder } from "./records.ts";
import type { Refusal } from "./retcodes.ts";

type Verdict = Refusal | undefined;

/** A price that the symbol can have: positive, whole, a multiple of its tick size. */
export const isQuotable = (spec: SymbolSpec, price: Price): boolean =>
  Number.isSafeInteger(price) && price > 0 && price % spec.tickSize === 0;

/** Which way from the market a pending order lies: +1 above, -1 below. */
// biome-ignore format: a table is read by its columns
const lies: Record<Exclude<OrderType, "market">, Record<Side, 1 | -1>> = {
  limit:      { buy: -1, sell:  1 },
  stop:       { buy:  1, sell: -1 },
  stop_limit: { buy:  1, sell: -1 },
};

export interface PendingPrices {
  readonly type: Exclude<OrderType, "market">;
  readonly side: Side;
  readonly price?: Price;
  readonly stopLimitPrice?: Price;
}

/** A pending order's own prices against the market. An exchange takes limits on any side, at any distance. */
export function pendingFault(desk: Desk, { type, side, price, stopLimitPrice }: PendingPrices): Verdict {
  const { spec } = desk;
  if (price === undefined || !isQuotable(spec, price)) return { retcode: "invalid_price" };
  if (type === "stop_limit") {
    if (stopLimitPrice === undefined || !isQuotable(spec, stopLimitPrice)) return { retcode: "invalid_price" };
    if ((price - stopLimitPrice) * lies.stop_limit[side] <= 0) return { retcode: "invalid_price" };
  }
  if (spec.execution === "exchange" && type === "limit") return undefined;
  const market = desk.openSide(side);
  const distance = (price - market) * lies[type][side];
  if (distance > 0 && (distance >= spec.stopsLevel || spec.execution === "exchange")) return undefined;
  return { retcode: "invalid_price", detail: `${distance} points from the market` };
}

/** The stops of a position (or of an order that opens one) seen from a price. */
export function stopsFault(spec: SymbolSpec, side: Side, from: Price, { stopLoss, takeProfit }: Stops): Verdict {
  const below = side === "buy" ? stopLoss : takeProfit;
  const above = side === "buy" ? takeProfit : stopLoss;
  const level = spec.execution === "exchange" ? 0 : spec.stopsLevel;
  for (const [price, direction] of [
    [below, -1],
    [above, 1],
  ] as const) {
    if (price === undefined) continue;
    if (!isQuotable(spec, price)) return { retcode: "invalid_stops" };
    const distance = (price - from) * direction;
    if (distance <= 0 || distance < level) {
      return { retcode: "invalid_stops", detail: `${distance} points from the price` };
    }
  }
  return undefined;
}

/** Stops that the symbol does not take at all. */
export function stopsAllowed({ orderModes }: SymbolSpec, { stopLoss, takeProfit }: Stops): boolean {
  if (stopLoss !== undefined && !orderModes.includes("stop_loss")) return false;
  return takeProfit === undefined || orderModes.includes("take_profit");
}

const within = (spec: SymbolSpec, a: Price | undefined, b: Price): boolean =>
  a !== undefined && spec.freezeLevel > 0 && Math.abs(a - b) <= spec.freezeLevel;

export const orderFrozen = (desk: Desk, order: TerminalOrder): boolean =>
  within(desk.spec, order.price, desk.openSide(order.side));

export function positionFrozen(desk: Desk, position: Position): boolean {
  const market = desk.closeSide(position.side);
  return within(desk.spec, position.stopLoss, market) || within(desk.spec, position.takeProfit, market);
}
