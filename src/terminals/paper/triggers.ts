/**
 * What a tick sets off: which side of the market each order and level looks at, and
 * from which side the price must come. Equality triggers.
 */
import type { Price } from "../../core/model/decimals.ts";
import type { OrderType, Side } from "../../core/model/order.ts";
import type { Position, TerminalOrder } from "./records.ts";

/** The prices that triggers look at: bid and ask, or the last deal's price for both in exchange modes. */
export interface Watched {
  readonly bid: Price;
  readonly ask: Price;
}

type Reached = (level: Price, at: Watched) => boolean;

const askFalls: Reached = (level, { ask }) => ask <= level;
const askRises: Reached = (level, { ask }) => ask >= level;
const bidFalls: Reached = (level, { bid }) => bid <= level;
const bidRises: Reached = (level, { bid }) => bid >= level;

// biome-ignore format: a table is read by its columns
const pending: Record<Exclude<OrderType, "market">, Record<Side, Reached>> = {
  limit:      { buy: askFalls, sell: bidRises },
  stop:       { buy: askRises, sell: bidFalls },
  stop_limit: { buy: askRises, sell: bidFalls },
};

/** By the position's side: a long closes at the bid, a short at the ask. */
const stopLoss: Record<Side, Reached> = { buy: bidFalls, sell: askRises };
const takeProfit: Record<Side, Reached> = { buy: bidRises, sell: askFalls };

export function isTriggered(order: TerminalOrder, at: Watched): boolean {
  if (order.type === "market" || order.type === "close_by" || order.price === undefined) return false;
  return pending[order.type][order.side](order.price, at);
}

/** Which level of the position is reached; the stop loss comes first. */
export function levelReached(position: Position, at: Watched): "stop_loss" | "take_profit" | undefined {
  const { side } = position;
  if (position.stopLoss !== undefined && stopLoss[side](position.stopLoss, at)) return "stop_loss";
  if (position.takeProfit !== undefined && takeProfit[side](position.takeProfit, at)) return "take_profit";
  return undefined;
}
