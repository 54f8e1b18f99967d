/** What of a netting account's position is a strategy's own, counted from the broker's deals alone. */
import type { Deal } from "../src/core/model/deal.ts";
import { type StrategyId, strategyIdOf } from "../src/core/model/ids.ts";

/**
 * How much is the strategy's after each of its deals that has added to the position, in the direction of the deal. What
 * only makes smaller what others have opened is held by no limit, so it counts neither way where that makes more of it.
 */
export function sharesOf(deals: readonly Deal[], symbol: string, strategyId: StrategyId): Map<Deal, number> {
  const shares = new Map<Deal, number>();
  let net = 0;
  let own = 0;
  /** As if it had closed no more than its own. */
  let mild = 0;
  for (const deal of deals) {
    if (deal.symbol !== symbol || (deal.type !== "buy" && deal.type !== "sell")) continue;
    const sign = deal.type === "buy" ? 1 : -1;
    const closed = Math.max(0, Math.min(deal.volume, -sign * net));
    net += sign * deal.volume;
    if (strategyIdOf(deal.magic) === strategyId) {
      own += sign * deal.volume;
      mild += sign * (Math.max(0, Math.min(closed, -sign * mild)) + deal.volume - closed);
      if (closed < deal.volume) shares.set(deal, Math.min(sign * own, sign * mild));
    }
    if (net === 0) own = mild = 0;
  }
  return shares;
}
