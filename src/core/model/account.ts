import type { Money, Price } from "./decimals.ts";
import type { AccountAlias, Instant, Ticket } from "./ids.ts";
import type { Unnamed } from "./unnamed.ts";

export type AccountTradeMode = "demo" | "contest" | "real";
export type MarginMode = "hedging" | "netting" | "exchange";
export type StopOutMode = "percent" | "money";

/** What does not change while a terminal is logged in. */
export interface AccountInfo {
  readonly alias: AccountAlias;
  readonly login: bigint;
  readonly server: string;
  readonly name: string;
  readonly company: string;
  readonly currency: string;
  readonly currencyDigits: number;
  /** 100 means 1:100. */
  readonly leverage: number;
  readonly tradeMode: AccountTradeMode | Unnamed;
  readonly marginMode: MarginMode | Unnamed;
  /** The unit of the two levels below. */
  readonly stopOutMode: StopOutMode | Unnamed;
  readonly marginCallLevel: number;
  readonly stopOutLevel: number;
  /** The most pending orders at a time; 0 = no limit. */
  readonly limitOrders: number;
  /** False: simulated money. True: a broker's account, demo or real. */
  readonly live: boolean;
}

/** What an open position is worth now. */
export interface PositionValue {
  readonly position: Ticket;
  /** The price it would close at: the bid for a buy, the ask for a sell. */
  readonly price: Price;
  /** Price profit in the account's currency, without swap and commission. */
  readonly profit: Money;
}

/** What the account is worth now. */
export interface Valuation {
  readonly time: Instant;
  readonly balance: Money;
  readonly credit: Money;
  /** Floating profit with swap. */
  readonly profit: Money;
  readonly equity: Money;
  readonly margin: Money;
  readonly freeMargin: Money;
  /** Percent; 0 while no margin is used. */
  readonly marginLevel: number;
  readonly marginCall: boolean;
  readonly positions: readonly PositionValue[];
}
