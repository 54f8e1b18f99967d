/** The terminal's side in Python: what its own tests prove, and that it is installed as its README says. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { projects, toolFolder } from "../tools.ts";

const agent = new URL("../../clients/terminal/python", import.meta.url).pathname;
const tools = join(toolFolder, "../python");
const installed = existsSync(join(projects, "terminal/python.stamp"));
const inContinuousIntegration = process.env["CI"] !== undefined;

describe.skipIf(!installed && !inContinuousIntegration)(
  `the terminal's side in Python${installed ? "" : " [SKIPPED: `npm test` could not install it]"}`,
  () => {
    const run = async (command: string, ...args: string[]) => {
      const options = { cwd: agent, env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" } };
      const failed = ({ stdout, stderr }: { stdout: string; stderr: string }) =>
        Promise.reject(new Error(stdout + stderr));
      return (await promisify(execFile)(command, args, options).catch(failed)).stdout;
    };

    it("passes its own tests", async () => {
      expect(await run(join(tools, "bin/pytest"))).toMatch(/\d+ passed/);
    }, 180_000);

    it("has types that hold, its tests included", async () => {
      expect(await run(join(tools, "bin/mypy"), "--cache-dir", join(tools, "../mypy-terminal"))).toMatch(/Success/);
    }, 120_000);

    it("is formatted and free of what ruff finds", async () => {
      await run(join(tools, "bin/ruff"), "check", "--no-cache", ".");
      await run(join(tools, "bin/ruff"), "format", "--no-cache", "--check", ".");
    }, 60_000);

    it("is a command once it is installed", async () => {
      const help = await run(join(projects, "terminal/python/.venv/bin/mt5-bridge-agent"), "--help");
      expect(help).toContain("TERMINAL_MAX_VOLUME");
    });
  },
);
