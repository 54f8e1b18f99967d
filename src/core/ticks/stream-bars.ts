/**
 * A reader's bars: the running one whenever it changes (thinned), and each once more,
 * final, when it has closed.
 *
 * The bars are folded from the same ticks and by the same rules as those of the history,
 * and begin where the history stands at this moment.
 */
import type { Account } from "../accounts/account.ts";
import type { Bar, Timeframe } from "../model/bar.ts";
import type { Instant, Moment } from "../model/ids.ts";
import type { ChartMode } from "../model/symbol.ts";
import type { Tick } from "../model/tick.ts";
import type { TickHistory } from "../ports/history.ts";
import { type CourseEvent, type Ends, run } from "../streams/course.ts";
import type { Cursor } from "../streams/cursor.ts";
import type { Flow } from "../streams/flow.ts";
import type { Beat } from "../streams/heartbeat.ts";
import { BarFold, periodOf, samePeriod } from "./bars.ts";
import type { Frame } from "./frame.ts";
import type { SymbolResult, TickItem } from "./tick-item.ts";

export interface BarStreamOptions {
  readonly symbols: readonly string[];
  readonly timeframe: Timeframe;
  /** Milliseconds between two updates of running bars. */
  readonly minInterval: number;
  readonly after: Cursor | undefined;
  /** Milliseconds. */
  readonly heartbeat: number;
}

type BarData =
  | { readonly type: "snapshot"; readonly bar: Bar; readonly cursor: Cursor }
  | { readonly type: "bar"; readonly bar: Bar; readonly cursor: Cursor };

const HOUR = 3_600_000;
/** The end of time, for ranges without one. */
const forever = Number.MAX_SAFE_INTEGER as Instant;

export async function streamBars(
  account: Account,
  options: BarStreamOptions,
  ends: Ends,
): Promise<{
  readonly results: readonly SymbolResult[];
  readonly events: Flow<CourseEvent | BarData>;
}> {
  const { hub, history, streams, clock } = account;
  const { timeframe } = options;
  const id = streams.next("bars");
  // The reader and the questions to the history share one turn: no tick falls between or counts twice.
  const { reader, missed, reset } = hub.open(id, { symbols: options.symbols, lossless: true }, options.after);
  const start = hub.cursor;
  const folds = new Map<string, BarFold>();
  const snapshot: BarData[] = [];
  const closedMeanwhile: BarData[] = [];
  try {
    const chartOf = (symbol: string): ChartMode => (account.symbols.get(symbol)?.chartMode === "last" ? "last" : "bid");
    const openings = openingsIn(missed, timeframe, chartOf);
    const asked = reader.symbols.map(async (symbol) => {
      const chart = chartOf(symbol);
      const ticks = openings.get(symbol) ?? [];
      const answers = await Promise.all([
        newest(history, symbol, timeframe),
        newest(history, symbol, "M1"),
        closings(history, ticks, timeframe, chart),
      ]);
      return { symbol, chart, answers };
    });
    for (const { symbol, chart, answers } of await Promise.all(asked)) {
      const [[running], [minute], closed] = answers;
      const soFar = running !== undefined && minute !== undefined ? { bar: running, minute: minute.time } : undefined;
      folds.set(symbol, new BarFold(symbol, timeframe, chart, soFar));
      if (running !== undefined) snapshot.push({ type: "snapshot", bar: running, cursor: start });
      for (const { bar, place } of closed) {
        closedMeanwhile.push({ type: "bar", bar, cursor: { epoch: start.epoch, sequence: place } });
      }
    }
  } catch (error) {
    hub.close(reader);
    throw error;
  }
  closedMeanwhile.sort((a, b) => a.cursor.sequence - b.cursor.sequence);

  const changed = new Set<string>();
  let due = 0;
  let waiting = false;
  const running = function* (cursor: Cursor): Generator<BarData> {
    for (const symbol of changed) {
      const bar = folds.get(symbol)?.running;
      if (bar !== undefined) yield { type: "bar", bar, cursor };
    }
    changed.clear();
    due = clock.now() + options.minInterval;
  };
  const fold = function* (frame: Frame): Generator<BarData> {
    for (const tick of frame.ticks) {
      const closed = folds.get(tick.symbol)?.add(tick);
      // Not the frame's end: another symbol's bar may close further on in it.
      if (closed !== undefined) yield { type: "bar", bar: closed, cursor: { ...cursor, sequence: tick.place } };
      changed.add(tick.symbol);
    }
  };
  let cursor = start;
  const news = function* (item: Exclude<TickItem, Beat>): Generator<BarData> {
    if (item.type === "frame") {
      yield* fold(item.frame);
      cursor = { epoch: start.epoch, sequence: item.frame.sequence };
    }
    const pause = due - clock.now();
    if (pause <= 0) yield* running(cursor);
    else if (!waiting) {
      waiting = true;
      void clock.sleep(pause, ends.signal).then(() => {
        waiting = false;
        reader.mailbox.post({ type: "due" });
      });
    }
  };
  const course = {
    id,
    mailbox: reader.mailbox,
    heartbeat: options.heartbeat,
    after: options.after,
    reset,
    start,
    snapshot: { wanted: true, data: snapshot },
    missed: closedMeanwhile,
    news,
    cursor: () => hub.cursor,
    source: () => account.sourceState,
    over: () => hub.close(reader),
  };
  return { results: reader.results, events: run<Exclude<TickItem, Beat>, BarData>(course, clock, ends) };
}

