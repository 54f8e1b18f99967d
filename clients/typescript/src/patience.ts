/** Waiting that can be cut short, and how long to wait before the next try. All times in milliseconds. */
import type { Duration } from "@bufbuild/protobuf/wkt";

export type Wait = (ms: number, signal?: AbortSignal) => Promise<void>;

/** Resolves after `ms`, or at once when the signal aborts. */
export const wait: Wait = (ms, signal) =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
    if (signal?.aborted) done();
  });

/** Aborts when one of the two does. */
export function eitherOf(one: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  return other === undefined ? one : AbortSignal.any([one, other]);
}

const firstMs = 100;
const longestMs = 5_000;

/** Twice as long after every failure, and never the same for all clients of a bridge that has just come back. */
export function pauseAfter(failures: number): number {
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(failures, 10));
  return full / 2 + (Math.random() * full) / 2;
}

export function millisecondsOf(duration: Pick<Duration, "seconds" | "nanos"> | undefined): number | undefined {
  return duration === undefined ? undefined : Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}
