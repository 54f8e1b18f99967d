import type { AccountInfo } from "../../core/model/account.ts";
import type { Money, Volume } from "../../core/model/decimals.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";

/** What kind of broker the paper terminal plays. */
export interface BrokerSettings {
  readonly account: AccountInfo;
  readonly symbols: readonly SymbolSpec[];
  /** Booked as a balance deal when the ledger is empty. */
  readonly initialBalance: Money;
  /** False: the market is open whenever there are prices. */
  readonly sessions: boolean;
  /** What can be traded on each side of a symbol between two of its ticks; 0 = no limit. */
  readonly depth: Volume;
  /** The most points by which a market or stop order is filled worse than the quote. */
  readonly slippage: number;
  /** Limits and take profits that a gap jumped over get the better market price; false: their own price. */
  readonly priceImprovement: boolean;
  /** Pending orders may be filled `return` only. */
  readonly strictFilling: boolean;
  /** A cost per opened lot in the account's currency, charged with the opening deal. */
  readonly commissionPerLot: number;
  /** The most positions at a time (hedging: with the pending orders); 0 = no limit. */
  readonly limitPositions: number;
  /** Trade requests per second of the market's time; 0 = no limit. */
  readonly requestsPerSecond: number;
  /** Hedging accounts: only the oldest position of a symbol and side may be closed. */
  readonly fifo: boolean;
  /** Hedging accounts: opposite positions on one symbol are allowed. */
  readonly hedgeAllowed: boolean;
  /** False: the account is read-only. */
  readonly tradeAllowed: boolean;
  /** False: the server takes no orders from programs. */
  readonly algoAllowed: boolean;
  /** How many past orders, and as many deals, are kept at hand for snapshots. */
  readonly historyLimit: number;
}

/** A broker without frictions: what a test wants, and what a configuration adds to. */
export const frictionless = {
  sessions: false,
  depth: 0 as Volume,
  slippage: 0,
  priceImprovement: true,
  strictFilling: false,
  commissionPerLot: 0,
  limitPositions: 0,
  requestsPerSecond: 0,
  fifo: false,
  hedgeAllowed: true,
  tradeAllowed: true,
  algoAllowed: true,
  historyLimit: 100_000,
} as const satisfies Omit<BrokerSettings, "account" | "symbols" | "initialBalance">;
