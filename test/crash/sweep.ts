/**
 * The bridge killed at every write of its journal: `npm run crash-sweep`.
 *
 * Runs the built bridge, has a trader give thirty orders, and kills it at the n-th write or
 * sync of its journal, for n = 1, 2, 3 … until a session is over before its n-th. Each time
 * it is started again on what it has left, its client repeats what was not answered, and
 * the oracle looks for what was lost, doubled or left in doubt.
 */
import { optionsOf, wholeOption } from "../../scripts/options.ts";
import { tool } from "../tools.ts";
import { Lane, Violated } from "./lane.ts";

/** A start after a crash costs a second of one core. */
const lanes = 2;
/** So many crashes share a folder: the next bridge finds what all of them have left. */
const livesOfAFolder = 20;

const usage = `Usage: npm run crash-sweep -- [--from <n>] [--to <n>]

  --from  the first write or sync to be killed at (1)
  --to    the last one; a session's last one comes before (100000)

Kills the bridge as it was built: npm run build after a change. Ends with the line "N passed, M failed".
`;

const values = optionsOf(usage, {
  from: { type: "string", default: "1" },
  to: { type: "string", default: "100000" },
});
const from = wholeOption("from", values.from, 1);
const to = wholeOption("to", values.to, from);
const strace = tool("strace");
if (strace === undefined) {
  process.stderr.write("crash sweep: strace is not here; install Debian's package of that name\n");
  process.stdout.write("NOT RUN: 0 writes were cut, and nothing is proven of crashes\n");
  process.exit(process.env["CI"] === "true" ? 1 : 0);
}

let next = from;
let beyond = to + 1;
let killed = 0;
const failures: string[] = [];

async function sweep(program: string): Promise<void> {
  while (next < beyond) {
    const lane = await Lane.open(program);
    for (let lives = 0; lives < livesOfAFolder && next < beyond; lives++) {
      const n = next++;
      await guarded(n, async () => {
        if (await lane.live(n)) beyond = Math.min(beyond, n);
        else killed++;
      });
      if (process.stderr.isTTY) process.stderr.write(`\rcrash sweep: killed ${killed} times, now at write ${n} `);
    }
    await guarded(next - 1, () => lane.end());
  }
}

async function guarded(n: number, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (!(error instanceof Violated)) throw error;
    failures.push(`write ${n}: ${error.message}`);
  }
}

await Promise.all(Array.from({ length: lanes }, () => sweep(strace)));
for (const failure of failures) process.stdout.write(`${failure}\n`);
process.stdout.write(`crash sweep: killed at ${killed} writes and syncs of the journal\n`);
process.stdout.write(`${killed - failures.length} passed, ${failures.length} failed\n`);
process.exitCode = failures.length === 0 && killed > 0 ? 0 : 1;
