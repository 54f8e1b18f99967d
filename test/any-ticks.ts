import type { Bar, Timeframe } from "../src/core/model/bar.ts";
import { toBrokerTime } from "../src/core/model/broker-clock.ts";
import type { Price, Volume } from "../src/core/model/decimals.ts";
import type { Instant } from "../src/core/model/ids.ts";
import type { ChartMode } from "../src/core/model/symbol.ts";
import { type SourceTick, type Tick, tickFlags } from "../src/core/model/tick.ts";
import { BarFold } from "../src/core/ticks/bars.ts";

export const utc = (text: string): Instant => Date.parse(`${text}Z`) as Instant;

/** A tick on a New York + 7 clock, with only what matters to the case. */
export function tickAt(time: Instant, fields: Partial<Tick> = {}): Tick {
  const bid = fields.bid ?? (100_000 as Price);
  return {
    symbol: "EURUSD",
    time,
    brokerTime: toBrokerTime(time),
    bid,
    ask: (bid + 10) as Price,
    last: 0 as Price,
    volume: 0 as Volume,
    flags: tickFlags.bid | tickFlags.ask,
    sequence: 1,
    place: 1,
    ...fields,
  };
}

/** Whole numbers below `limit`, the same for the same seed. */
export function numbers(seed: number): (limit: number) => number {
  let state = Math.imul(seed + 1, 2_654_435_769);
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/**
 * A market's day to day: bursts within a millisecond, quiet minutes, weekends, crossed quotes, one-sided
 * changes, deals, withdrawn quotes. Times never decrease.
 */
export function anyTicks(seed: number, count: number, symbol = "EURUSD", from = utc("2024-02-28T21:30")): Tick[] {
  const below = numbers(seed);
  const ticks: Tick[] = [];
  const gaps = [0, 0, 1, 40, 250, 900, 4000, 61_000, 3_600_000 * below(30)];
  const deals = below(3) === 0;
  let time = from as number;
  let bid = 100_000 + below(50_000);
  let ask = bid + 8;
  let last = 0;
  for (let n = 1; n <= count; n++) {
    time += gaps[below(below(100) === 0 ? 9 : 8)] ?? 0;
    const side = 1 + below(3);
    if (side & 1) bid += below(9) - 4;
    if (side & 2) ask = bid + below(12) - 1;
    let flags = side << 1;
    let volume = 0;
    if (deals && below(4) === 0) {
      last = bid;
      volume = (1 + below(300)) * 1e6;
      flags |= tickFlags.last | tickFlags.volume | (below(2) ? tickFlags.buy : tickFlags.sell);
    }
    const gone = below(400) === 0;
    ticks.push(
      tickAt(time as Instant, {
        symbol,
        bid: (gone ? 0 : bid) as Price,
        ask: (gone ? 0 : ask) as Price,
        last: last as Price,
        volume: volume as Volume,
        flags,
        sequence: n,
        place: 3 * n + below(3),
      }),
    );
  }
  return ticks;
}

/** All bars of the ticks, the running one last. */
export function barsOf(ticks: readonly SourceTick[], timeframe: Timeframe, chart: ChartMode = "bid"): Bar[] {
  const fold = new BarFold(ticks[0]?.symbol ?? "", timeframe, chart);
  const bars = ticks.map((tick) => fold.add(tick)).filter((bar) => bar !== undefined);
  return fold.running === undefined ? bars : [...bars, fold.running];
}
