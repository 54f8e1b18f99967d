import { extname } from "node:path";
import { Worker } from "node:worker_threads";

/** Starts a sibling module in a thread of its own: the .ts file from sources, the .js file once compiled. */
export function startThread(module: string, workerData: unknown): Worker {
  const here = import.meta.url;
  return new Worker(new URL(`./${module}${extname(new URL(here).pathname)}`, here), { name: module, workerData });
}
