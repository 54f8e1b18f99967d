/**
 * npm run simulate:mutants -- [--seeds <n>] [--only <words of a name>]
 *
 * Plants one bug after the other in a copy of the sources and lets the simulator look for
 * it. Ends with the line `N found, M survived`, alone on it.
 */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Mutant, mutants } from "./mutants.ts";

const root = new URL("../../../", import.meta.url).pathname;

/** What the simulator is made of. */
const parts = ["src", "test/simulation", "test/terminals/paper/builders.ts", "package.json"];

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "10000" }, only: { type: "string", default: "" } },
});

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** What of the mutants no longer fits the sources. */
function drifted(): string[] {
  return mutants.flatMap(({ name, edits }) =>
    edits.flatMap(({ file, text }) => {
      const times = readFileSync(join(root, file), "utf8").split(text).length - 1;
      return times === 1 ? [] : `"${name}": its text stands ${times} times in ${file}, not once`;
    }),
  );
}

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

/** The first seed that breaks a promise, and which promise. */
function found(copy: string): Promise<{ readonly seed: number; readonly wrong: string } | undefined> {
  const args = ["test/simulation/main.ts", "--seeds", values.seeds, "--until-failure", "--plain"];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: copy, maxBuffer: 1 << 26 }, (error, stdout) => {
      const [, seed, wrong] = /^seed (\d+): (.*)$/m.exec(stdout) ?? [];
      if (seed !== undefined && wrong !== undefined) resolve({ seed: Number(seed), wrong });
      else if (/^\d+ passed, 0 failed$/m.test(stdout)) resolve(undefined);
      else reject(error ?? new Error(`the simulator said nothing that can be read:\n${stdout}`));
    });
  });
}

const drift = drifted();
if (drift.length > 0) {
  for (const sentence of drift) say(sentence);
  process.exit(1);
}
const copy = mkdtempSync(join(tmpdir(), "mutants-"));
let survived = 0;
const chosen = mutants.filter(({ name }) => name.includes(values.only));
try {
  for (const part of parts) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  for (const mutant of chosen) {
    const heal = plant(copy, mutant);
    const began = performance.now();
    const bug = await found(copy);
    heal();
    const seconds = `${((performance.now() - began) / 1000).toFixed(0)} s`;
    if (bug === undefined) survived += 1;
    say(
      bug === undefined
        ? `SURVIVED: ${mutant.name} (${seconds})`
        : `seed ${String(bug.seed).padStart(5)}: ${mutant.name} (${seconds})`,
    );
    if (bug !== undefined) say(`            ${bug.wrong}`);
  }
} finally {
  rmSync(copy, { recursive: true });
}
say(`${chosen.length - survived} found, ${survived} survived`);
process.exitCode = survived === 0 ? 0 : 1;
