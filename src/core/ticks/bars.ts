/**
 * Ticks into bars, as MetaTrader draws them; the same rules live and from history.
 *
 *   - A period starts on the broker's clock: a day at 0:00, a week on Sunday 0:00, a
 *     month on its first. The bar carries that nominal start, and the same in UTC, as
 *     the clock stood when its first tick came: it may be changed within the period.
 *   - A bar begins with the period's first tick that has a price. No ticks, no bar.
 *   - Only a tick of a later period makes a bar final: the last bar before a weekend
 *     stays the running one until the market opens.
 *   - Longer bars are what the minutes within them add up to. `BarFold` keeps to that
 *     without storing the minutes, so folding ticks and merging minutes agree.
 *
 * The tick volume counts the ticks that changed the price the chart is drawn from, and
 * the first of each minute, whatever it changed: a bar never has a volume of 0. The
 * spread is the smallest within the bar; it is negative where the quotes were crossed,
 * and 0 for a tick without quotes.
 */
import type { Bar, Timeframe } from "../model/bar.ts";
import { fromBrokerTime, toBrokerTime } from "../model/broker-clock.ts";
import type { Price, Volume } from "../model/decimals.ts";
import type { BrokerTime, Instant, Moment } from "../model/ids.ts";
import type { ChartMode } from "../model/symbol.ts";
import { type SourceTick, tickFlags } from "../model/tick.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
/** 1970-01-04. */
const A_SUNDAY = 3 * DAY;

/** How long a period may be. A month may be shorter. */
// biome-ignore format: one family a line
export const longest: Readonly<Record<Timeframe, number>> = {
  M1: MINUTE, M2: 2 * MINUTE, M3: 3 * MINUTE, M4: 4 * MINUTE, M5: 5 * MINUTE, M6: 6 * MINUTE,
  M10: 10 * MINUTE, M12: 12 * MINUTE, M15: 15 * MINUTE, M20: 20 * MINUTE, M30: 30 * MINUTE,
  H1: HOUR, H2: 2 * HOUR, H3: 3 * HOUR, H4: 4 * HOUR, H6: 6 * HOUR, H8: 8 * HOUR, H12: 12 * HOUR,
  D1: DAY, W1: WEEK, MN1: 31 * DAY,
};

/** The start of the period that `at` lies in. */
export function periodStart(timeframe: Timeframe, at: BrokerTime): BrokerTime {
  if (timeframe === "MN1") return monthOf(at, 0);
  const anchor = timeframe === "W1" ? A_SUNDAY : 0;
  const length = longest[timeframe];
  return (Math.floor((at - anchor) / length) * length + anchor) as BrokerTime;
}

/** The start of the next period. */
export function periodEnd(timeframe: Timeframe, at: BrokerTime): BrokerTime {
  if (timeframe === "MN1") return monthOf(at, 1);
  return (periodStart(timeframe, at) + longest[timeframe]) as BrokerTime;
}

function monthOf(at: BrokerTime, later: number): BrokerTime {
  const day = new Date(at);
  return Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + later, 1) as BrokerTime;
}

/** The start, on both clocks, of the period that a moment lies in. */
export function periodOf(timeframe: Timeframe, { time, brokerTime }: Moment): Moment {
  const start = periodStart(timeframe, brokerTime);
  const sameOffset = (start - (brokerTime - time)) as Instant;
  // The clock may have been changed since the period began: within the week it often was.
  const changed = toBrokerTime(time) === brokerTime && toBrokerTime(sameOffset) !== start;
  return { time: changed ? fromBrokerTime(start) : sameOffset, brokerTime: start };
}

/** Whether two starts are of one period: a broker's clock that was changed within it tells two, an hour apart. */
export const samePeriod = (timeframe: Timeframe, a: Moment, b: Moment): boolean =>
  a.brokerTime === b.brokerTime && Math.abs(a.time - b.time) < longest[timeframe];

/** The bar that two neighbouring parts of the same period make. */
function merge(earlier: Bar, later: Bar): Bar {
  return {
    ...earlier,
    high: Math.max(earlier.high, later.high) as Price,
    low: Math.min(earlier.low, later.low) as Price,
    close: later.close,
    tickVolume: earlier.tickVolume + later.tickVolume,
    spread: Math.min(earlier.spread, later.spread),
    realVolume: (earlier.realVolume + later.realVolume) as Volume,
    final: later.final,
  };
}

