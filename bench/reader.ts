/** The load client of the tick benchmarks: in C (`reader.c`), or in Node (`subscriber.ts`) where there is no compiler. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { type Client, startClient } from "./client.ts";
import { exists, made } from "./compiled.ts";
import type { Spread } from "./latencies.ts";
import { type OpeningName, openings } from "./openings.ts";

export interface ReaderTask {
  readonly port: number;
  readonly opening: OpeningName;
  readonly subscribers: number;
  /** Of these, so many stop reading once they are open, and so many read ten kilobytes a second: only in C. */
  readonly stalled?: number;
  readonly trickling?: number;
  readonly warmMs: number;
  /** Or (a replay) until no tick has come for a second. */
  readonly measureMs: number | "until quiet";
}

export interface Received {
  /** All subscribers together, within the measured time; without those that stall or trickle. */
  readonly ticks: number;
  readonly batches: number;
  readonly seconds: number;
  /** Ticks, or batches, that did not follow upon those before, since the first. */
  readonly holes: number;
  /** Streams that ended by themselves. */
  readonly lost: number;
  /** From a tick's time to its receipt, each tick of one subscriber in ten. */
  readonly latency: Spread;
}

export const hasCompiler = exists("gcc");

export function startReader(task: ReaderTask): Client<Received> {
  return hasCompiler ? startCompiled(task) : startClient<Received>("subscriber.ts", task);
}

const inHex = (bytes: Buffer): string => (bytes.length === 0 ? "-" : bytes.toString("hex"));

function startCompiled({ port, opening, subscribers, stalled = 0, trickling = 0, warmMs, measureMs }: ReaderTask) {
  const path = made("reader", ["reader.c"], 'gcc -O3 -Wall -o reader "$1"');
  const { framing, content, opening: first, request } = openings[opening](port);
  const ms = measureMs === "until quiet" ? 0 : measureMs;
  const numbers = [port, subscribers, stalled, trickling].map(String);
  const words = [...numbers, framing, content, String(warmMs), String(ms), inHex(first), inHex(request)];
  const child = spawn(path, words, { stdio: ["ignore", "pipe", "inherit"] });
  const began = Promise.withResolvers<void>();
  const result = Promise.withResolvers<Received>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line === "began") began.resolve();
    else result.resolve(JSON.parse(line) as Received);
  });
  child.once("close", (code) => result.reject(new Error(`the load client ended with ${code}`)));
  result.promise.catch(() => began.resolve());
  return { pid: child.pid ?? 0, began: began.promise, result: result.promise, end: () => void child.kill() };
}
