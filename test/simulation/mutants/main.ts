/**
 * The simulator tested: `npm run simulate:mutants`.
 *
 * Plants one bug after the other in a copy of the sources and lets the simulator look for
 * it: in the seed that found it last (`seen.json`), and where that finds it no more, in all of
 * them from the first. What was found in which seed is written down for the next time.
 */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { optionsOf, wholeOption } from "../../../scripts/options.ts";
import { drifted } from "./drift.ts";
import type { Mutant } from "./mutant.ts";
import { mutants } from "./mutants.ts";

const root = new URL("../../../", import.meta.url).pathname;

/** What the simulator is made of. */
const parts = [
  "src",
  "gen/ts",
  "clients/terminal/fake",
  "scripts/options.ts",
  "test/simulation",
  "test/terminals/paper/builders.ts",
  "test/netting-share.ts",
  "package.json",
];

const usage = `Usage: npm run simulate:mutants -- [--seeds <n>] [--only <words>] [--anew] [--linked]

  --seeds  how many a bug may take to be found (10000)
  --only   bugs whose name has these words in it
  --anew   from the first seed, also where another has found it before
  --linked bugs of the link to a live terminal only

Ends with the line "N found, M survived", alone on it.
`;

const values = optionsOf(usage, {
  seeds: { type: "string", default: "10000" },
  only: { type: "string", default: "" },
  anew: { type: "boolean", default: false },
  linked: { type: "boolean", default: false },
});
const seeds = String(wholeOption("seeds", values.seeds, 1));

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Plants the bug; returns what takes it out again. */
function plant(copy: string, { edits }: Mutant): () => void {
  const files = [...new Set(edits.map(({ file }) => join(copy, file)))];
  const before = files.map((path) => readFileSync(path, "utf8"));
  for (const { file, text, becomes } of edits) {
    const path = join(copy, file);
    writeFileSync(
      path,
      readFileSync(path, "utf8").replace(text, () => becomes),
    );
  }
  return () => {
    for (const [i, path] of files.entries()) writeFileSync(path, before[i] ?? "");
  };
}

interface Found {
  readonly seed: number;
  readonly wrong: string;
}

/** The first of the seeds that breaks a promise, and which promise. */
function found(copy: string, from: number, seeds: string, linked = false): Promise<Found | undefined> {
  const range = ["--from", String(from), "--seeds", seeds, ...(linked ? ["--linked"] : [])];
  const args = ["test/simulation/main.ts", ...range, "--until-failure", "--plain"];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: copy, maxBuffer: 1 << 26 }, (error, stdout) => {
      const [, seed, wrong] = /^seed (\d+): (.*)$/m.exec(stdout) ?? [];
      if (seed !== undefined && wrong !== undefined) resolve({ seed: Number(seed), wrong });
      else if (/^\d+ passed, 0 failed$/m.test(stdout)) resolve(undefined);
      else reject(error ?? new Error(`the simulator said nothing that can be read:\n${stdout}`));
    });
  });
}

const seenFile = new URL("./seen.json", import.meta.url);
/** By a mutant's name, the seed that found it last. */
const seen = JSON.parse(readFileSync(seenFile, "utf8")) as Record<string, number>;

async function look(copy: string, mutant: Mutant): Promise<Found | undefined> {
  const heal = plant(copy, mutant);
  try {
    const last = values.anew ? undefined : seen[mutant.name];
    const again = last === undefined ? undefined : await found(copy, last, "1", mutant.linked);
    return again ?? (await found(copy, 1, seeds, mutant.linked));
  } finally {
    heal();
  }
}

const drift = drifted(root);
if (drift.length > 0) {
  for (const sentence of drift) say(sentence);
  process.exit(1);
}
const chosen = mutants.filter(({ name, linked }) => name.includes(values.only) && (linked || !values.linked));
const waiting = [...chosen];
let survived = 0;

/** One copy of the sources, and one mutant in it at a time. */
async function lane(): Promise<void> {
  const copy = mkdtempSync(join(tmpdir(), "mutants-"));
  try {
    for (const part of parts) cpSync(join(root, part), join(copy, part), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const { name } = mutant;
      const began = performance.now();
      const bug = await look(copy, mutant);
      const seconds = `${((performance.now() - began) / 1000).toFixed(0)} s`;
      if (bug === undefined) {
        survived += 1;
        say(`SURVIVED: ${name} (${seconds})`);
      } else {
        seen[name] = bug.seed;
        say(`seed ${String(bug.seed).padStart(5)}: ${name} (${seconds})\n            ${bug.wrong}`);
      }
    }
  } finally {
    rmSync(copy, { recursive: true });
  }
}

await Promise.all([lane(), lane()]);
const known = mutants.flatMap(({ name }) => (seen[name] === undefined ? [] : [[name, seen[name]] as const]));
writeFileSync(seenFile, `${JSON.stringify(Object.fromEntries(known), undefined, 2)}\n`);
say(`${chosen.length - survived} found, ${survived} survived`);
process.exitCode = survived === 0 ? 0 : 1;