const newest = (history: TickHistory, symbol: string, timeframe: Timeframe) =>
  history.bars({ symbol, from: 0 as Instant, to: forever, limit: 1, newest: true, skip: 0 }, timeframe);

const hasPrice = (tick: Tick, chart: ChartMode): boolean => (chart === "last" ? tick.last : tick.bid) !== 0;

/** Of each symbol the first tick with a price, and each that is of another period than the one before it. */
function openingsIn(
  frames: Iterable<Frame>,
  timeframe: Timeframe,
  chartOf: (symbol: string) => ChartMode,
): Map<string, Tick[]> {
  const openings = new Map<string, Tick[]>();
  const periods = new Map<string, Moment>();
  for (const { rows } of frames) {
    for (const tick of rows) {
      const { symbol } = tick;
      if (!hasPrice(tick, chartOf(symbol))) continue;
      const period = periodOf(timeframe, tick);
      const before = periods.get(symbol);
      if (before?.time === period.time && before.brokerTime === period.brokerTime) continue;
      periods.set(symbol, period);
      const found = openings.get(symbol);
      if (found === undefined) openings.set(symbol, [tick]);
      else found.push(tick);
    }
  }
  return openings;
}

/** The bars that these openings of one symbol have closed, each with the place of the tick that did. */
async function closings(
  history: TickHistory,
  ticks: readonly Tick[],
  timeframe: Timeframe,
  chart: ChartMode,
): Promise<{ readonly bar: Bar; readonly place: number }[]> {
  const [first, ...others] = ticks;
  if (first === undefined) return [];
  const { symbol } = first;
  const own = periodOf(timeframe, first);
  const { time } = own;
  const all = { symbol, from: 0 as Instant, to: forever, limit: 10_000, newest: true, skip: 0 };
  const [earlier, sameTime, [before], since] = await Promise.all([
    history.ticks({ ...all, from: time, to: (first.time - 1) as Instant, limit: 100, newest: false }),
    history.ticks({ ...all, from: first.time, to: first.time, limit: 10_000, newest: false }),
    history.bars({ ...all, to: (time - 1) as Instant, limit: 1 }, timeframe),
    history.bars({ ...all, from: time }, timeframe),
  ]);
  const bars = new Map((before === undefined ? since : [before, ...since]).map((bar) => [bar.time, bar]));
  const barOf = (period: Moment): Bar | undefined =>
    [0, -HOUR, HOUR]
      .map((change) => bars.get((period.time + change) as Instant))
      .find((bar) => bar !== undefined && samePeriod(timeframe, bar, period));
  const clockChanged = barOf(own) !== undefined && barOf(own)?.time !== time; // since the bar's first tick
  const isPriced = (tick: Tick) => hasPrice(tick, chart);
  const begun = clockChanged || [...earlier].some(isPriced) || [...sameTime].find(isPriced)?.place !== first.place;
  const found: { bar: Bar; place: number }[] = [];
  let running: Moment | undefined = begun ? own : before;
  for (const tick of [first, ...others]) {
    const period = periodOf(timeframe, tick);
    if (running !== undefined && (period.time <= running.time || samePeriod(timeframe, period, running))) continue;
    const bar = running && barOf(running);
    if (bar !== undefined) found.push({ bar: { ...bar, final: true }, place: tick.place });
    running = period;
  }
  return found;
}
