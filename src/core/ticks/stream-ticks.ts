/**
 * A reader's ticks.
 *
 * What one turn brought is one frame and leaves at once. A reader may ask for company
 * (`linger`), for pauses (`minInterval`, only where the newest will do) and for smaller
 * frames (`maxBatch`); who asks for nothing shares frames with everyone else.
 */
import type { Tick } from "../model/tick.ts";
import type { Clock } from "../ports/clock.ts";
import { type CourseEvent, type Ends, run } from "../streams/course.ts";
import type { Cursor } from "../streams/cursor.ts";
import type { Flow } from "../streams/flow.ts";
import type { Beat } from "../streams/heartbeat.ts";
import { type Frame, join, split } from "./frame.ts";
import type { Quotes } from "./quotes.ts";
import type { SymbolResult, TickItem } from "./tick-item.ts";
import type { TickReader, Wish } from "./tick-reader.ts";

export interface TickStreamOptions extends Wish {
  /** Milliseconds; 0: no pause. */
  readonly minInterval: number;
  /** Ticks of one frame. */
  readonly maxBatch: number;
  /** Milliseconds a tick may wait for company. */
  readonly linger: number;
  readonly snapshot: boolean;
  readonly after: Cursor | undefined;
  /** Milliseconds. */
  readonly heartbeat: number;
}

type TickData =
  | { readonly type: "snapshot"; readonly ticks: readonly Tick[]; readonly cursor: Cursor }
  | { readonly type: "batch"; readonly frame: Frame; readonly cursor: Cursor }
  | {
      readonly type: "subscription";
      readonly symbols: readonly string[];
      readonly results: readonly SymbolResult[];
      readonly cursor?: never;
    };

export type TickEvent = CourseEvent | TickData;

/**
 * Bytes that may lie between an EVERY_TICK stream and its reader: what a busy turn brings. They are shared with all who
 * get the same. Of the newest prices nothing lies there longer than it must, as it would be stale.
 */
const ahead = 1024 * 1024;

/** The events of the stream, and what became of the symbols that were asked for. */
export function streamTicks(
  quotes: Quotes,
  options: TickStreamOptions,
  ends: Ends,
): { readonly results: readonly SymbolResult[]; readonly events: Flow<TickEvent> } {
  const { hub, streams, clock } = quotes;
  const id = streams.next("ticks");
  const { reader, missed, reset } = hub.open(id, options, options.after);
  const start = hub.cursor;
  const at = (sequence: number): Cursor => ({ epoch: start.epoch, sequence });
  const newest = reader.symbols.flatMap((symbol) => hub.latest(symbol) ?? []);
  const pace = new Pace(reader.mailbox, clock);
  let skipped = 0;

  const parts = function* (frame: Frame): Generator<TickData> {
    for (const part of split(frame, options.maxBatch)) {
      if (part.skips !== undefined) {
        const folded = part.skips.reduce((sum, skips) => sum + skips, 0);
        skipped += folded;
        hub.skipped += folded;
      }
      yield { type: "batch", frame: part, cursor: at(part.sequence) };
    }
  };
  const isPlain = options.linger === 0 && options.minInterval === 0;
  /** A frame as it is, for a reader who asked for nothing else: the usual case, and twice as fast. */
  const news = (item: Exclude<TickItem, Beat>): Iterable<TickData | undefined> =>
    isPlain && item.type === "frame" && item.frame.skips === undefined && item.frame.length <= options.maxBatch
      ? [{ type: "batch", frame: item.frame, cursor: at(item.frame.sequence) }]
      : held(item);
  const held = function* (first: Exclude<TickItem, Beat>): Generator<TickData | undefined> {
    if (options.linger > 0 && isFrame(first)) yield* pace.pause(options.linger);
    const items = options.linger > 0 ? withCompany(reader, first, options.maxBatch) : [first];
    const at = clock.now();
    for (const item of items) {
      if (item.type === "frame") yield* parts(item.frame);
      else if (item.type === "subscription") yield item;
    }
    if (options.minInterval > 0 && !options.lossless && items.some(isFrame)) {
      yield* pace.pause(at + options.minInterval - clock.now());
    }
  };
  const course = {
    id,
    mailbox: reader.mailbox,
    heartbeat: options.heartbeat,
    after: options.after,
    reset,
    start,
    snapshot: {
      wanted: options.snapshot,
      data: newest.length === 0 ? [] : [{ type: "snapshot", ticks: newest, cursor: start } satisfies TickData],
    },
    missed: all(missed, parts),
    news,
    cursor: () => hub.cursor,
    source: () => quotes.sourceState,
    skipped: () => skipped,
    ahead: options.lossless ? ahead : 0,
    over: () => {
      pace.end();
      hub.close(reader);
    },
  };
  return { results: reader.results, events: run<Exclude<TickItem, Beat>, TickData>(course, clock, ends) };
}

function* all<In, Out>(items: Iterable<In>, of: (item: In) => Iterable<Out>): Generator<Out> {
  for (const item of items) yield* of(item);
}

/** A reader's pauses. None outlasts its stream. */
class Pace {
  readonly #mailbox: TickReader["mailbox"];
  readonly #clock: Clock;
  #cancel: (() => void) | undefined;

  constructor(mailbox: TickReader["mailbox"], clock: Clock) {
    this.#mailbox = mailbox;
    this.#clock = clock;
  }

  /** Nothing, for so many milliseconds. */
  *pause(ms: number): Generator<undefined> {
    let isOver = ms <= 0;
    if (!isOver) {
      this.#cancel = this.#clock.after(ms, () => {
        isOver = true;
        this.#mailbox.rouse();
      });
    }
    while (!isOver && !this.#mailbox.ended) yield undefined;
  }

  end(): void {
    this.#cancel?.();
  }
}

const isFrame = (item: TickItem): item is Extract<TickItem, { type: "frame" }> => item.type === "frame";

/** The item and those that came while it waited, up to `most` ticks; neighbouring frames are joined. */
function withCompany(reader: TickReader, first: TickItem, most: number): TickItem[] {
  const items: TickItem[] = [first];
  let ticks = isFrame(first) ? first.frame.length : 0;
  while (ticks < most) {
    const next = reader.mailbox.take();
    if (next === undefined) break;
    const before = items.at(-1);
    if (isFrame(next) && before !== undefined && isFrame(before)) {
      items[items.length - 1] = { type: "frame", frame: join(before.frame, next.frame) };
    } else items.push(next);
    if (isFrame(next)) ticks += next.frame.length;
  }
  return items;
}
