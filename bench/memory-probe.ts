/**
 * Preloaded into a bridge whose memory is measured. On SIGUSR2 it collects what nobody holds any more and says what is
 * left, as a line of the log: `memory 1`, `memory 2` and so on.
 *
 * The last collection also has V8 give back what it keeps for garbage that is still to come. That is some 30 MiB once a
 * thousand connections have been opened, whoever has opened them, and would be told as theirs.
 */
import process from "node:process";
import { setTimeout as delay } from "node:timers/promises";

let asked = 0;
process.on("SIGUSR2", async () => {
  asked++;
  const name = `memory ${asked}`;
  // Twice, with a turn between: what a first collection lets go may hold more.
  for (let i = 0; i < 2; i++) {
    await globalThis.gc?.({ type: "major", execution: "async", flavor: "last-resort" });
    await delay(50);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  process.stdout.write(`${JSON.stringify({ message: name, context: { rss, heapUsed, external } })}\n`);
});
