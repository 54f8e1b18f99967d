/** Waiting that can be cut short, and how long to wait before the next try. */

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

const firstMs = 100;
const longestMs = 5_000;

/** Twice as long after every failure, and never the same for all clients of a bridge that has just come back. */
export function pauseAfter(failures: number): number {
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(failures, 10));
  return full / 2 + (Math.random() * full) / 2;
}
