import type { Instant } from "../../core/model/ids.ts";
import type { TickRows } from "../../core/model/tick-rows.ts";

/** Where prices come from. */
export interface Market {
  /** True: the market can wait for its readers (a replay at full speed). */
  readonly patient: boolean;
  /** The market's own time: the machine's clock, or that of the recorded ticks. */
  now(): Instant;
  /** Batches of ticks in time order, at the market's pace, until there are no more or `signal` aborts. */
  batches(signal: AbortSignal): AsyncIterable<TickRows>;
}
