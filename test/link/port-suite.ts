/** The suite of every terminal, run by vitest in the files that hold a terminal to it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tally } from "./table.ts";

const project = new URL("../..", import.meta.url).pathname;

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** What came of it in one file; why something failed goes to the standard output. */
export async function runPortSuite(file: string): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), "port-suite-"));
  const into = join(folder, "report.json");
  const vitest = spawn(
    process.execPath,
    ["node_modules/vitest/vitest.mjs", "run", file, "-t", "as a terminal", "--reporter=json", `--outputFile=${into}`],
    { cwd: project, stdio: ["ignore", "ignore", "inherit"] },
  );
  await once(vitest, "exit");
  try {
    const { testResults } = JSON.parse(readFileSync(into, "utf8")) as Report;
    const tests = testResults.flatMap((result) => result.assertionResults);
    const asked = tests.filter(({ fullName }) => fullName.includes("as a terminal"));
    const passed = asked.filter(({ status }) => status === "passed");
    for (const { fullName, status, failureMessages } of asked) {
      const verdict = status === "passed" ? "ok     " : "FAILED ";
      process.stdout.write(`${verdict} ${[fullName, ...failureMessages].join("\n    ")}\n`);
    }
    return { passed: passed.length, of: asked.length };
  } catch (error) {
    process.stdout.write(`FAILED  ${file}: ${(error as Error).message}\n`);
    return { passed: 0, of: 0 };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
