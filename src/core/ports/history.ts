import type { Bar, Timeframe } from "../model/bar.ts";
import type { Instant } from "../model/ids.ts";
import type { Tick } from "../model/tick.ts";
import type { TickRows } from "../model/tick-rows.ts";

/** Which part of a symbol's history: `from` and `to` are inclusive. */
export interface HistoryRange {
  readonly symbol: string;
  readonly from: Instant;
  readonly to: Instant;
  /** At most so many, counted from `from`; or, when `newest` is set, back from `to`. The answer is always oldest first. */
  readonly limit: number;
  readonly newest: boolean;
  /** Of the rows at the first (newest: the last) moment of the range, how many a previous page has already given. */
  readonly skip: number;
}

/**
 * Every tick that passed, kept within a limit and across restarts.
 *
 * Recording never waits; reading sees everything recorded before the call, as far as it could be kept.
 */
export interface TickHistory {
  record(ticks: TickRows<Tick>): void;
  /** Resolves when there is room for more: for sources that can wait. */
  room(): Promise<void>;
  ticks(range: HistoryRange): Promise<TickRows<Tick>>;
  /** Bars from the recorded ticks, the running one included. */
  bars(range: HistoryRange, timeframe: Timeframe): Promise<readonly Bar[]>;
  /** The newest tick of each symbol, as of the last run. */
  latest(): Promise<readonly Tick[]>;
}
