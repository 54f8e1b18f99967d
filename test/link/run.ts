/**
 * What every terminal's side has to keep to, run against all there are (npm run test:terminals), or the link's scripts
 * against one that is started as a command. See script.ts for what is in the scripts, and against.ts for what COMMAND is
 * told by its environment.
 */
import { optionsOf, wholeOption, wordOption } from "../../scripts/options.ts";
import { runCase, terminalCases } from "./against.ts";
import { runPortSuite } from "./port-suite.ts";
import { isGood, type Result, type Row, table } from "./table.ts";
import { type Side, type Terminal, terminals } from "./terminals.ts";

const usage = `Usage: npm run test:terminals -- [--of <words>] [--only <words>] [--jobs <n>]
       npm run test:terminals -- --against '<command>' [--carrier <carrier>] [--without <words>]

  --of       terminals with these words in their names (${terminals.map(({ name }) => name).join(", ")})
  --only     cases whose file or title has these words in it, and not the suite of every terminal
  --jobs     how many at a time (4)
  --against  a terminal's side of your own, by the command that starts it, and by the cases alone
  --carrier  what it dials with: tcp, tls or grpc (tcp)
  --without  what it cannot do, separated by commas; cases that need it are left out
`;

const values = optionsOf(usage, {
  against: { type: "string" },
  carrier: { type: "string", default: "tcp" },
  of: { type: "string", default: "" },
  only: { type: "string", default: "" },
  without: { type: "string", default: "" },
  jobs: { type: "string", default: "4" },
});
const { against: command, of, only, without } = values;
const carrier = wordOption("carrier", values.carrier, ["tcp", "tls", "grpc"]);
const jobs = wholeOption("jobs", values.jobs, 1);

const given = command && [{ name: command, side: { command, carrier, without: without.split(",") } }];
const chosen = given || terminals.filter(({ name }) => name.includes(of));
const rows: Row[] = [];
for (const terminal of chosen) rows.push({ name: terminal.name, results: await runAll(terminal) });
process.stdout.write(`\n${table(["terminal", "link's scripts", "suite of every terminal"], rows)}`);
process.exit(rows.length > 0 && rows.every(({ results }) => results.every(isGood)) ? 0 : 1);

async function runAll({ side, suite, prepare }: Terminal): Promise<readonly Result[]> {
  if (prepare?.() === false) {
    // In CI what did not run has not passed.
    const out = process.env["CI"] === undefined ? "LEFT OUT: no tools" : { passed: 0, of: 0 };
    return [out, out];
  }
  return [
    side === undefined ? "has no link" : await runScripts(side),
    suite === undefined ? "see above" : only !== "" ? "not asked for" : await runPortSuite(suite),
  ];
}

async function runScripts(side: Side): Promise<Result> {
  const cannot = new Set([...side.without, side.carrier === "grpc" ? "tcp" : "grpc"]);
  const named = terminalCases().filter(({ file, title }) => `${file} ${title}`.includes(only));
  const cases = named.filter(({ needs }) => !needs.some((need) => cannot.has(need)));
  const left = [...cases];
  let failed = 0;
  const work = async () => {
    for (let which = left.shift(); which !== undefined; which = left.shift()) {
      const { file, title } = which;
      const why = await runCase(which, side.command, side.carrier).catch((error: Error) => error.message);
      if (why !== undefined) failed++;
      process.stdout.write(why === undefined ? `ok      ${file}: ${title}\n` : `FAILED  ${why}\n`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  return { passed: cases.length - failed, of: cases.length };
}
