/** Many seeds, on as many threads as there are cores. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { Counts } from "./counts.ts";
import type { Result } from "./run.ts";

export interface Range {
  readonly from: number;
  readonly seeds: number;
  /** Ends with the first seed that fails. */
  readonly untilFailure?: boolean;
  /** The terminal is a live one, behind the link's real protocol. */
  readonly linked?: boolean;
}

export interface Outcome {
  readonly passed: number;
  readonly failed: readonly Result[];
  readonly counts: Counts;
  readonly turns: number;
  /** The same for the same runs, in whatever order. */
  readonly hash: string;
  readonly seconds: number;
}

/** A few seeds at a time: enough that asking for more costs nothing, few enough that both ends come at once. */
const portion = 25;

export async function simulateAll(
  { from, seeds, untilFailure = false, linked = false }: Range,
  threads = Math.min(availableParallelism(), Math.ceil(seeds / portion)),
) {
  const began = performance.now();
  const counts = new Counts();
  const failed: Result[] = [];
  let passed = 0;
  let turns = 0;
  let hash = 0n;
  let next = from;
  const over = () => next >= from + seeds || (untilFailure && failed.length > 0);
  const take = (result: Result) => {
    if (result.wrong.length === 0) passed += 1;
    else failed.push(result);
    turns += result.turns;
    hash += BigInt(`0x${result.hash}`) * BigInt(result.seed + 1);
    counts.addAll(result.fired);
  };
  const work = (worker: Worker) =>
    new Promise<void>((resolve, reject) => {
      const ask = () => {
        if (over()) return resolve();
        const last = Math.min(next + portion, from + seeds) - 1;
        worker.postMessage({ first: next, last, linked });
        next = last + 1;
      };
      worker.on("message", (results: Result[]) => {
        for (const result of results) take(result);
        ask();
      });
      worker.on("error", reject);
      ask();
    });
  const workers = Array.from({ length: threads }, () => new Worker(new URL("./worker.ts", import.meta.url)));
  try {
    await Promise.all(workers.map(work));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  failed.sort((a, b) => a.seed - b.seed);
  return {
    passed,
    failed,
    counts,
    turns,
    hash: hash.toString(16),
    seconds: (performance.now() - began) / 1000,
  } satisfies Outcome;
}
