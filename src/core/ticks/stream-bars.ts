/**
 * A reader's bars: the running one whenever it changes (thinned), and each once more,
 * final, when it has closed.
 *
 * The bars are folded from the same ticks and by the same rules as those of the history,
 * and begin where the history stands at this moment.
 */
import type { Account } from "../accounts/account.ts";
import type { Bar, Timeframe } from "../model/bar.ts";
import type { Instant } from "../model/ids.ts";
import { type CourseEvent, type Ends, run } from "../streams/course.ts";
import type { Cursor } from "../streams/cursor.ts";
import { BarFold, periodOf } from "./bars.ts";
import type { Frame } from "./frame.ts";
import type { SymbolResult, TickItem } from "./tick-reader.ts";

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

/** The end of time, for ranges without one. */
const forever = Number.MAX_SAFE_INTEGER as Instant;

export async function streamBars(
  account: Account,
  options: BarStreamOptions,
  ends: Ends,
): Promise<{
  readonly results: readonly SymbolResult[];
  readonly events: AsyncGenerator<CourseEvent | BarData, void>;
}> {
  const { hub, history, streams, clock } = account;
  const { timeframe } = options;
  const id = streams.next("bars");
  // The reader and the questions to the history share one turn: no tick falls between or counts twice.
  const { reader, missed, reset } = hub.open(id, { symbols: options.symbols, lossless: true }, options.after);
  const start = hub.cursor;
  const newest = (symbol: string, frame: Timeframe) =>
    history.bars({ symbol, from: 0 as Instant, to: forever, limit: 1, newest: true, skip: 0 }, frame);
  const since = missed[0]?.ticks[0];
  const asked = reader.symbols.map((symbol) => ({
    symbol,
    running: newest(symbol, timeframe),
    minute: newest(symbol, "M1"),
    closed:
      since === undefined
        ? Promise.resolve([])
        : history.bars(
            { symbol, from: periodOf(timeframe, since).time, to: forever, limit: 10_000, newest: true, skip: 0 },
            timeframe,
          ),
  }));
  const folds = new Map<string, BarFold>();
  const snapshot: BarData[] = [];
  const closedMeanwhile: BarData[] = [];
  for (const { symbol, running, minute, closed } of asked) {
    const [bar] = await running;
    const [lastMinute] = await minute;
    const soFar = bar !== undefined && lastMinute !== undefined ? { bar, minute: lastMinute.time } : undefined;
    folds.set(symbol, new BarFold(symbol, timeframe, account.symbols.get(symbol)?.chartMode ?? "bid", soFar));
    if (bar !== undefined) snapshot.push({ type: "snapshot", bar, cursor: start });
    for (const one of await closed) if (one.final) closedMeanwhile.push({ type: "bar", bar: one, cursor: start });
  }

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
  const fold = function* (frame: Frame, cursor: Cursor): Generator<BarData> {
    for (const tick of frame.ticks) {
      const closed = folds.get(tick.symbol)?.add(tick);
      if (closed !== undefined) yield { type: "bar", bar: closed, cursor };
      changed.add(tick.symbol);
    }
  };
  let cursor = start;
  const news = function* (item: Exclude<TickItem, { type: "beat" }>): Generator<BarData> {
    if (item.type === "frame") {
      cursor = { epoch: start.epoch, sequence: item.frame.sequence };
      yield* fold(item.frame, cursor);
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
  };
  const events = async function* () {
    try {
      yield* run<Exclude<TickItem, { type: "beat" }>, BarData>(course, clock, ends);
    } finally {
      hub.close(reader);
    }
  };
  return { results: reader.results, events: events() };
}
