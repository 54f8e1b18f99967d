/** A thread that runs the seeds it is given. */
import { parentPort } from "node:worker_threads";
import { simulate } from "./run.ts";

interface Portion {
  readonly first: number;
  readonly last: number;
  readonly linked: boolean;
}

parentPort?.on("message", async ({ first, last, linked }: Portion) => {
  const results = [];
  for (let seed = first; seed <= last; seed++) results.push(await simulate({ seed, linked }));
  parentPort?.postMessage(results);
});
