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

/** The sources with the bug in them. */
function planted(copy: string, { name, edits }: Mutant): () => void {
  const before = edits.map(({ file }) => [file, readFileSync(join(copy, file), "utf8")] as const);
  for (const { file, text, becomes } of edits) {
    const path = join(copy, file);
    const source = readFileSync(path, "utf8");
    const times = source.split(text).length - 1;
    if (times !== 1) throw new Error(`"${name}": its text stands ${times} times in ${file}, not once`);
    writeFileSync(
      path,
      source.replace(text, () => becomes),
    );
  }
  return () => {
    for (const [file, source] of before) writeFileSync(join(copy, file), source);
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

const copy = mkdtempSync(join(tmpdir(), "mutants-"));
let survived = 0;
const chosen = mutants.filter(({ name }) => name.includes(values.only));
try {
  for (const part of parts) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  for (const mutant of chosen) {
    const heal = planted(copy, mutant);
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
