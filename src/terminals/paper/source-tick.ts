import type { Price, Volume } from "../../core/model/decimals.ts";
import type { BrokerTime, Instant } from "../../core/model/ids.ts";
import { type SourceTick, tickFlags } from "../../core/model/tick.ts";

/** The only place where markets make ticks: all have the same fields in the same order, so that readers stay fast. */
export const sourceTick = (
  symbol: string,
  time: Instant,
  brokerTime: BrokerTime,
  bid: Price,
  ask: Price,
  last: Price,
  volume: Volume,
  flags: number,
): SourceTick => ({ symbol, time, brokerTime, bid, ask, last, volume, flags });

/** Which sides of the quote changed, in MetaTrader's bits. */
export const sidesChanged = (bid: boolean, ask: boolean): number =>
  (bid ? tickFlags.bid : 0) | (ask ? tickFlags.ask : 0);
