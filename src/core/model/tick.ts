import type { Price, Volume } from "./decimals.ts";
import type { BrokerTime, Instant } from "./ids.ts";

/** What changed with a tick, in MetaTrader's bits. */
export const tickFlags = { bid: 2, ask: 4, last: 8, volume: 16, buy: 32, sell: 64 } as const;

/** A price as its source gave it. Every field carries its last known value; `flags` says which changed. */
export interface SourceTick {
  readonly symbol: string;
  readonly time: Instant;
  readonly brokerTime: BrokerTime;
  readonly bid: Price;
  readonly ask: Price;
  /** The last deal's price; 0 where the market has no deals of its own. */
  readonly last: Price;
  /** The last deal's volume. */
  readonly volume: Volume;
  readonly flags: number;
}

/** A tick numbered by the hub. */
export interface Tick extends SourceTick {
  /** 1, 2, 3 … per symbol and epoch. */
  readonly sequence: number;
  /** 1, 2, 3 … over all symbols of the epoch: what cursors count. */
  readonly place: number;
}
