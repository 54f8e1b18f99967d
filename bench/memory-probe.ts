/**
 * Preloaded into a bridge whose memory is measured. On SIGUSR2 it collects what nobody holds any more and says what is
 * left, as a line of the log: `memory 1`, `memory 2` and so on.
 */
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";

let asked = 0;
process.on("SIGUSR2", async () => {
  asked++;
  const name = `memory ${asked}`;
  // Twice, with a turn between: what a first collection lets go may hold more.
  for (let i = 0; i < 2; i++) {
    await globalThis.gc?.({ type: "major", execution: "async" });
    await delay(50);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  process.stdout.write(`${JSON.stringify({ message: name, context: { rss, heapUsed, external } })}\n`);
});
