import type { FinePrice, Money, Price, Volume } from "./decimals.ts";
import type { BrokerTime, Instant, Magic, Ticket } from "./ids.ts";
import type { Reason, Side } from "./order.ts";
import type { Unnamed } from "./unnamed.ts";

/** What is open. Its floating profit is a valuation, not a fact: see `Valuation`. */
export interface Position {
  /** Normally the opening order's ticket; a netting reversal changes it. */
  readonly ticket: Ticket;
  /** The ticket at birth; never changes. */
  readonly identifier: Ticket;
  readonly symbol: string;
  readonly side: Side | Unnamed;
  readonly volume: Volume;
  /** Volume-weighted, in thousandths of a point (netting averages need them). */
  readonly openPrice: FinePrice;
  readonly stopLoss?: Price;
  readonly takeProfit?: Price;
  /** Accumulated, not yet realised. */
  readonly swap: Money;
  readonly magic: Magic;
  readonly reason: Reason | Unnamed;
  readonly openTime: Instant;
  /** The last change of volume. */
  readonly updateTime: Instant;
  /** The same by the broker's clock, as it was told; journals of the first version do not have it. */
  readonly openBrokerTime?: BrokerTime;
  readonly updateBrokerTime?: BrokerTime;
  readonly comment: string;
}
