import type { Price, Volume } from "./decimals.ts";
import type { BrokerTime, Instant } from "./ids.ts";

/** MetaTrader's timeframes, shortest first. */
// biome-ignore format: one family a line
export const timeframes = [
  "M1", "M2", "M3", "M4", "M5", "M6", "M10", "M12", "M15", "M20", "M30",
  "H1", "H2", "H3", "H4", "H6", "H8", "H12", "D1", "W1", "MN1",
] as const;

export type Timeframe = (typeof timeframes)[number];

/** Open, high, low and close of a period, built from the bid (or the last price where the symbol says so). */
export interface Bar {
  readonly symbol: string;
  readonly timeframe: Timeframe;
  /** The period's nominal start, not the first tick's time. */
  readonly time: Instant;
  readonly brokerTime: BrokerTime;
  readonly open: Price;
  readonly high: Price;
  readonly low: Price;
  readonly close: Price;
  readonly tickVolume: number;
  /** The smallest spread within the bar, in points. */
  readonly spread: number;
  readonly realVolume: Volume;
  /** False while the period is still running. */
  readonly final: boolean;
}
