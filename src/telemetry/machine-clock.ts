/**
 * The machine's own clock.
 *
 * `now` never goes back. When the machine's time is set back it stands still until that
 * time is reached again, so that what happened later is never stamped earlier.
 */
import type { Instant } from "../core/model/ids.ts";
import type { Clock } from "../core/ports/clock.ts";

/** The longest wait that a timer takes; a longer one would be over at once. */
const LONGEST = 2 ** 31 - 1;

export function machineClock(wallClock: () => number = Date.now): Clock {
  let latest = Number.NEGATIVE_INFINITY;
  const sleepUntil = async (end: number, signal: AbortSignal | undefined): Promise<void> => {
    for (let left = end - performance.now(); left > 0 && !signal?.aborted; left = end - performance.now()) {
      await timer(Math.min(Math.ceil(left), LONGEST), signal);
    }
  };
  return {
    now: () => {
      latest = Math.max(latest, Math.floor(wallClock()));
      return latest as Instant;
    },
    sleep: (ms, signal) => (ms <= 0 ? turn() : sleepUntil(performance.now() + ms, signal)),
    after: (ms, call) => {
      const timeout = setTimeout(call, Math.min(Math.ceil(ms), LONGEST));
      return () => clearTimeout(timeout);
    },
  };
}

/** Everything that is ready to run goes first. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Leaves nothing behind: no timer that keeps the process alive after an abort, no listener after its time. */
function timer(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timeout);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timeout = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}
