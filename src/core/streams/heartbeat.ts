/**
 * A mailbox that is never silent for long.
 *
 * One sleeper per stream, not one per item: it wakes when the silence would become
 * too long and looks whether it did.
 */
import type { Clock } from "../ports/clock.ts";
import type { Mailbox } from "./mailbox.ts";

/** Stands in a mailbox for "nothing for a while". */
export interface Beat {
  readonly type: "beat";
}

const beat: Beat = { type: "beat" };

/** The mailbox's items, and a `beat` after each `interval` (ms) without one. */
export async function* withHeartbeat<T>(
  mailbox: Mailbox<T | Beat>,
  interval: number,
  clock: Clock,
): AsyncGenerator<T | Beat, void> {
  const stop = new AbortController();
  let last = clock.now();
  const watch = async () => {
    while (!stop.signal.aborted) {
      await clock.sleep(Math.max(1, last + interval - clock.now()), stop.signal);
      if (clock.now() - last >= interval && mailbox.size === 0) mailbox.post(beat);
      if (clock.now() - last >= interval) last = clock.now();
    }
  };
  void watch();
  try {
    for await (const item of mailbox) {
      yield item;
      last = clock.now();
    }
  } finally {
    stop.abort();
  }
}
