import type { Money, Price, Volume } from "./decimals.ts";
import type { BrokerTime, Instant, Magic, Ticket } from "./ids.ts";
import type { Reason } from "./order.ts";
import type { Unnamed } from "./unnamed.ts";

/** Trades, and the operations that move money without one. */
export type DealType =
  | "buy"
  | "sell"
  | "balance"
  | "credit"
  | "charge"
  | "correction"
  | "bonus"
  | "commission"
  | "commission_daily"
  | "commission_monthly"
  | "commission_agent_daily"
  | "commission_agent_monthly"
  | "interest"
  | "buy_canceled"
  | "sell_canceled"
  | "dividend"
  | "dividend_franked"
  | "tax"
  | "commission_agent"
  | "so_compensation"
  | "so_compensation_credit";

/** What the deal did to the position: opened or grew it, closed it, reversed it (netting), closed it by another. */
export type DealEntry = "in" | "out" | "inout" | "out_by";

/** One execution, or one balance operation (no symbol, volume and price; the amount is in `profit`). */
export interface Deal {
  readonly ticket: Ticket;
  /** The order that caused it; absent for balance operations. */
  readonly order?: Ticket;
  readonly position?: Ticket;
  readonly symbol: string;
  readonly type: DealType | Unnamed;
  readonly entry: DealEntry | Unnamed;
  readonly reason: Reason | Unnamed;
  readonly magic: Magic;
  readonly volume: Volume;
  readonly price: Price;
  readonly stopLoss?: Price;
  readonly takeProfit?: Price;
  readonly profit: Money;
  /** Swap realised by a closing deal. */
  readonly swap: Money;
  /** Negative is a cost. */
  readonly commission: Money;
  readonly fee: Money;
  readonly time: Instant;
  /** By the broker's clock, as it was told; journals of the first version do not have it. */
  readonly brokerTime?: BrokerTime;
  readonly comment: string;
}
