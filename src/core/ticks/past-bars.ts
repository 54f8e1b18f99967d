/**
 * Bars of the past: of the bridge's own ticks, and of before those the terminal's, where it keeps any.
 *
 * Always true: up to the bar in which the bridge's ticks begin bars are the terminal's if it has them, and behind it all
 * are our own; so none is there twice, and pages that are asked for one after the other fit. While the terminal cannot be asked
 * the answer is what we have.
 */
import type { Account } from "../accounts/account.ts";
import { BridgeError } from "../errors.ts";
import type { Bar, Timeframe } from "../model/bar.ts";
import type { Instant } from "../model/ids.ts";
import type { HistoryRange } from "../ports/history.ts";
import type { BarsAsked } from "../ports/terminal.ts";
import { longest } from "./bars.ts";

const DAY = 86_400_000;
/** Periods that the terminal is asked for at a time, at most. */
const mostPeriods = 100_000;

type Asking = (asked: BarsAsked) => Promise<readonly Bar[]>;

export async function pastBars(account: Account, range: HistoryRange, timeframe: Timeframe): Promise<readonly Bar[]> {
  const { history, desk, clock } = account;
  const { terminal } = desk;
  const own = await history.bars(range, timeframe);
  if (terminal.pastBars === undefined || !desk.linkUp) return own;
  const whole = { from: 0 as Instant, to: Number.MAX_SAFE_INTEGER as Instant, skip: 0 };
  const [oldest] = await history.bars({ ...range, ...whole, limit: 1, newest: false }, timeframe);
  const kept = own.filter(({ time }) => oldest === undefined || time > oldest.time);
  const to = Math.min(range.to, oldest?.time ?? clock.now()) as Instant;
  if ((range.newest && kept.length >= range.limit) || to < range.from) return kept;
  const ask: Asking = async (asked) => {
    const bars = await desk.command(async (signal) => (await terminal.pastBars?.(asked, signal)) ?? []);
    return bars.filter(({ time }) => !wasGiven(range, time));
  };
  try {
    const { symbol, from, limit } = range;
    const before = range.newest
      ? await newest({ ...range, to, limit: limit - kept.length }, timeframe, ask)
      : await ask({ symbol, timeframe, from, to, most: limit + 1 });
    const end = before.at(-1)?.time ?? Number.NEGATIVE_INFINITY;
    const bars = [...before, ...own.filter(({ time }) => time > end)]; // the terminal may have forgotten our first
    return range.newest ? bars.slice(-limit) : bars.slice(0, limit);
  } catch (error) {
    if (!(error instanceof BridgeError)) throw error;
    desk.observer.note("warn", "history", "the terminal's bars could not be read", { symbol: range.symbol, error });
    return own;
  }
}

/** The newest of a range, whose periods are not all there: further and further back, until there are enough. */
async function newest(range: HistoryRange, timeframe: Timeframe, ask: Asking): Promise<readonly Bar[]> {
  const { symbol, to, limit } = range;
  const period = longest[timeframe];
  const furthest = mostPeriods * period;
  for (let span = Math.min(2 * limit * period + 4 * DAY, furthest); ; span = Math.min(4 * span, furthest)) {
    const from = Math.max(range.from, to - span, 0) as Instant;
    const found = await ask({ symbol, timeframe, from, to, most: mostPeriods });
    if (found.length >= limit || from === range.from || from === 0 || span === furthest) return found.slice(-limit);
  }
}

/** On the page before. */
const wasGiven = ({ from, to, newest, skip }: HistoryRange, time: Instant): boolean =>
  skip > 0 && time === (newest ? to : from);
