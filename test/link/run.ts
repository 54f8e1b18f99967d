/**
 * The link's conformance scripts against a terminal's side that is started as a command, or against all there are:
 * `npm run test:terminals`. See script.ts for what is in the scripts, and against.ts for what the command is told by its
 * environment.
 */
import { optionsOf, wholeOption, wordOption } from "../../scripts/options.ts";
import { runCase, terminalCases } from "./against.ts";
import { type Terminal, terminals } from "./terminals.ts";

const usage = `Usage: npm run test:terminals -- [--only <words>] [--jobs <n>]
       npm run test:terminals -- --against '<command>' [--carrier <carrier>] [--without <words>]

  --only     cases whose file or title has these words in it
  --jobs     how many at a time (4)
  --against  a terminal's side of your own, by the command that starts it; otherwise all there are here
  --carrier  what it dials with: tcp, tls or grpc (tcp)
  --without  what it cannot do, separated by commas; cases that need it are left out
`;

const values = optionsOf(usage, {
  against: { type: "string" },
  carrier: { type: "string", default: "tcp" },
  only: { type: "string", default: "" },
  without: { type: "string", default: "" },
  jobs: { type: "string", default: "4" },
});
const { against: command, only, without } = values;
const carrier = wordOption("carrier", values.carrier, ["tcp", "tls", "grpc"]);
const jobs = wholeOption("jobs", values.jobs, 1);

const given = command === undefined ? [] : [{ name: command, command, carrier, without: without.split(",") } as const];
let failed = 0;
for (const terminal of given.length > 0 ? given : terminals) failed += await runAll(terminal);
process.exit(failed === 0 ? 0 : 1);

/** How many cases failed. */
async function runAll(terminal: Terminal): Promise<number> {
  if (terminal.prepare?.() === false) {
    process.stdout.write(`${terminal.name}: LEFT OUT, what it is built with is not here\n\n`);
    return process.env["CI"] === undefined ? 0 : 1;
  }
  const cannot = new Set([...terminal.without, terminal.carrier === "grpc" ? "tcp" : "grpc"]);
  const named = terminalCases().filter(({ file, title }) => `${file} ${title}`.includes(only));
  const cases = named.filter(({ needs }) => !needs.some((need) => cannot.has(need)));
  const left = [...cases];
  let failed = 0;
  const work = async () => {
    for (let which = left.shift(); which !== undefined; which = left.shift()) {
      const { file, title } = which;
      const why = await runCase(which, terminal.command, terminal.carrier).catch((error: Error) => error.message);
      if (why !== undefined) failed++;
      process.stdout.write(why === undefined ? `ok      ${file}: ${title}\n` : `FAILED  ${why}\n`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  const all = `${cases.length - failed} of ${cases.length} cases passed`;
  process.stdout.write(`${terminal.name}: ${all}; ${named.length - cases.length} left out\n\n`);
  return failed + (cases.length === 0 ? 1 : 0);
}
