/** A thread that runs the seeds it is given. */
import { parentPort } from "node:worker_threads";
import { simulate } from "./run.ts";

parentPort?.on("message", async ({ first, last }: { first: number; last: number }) => {
  const results = [];
  for (let seed = first; seed <= last; seed++) results.push(await simulate({ seed }));
  parentPort?.postMessage(results);
});