/** Minutes into longer bars, one bar at a time, oldest first or newest first as the minutes come. */
export function* inPeriods(
  minutes: Iterable<Bar>,
  timeframe: Timeframe,
  order: "oldest first" | "newest first" = "oldest first",
): Generator<Bar, void> {
  let bar: Bar | undefined;
  for (const minute of minutes) {
    const part: Bar = { ...minute, ...periodOf(timeframe, minute), timeframe };
    if (bar === undefined) bar = part;
    else if (samePeriod(timeframe, part, bar)) bar = order === "oldest first" ? merge(bar, part) : merge(part, bar);
    else {
      yield bar;
      bar = part;
    }
  }
  if (bar !== undefined) yield bar;
}

const deal = tickFlags.last | tickFlags.volume | tickFlags.buy | tickFlags.sell;

/** One symbol's ticks into bars of one timeframe, as they come. */
export class BarFold {
  readonly #symbol: string;
  readonly #timeframe: Timeframe;
  readonly #fromLast: boolean;
  #period: Moment | undefined;
  #start = Number.NEGATIVE_INFINITY;
  /** The minute of the last tick ends here. */
  #minuteEnd = Number.NEGATIVE_INFINITY;
  #open = 0;
  #high = 0;
  #low = 0;
  #close = 0;
  #tickVolume = 0;
  #spread = 0;
  #realVolume = 0;

  /** `soFar` is the running bar that earlier ticks have made, and the running minute's start. */
  constructor(symbol: string, timeframe: Timeframe, chart: ChartMode, soFar?: { bar: Bar; minute: Instant }) {
    this.#symbol = symbol;
    this.#timeframe = timeframe;
    this.#fromLast = chart === "last";
    if (soFar === undefined) return;
    const { bar, minute } = soFar;
    this.#period = { time: bar.time, brokerTime: bar.brokerTime };
    this.#start = bar.time;
    this.#minuteEnd = minute + MINUTE;
    this.#open = bar.open;
    this.#high = bar.high;
    this.#low = bar.low;
    this.#close = bar.close;
    this.#tickVolume = bar.tickVolume;
    this.#spread = bar.spread;
    this.#realVolume = bar.realVolume;
  }

  /** The bar being formed; undefined before the first tick. */
  get running(): Bar | undefined {
    return this.#period === undefined ? undefined : this.#bar(this.#period, false);
  }

  /** Returns the bar that this tick has made final, if any. */
  add(tick: SourceTick): Bar | undefined {
    const price = this.#fromLast ? tick.last : tick.bid;
    if (price === 0) return undefined; // no price: withdrawn quotes are sent as zeros
    if (tick.time < this.#start) return undefined; // a source that has started over
    let closed: Bar | undefined;
    let counts = (tick.flags & (this.#fromLast ? tickFlags.last : tickFlags.bid)) !== 0 || price !== this.#close;
    const spread = tick.bid !== 0 && tick.ask !== 0 ? tick.ask - tick.bid : 0;
    if (tick.time >= this.#minuteEnd) {
      counts = true;
      closed = this.#enter(tick, price, spread);
    }
    if (price > this.#high) this.#high = price;
    if (price < this.#low) this.#low = price;
    this.#close = price;
    if (spread < this.#spread) this.#spread = spread;
    if (counts) this.#tickVolume++;
    if ((tick.flags & deal) !== 0) this.#realVolume += tick.volume;
    return closed;
  }

  /** A new minute, and perhaps a new bar. */
  #enter(tick: SourceTick, price: number, spread: number): Bar | undefined {
    this.#minuteEnd = periodOf("M1", tick).time + MINUTE;
    const period = periodOf(this.#timeframe, tick);
    const before = this.#period;
    if (before !== undefined && (period.time <= before.time || samePeriod(this.#timeframe, period, before))) {
      return undefined;
    }
    const closed = before === undefined ? undefined : this.#bar(before, true);
    this.#period = period;
    this.#start = period.time;
    this.#open = this.#high = this.#low = price;
    this.#spread = spread;
    this.#tickVolume = 0;
    this.#realVolume = 0;
    return closed;
  }

  #bar(period: Moment, final: boolean): Bar {
    return {
      symbol: this.#symbol,
      timeframe: this.#timeframe,
      time: period.time,
      brokerTime: period.brokerTime,
      open: this.#open as Price,
      high: this.#high as Price,
      low: this.#low as Price,
      close: this.#close as Price,
      tickVolume: this.#tickVolume,
      spread: this.#spread,
      realVolume: this.#realVolume as Volume,
      final,
    };
  }
}
