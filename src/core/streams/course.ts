/**
 * The course that every stream runs: opened → (reset) → snapshot → what was missed →
 * news and heartbeats → closing.
 *
 * What differs from stream to stream is what the snapshot holds and what becomes of an
 * item of the mailbox; all else happens here, once.
 */
import { BridgeError } from "../errors.ts";
import type { Instant } from "../model/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { Cursor, ResetReason } from "./cursor.ts";
import { Flow } from "./flow.ts";
import { type Beat, Pulse } from "./heartbeat.ts";
import type { Mailbox } from "./mailbox.ts";

/** Whether new prices are to be expected. */
export type SourceState = "live" | "market_closed" | "stale" | "terminal_offline";

export type ClosingReason = "shutdown" | "slow_consumer";

/** What every stream says, whatever it carries. */
export type CourseEvent =
  | {
      readonly type: "opened";
      readonly id: string;
      readonly heartbeat: number;
      readonly at: Instant;
      readonly cursor: Cursor;
    }
  | { readonly type: "snapshot_end"; readonly cursor: Cursor }
  | {
      readonly type: "heartbeat";
      readonly at: Instant;
      readonly cursor: Cursor;
      readonly source: SourceState;
      readonly skipped: number;
    }
  | { readonly type: "reset"; readonly reason: ResetReason; readonly cursor: Cursor }
  | { readonly type: "closing"; readonly reason: ClosingReason; readonly cursor: Cursor };

/** What a stream carries; `cursor` stands behind it. */
interface Data {
  readonly type: string;
  readonly cursor?: Cursor;
}

export interface Course<Item extends object, D extends Data> {
  readonly id: string;
  readonly mailbox: Mailbox<Item | Beat>;
  /** Milliseconds. */
  readonly heartbeat: number;
  /** What the reader resumes from, and why it cannot. */
  readonly after: Cursor | undefined;
  readonly reset: ResetReason | undefined;
  /** Where the news begins. */
  readonly start: Cursor;
  /** Absent: not wanted. After a reset it is sent all the same. */
  readonly snapshot: { readonly wanted: boolean; readonly data: Iterable<D> };
  readonly missed: Iterable<D>;
  /** What an item of the mailbox becomes on its way out; undefined: not yet, and the mailbox will rouse the reader. */
  news(item: Item): Iterable<D | undefined>;
  /** Everything up to here has been sent, whenever the mailbox is empty. */
  cursor(): Cursor;
  source(): SourceState;
  skipped?(): number;
  /** Bytes that may lie between the stream and its reader before it waits; absent: what is usual. */
  readonly ahead?: number;
  /** The stream has ended, or its reader has left. */
  over?(): void;
}

/** How a stream can end before its reader has had enough. */
export interface Ends {
  /** Aborts when the reader is gone. */
  readonly signal: AbortSignal;
  /** Aborts when the bridge is about to go: the stream says `closing` and ends. */
  readonly leaving: AbortSignal;
}

export function run<Item extends object, D extends Data>(
  course: Course<Item, D>,
  clock: Clock,
  ends: Ends,
): Flow<CourseEvent | D> {
  return new Flow(events(course, clock, ends), (ready) => course.mailbox.whenReady(ready), course.ahead);
}

function* events<Item extends object, D extends Data>(
  course: Course<Item, D>,
  clock: Clock,
  { signal, leaving }: Ends,
): Generator<CourseEvent | D | undefined, void> {
  const { id, mailbox, heartbeat, after, reset, start, snapshot } = course;
  const leave = () => mailbox.end();
  for (const end of [signal, leaving]) {
    end.addEventListener("abort", leave);
    if (end.aborted) leave();
  }
  const pulse = new Pulse(mailbox, heartbeat, clock);
  let sent = after !== undefined && reset === undefined ? after : start;
  try {
    yield { type: "opened", id, heartbeat, at: clock.now(), cursor: sent };
    if (reset !== undefined) yield { type: "reset", reason: reset, cursor: start };
    if (snapshot.wanted || reset !== undefined) {
      yield* snapshot.data;
      yield { type: "snapshot_end", cursor: start };
    }
    for (const data of course.missed) {
      sent = data.cursor ?? sent;
      yield data;
    }
    pulse.begin();
    for (;;) {
      const item = mailbox.take();
      if (item === undefined) {
        if (mailbox.ended) break;
        yield undefined;
      } else if ("type" in item && item.type === "beat") {
        if (mailbox.size > 0) continue; // what came behind it is still to be sent; the source may be ahead of it
        sent = course.cursor();
        const skipped = course.skipped?.() ?? 0;
        yield { type: "heartbeat", at: clock.now(), cursor: sent, source: course.source(), skipped };
        pulse.felt();
      } else {
        for (const data of course.news(item as Item)) {
          sent = data?.cursor ?? sent;
          yield data;
        }
        pulse.felt();
      }
    }
    if (leaving.aborted) yield { type: "closing", reason: "shutdown", cursor: sent };
  } catch (error) {
    if (!(error instanceof BridgeError) || error.fault !== "slow_consumer") throw error;
    yield { type: "closing", reason: "slow_consumer", cursor: sent };
    throw error;
  } finally {
    for (const end of [signal, leaving]) end.removeEventListener("abort", leave);
    pulse.stop();
    mailbox.end();
    course.over?.();
  }
}
