import type { Instant } from "../model/ids.ts";

/** Time, from outside: the machine's in production, a scripted one in tests. */
export interface Clock {
  now(): Instant;
  /** Resolves after `ms`, or early when `signal` aborts. A sleep of 0 gives everyone else a turn. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls back after `ms`, unless the returned function was called before: for what nearly never comes to its end. */
  after(ms: number, call: () => void): () => void;
}
