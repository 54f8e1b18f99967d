import type { Bar, Timeframe } from "../../src/core/model/bar.ts";
import type { Tick } from "../../src/core/model/tick.ts";
import { TickRows } from "../../src/core/model/tick-rows.ts";
import type { HistoryRange, TickHistory } from "../../src/core/ports/history.ts";
import { barsOf } from "../any-ticks.ts";

/** A history that forgets with the process. */
export class MemoryHistory implements TickHistory {
  readonly recorded: Tick[] = [];
  /** What the next question fails with. */
  failure: Error | undefined;

  record(ticks: TickRows<Tick>): void {
    this.recorded.push(...ticks);
  }

  async room(): Promise<void> {}

  async ticks(range: HistoryRange): Promise<TickRows<Tick>> {
    return TickRows.of(this.#within(this.recorded, range));
  }

  async bars(range: HistoryRange, timeframe: Timeframe): Promise<readonly Bar[]> {
    const ticks = this.recorded.filter((tick) => tick.symbol === range.symbol);
    return this.#within(barsOf(ticks, timeframe), range);
  }

  async latest(): Promise<readonly Tick[]> {
    return [...new Map(this.recorded.map((tick) => [tick.symbol, tick])).values()];
  }

  #within<T extends { readonly symbol: string; readonly time: number }>(rows: readonly T[], range: HistoryRange): T[] {
    if (this.failure !== undefined) throw this.failure;
    const { symbol, from, to, limit, newest } = range;
    const within = rows.filter((row) => row.symbol === symbol && row.time >= from && row.time <= to);
    return newest ? within.slice(-limit) : within.slice(0, limit);
  }
}
