/**
 * A reader's view of an account: facts (positions, balance operations) numbered and
 * lossless, and the newest valuation, thinned.
 */
import type { Valuation } from "../model/account.ts";
import type { Position } from "../model/position.ts";
import { type CourseEvent, type Ends, run } from "../streams/course.ts";
import type { Cursor } from "../streams/cursor.ts";
import type { Numbered } from "../streams/feed.ts";
import type { Account } from "./account.ts";
import type { AccountFact } from "./feeds.ts";

export interface AccountStreamOptions {
  readonly after: Cursor | undefined;
  /** Milliseconds. */
  readonly heartbeat: number;
  /** Milliseconds between two valuations. */
  readonly minInterval: number;
}

type AccountData =
  | { readonly type: "snapshot"; readonly positions: readonly Position[]; readonly cursor: Cursor }
  | { readonly type: "fact"; readonly fact: AccountFact; readonly cursor: Cursor }
  | { readonly type: "valuation"; readonly valuation: Valuation; readonly cursor?: never };

/** Stands in the mailbox for "there is a newer valuation". */
interface Revalued {
  readonly type: "revalued";
}

export async function* streamAccount(
  account: Account,
  options: AccountStreamOptions,
  ends: Ends,
): AsyncGenerator<CourseEvent | AccountData, void> {
  const { record, streams, clock } = account;
  await record.shown();
  const { mailbox, missed, reset, start } = record.accountFeed.read<Revalued>(options.after);
  const news = function* (item: Numbered<AccountFact> | Revalued): Generator<AccountData> {
    if ("item" in item)
      yield { type: "fact", fact: item.item, cursor: { epoch: start.epoch, sequence: item.sequence } };
    else {
      waiting = false;
      yield { type: "valuation", valuation: record.holdings.valuation };
    }
  };
  const gone = new AbortController();
  let due: number = clock.now();
  /** One is on its way, or waits to be read: the newest will do, so there is never a second. */
  let waiting = false;
  const unwatch = account.watchValuation(() => {
    if (waiting) return;
    waiting = true;
    const pause = Math.max(0, due - clock.now());
    due = clock.now() + pause + options.minInterval;
    const tell = () => mailbox.post({ type: "revalued" });
    if (pause === 0) tell();
    else void clock.sleep(pause, gone.signal).then(tell);
  });
  const course = {
    id: streams.next("account"),
    mailbox,
    heartbeat: options.heartbeat,
    after: options.after,
    reset,
    start,
    snapshot: {
      wanted: options.after === undefined,
      data: [{ type: "snapshot", positions: record.openPositions, cursor: start } satisfies AccountData],
    },
    missed: missed.flatMap((numbered) => [...news(numbered)]),
    news,
    cursor: () => record.accountFeed.cursor,
    source: () => account.sourceState,
  };
  try {
    yield* run<Numbered<AccountFact> | Revalued, AccountData>(course, clock, ends);
  } finally {
    unwatch();
    gone.abort();
  }
}
