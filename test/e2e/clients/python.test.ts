/** The Python client, installed by pip, as its README tells to use it. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toolFolder } from "../../tools.ts";
import { clients, examplesIn, expectEveryEventOnce, Strategy } from "./strategy.ts";

const environment = join(toolFolder, "../python");
const program = (name: string) => join(environment, "bin", name);
const installed = existsSync(join(environment, "client.stamp"));
const inContinuousIntegration = process.env["CI"] !== undefined;

describe.skipIf(!installed && !inContinuousIntegration)(
  `the Python client${installed ? "" : " [SKIPPED: `npm test` could not install it]"}`,
  () => {
    let folder = "";
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "strategy-"));
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    const check = async (command: string, ...args: string[]) => {
      const options = { cwd: join(clients, "python"), env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" } };
      return (await promisify(execFile)(program(command), args, options)).stdout;
    };

    it("passes its own tests", async () => {
      expect(await check("pytest")).toMatch(/\d+ passed/);
    }, 120_000);

    it("has types that hold, its tests and examples included", async () => {
      const [strategy = "", reports = ""] = examplesIn(join(clients, "python/README.md"), "python");
      writeFileSync(join(folder, "strategy.py"), strategy);
      writeFileSync(join(folder, "reports.py"), reports);
      const cache = ["--cache-dir", join(environment, "mypy")];
      await check("mypy", ...cache);
      await check("mypy", ...cache, "--strict", join(folder, "strategy.py"), join(folder, "reports.py"));
    }, 120_000);

    it("is formatted and free of what ruff finds", async () => {
      await check("ruff", "check", "--no-cache", ".");
      await check("ruff", "format", "--no-cache", "--check", ".");
    }, 60_000);

    it("runs its README's examples through restarts of the bridge, which miss no order event and see none twice", async () => {
      const [strategy = "", reports = ""] = examplesIn(join(clients, "python/README.md"), "python");
      writeFileSync(join(folder, "strategy.py"), strategy);
      writeFileSync(join(folder, "reports.py"), reports);
      const seen = await expectEveryEventOnce((address) => [
        new Strategy(program("python"), ["strategy.py", address], folder),
        new Strategy(program("python"), ["reports.py", address], folder),
      ]);
      const kept = readFileSync(join(folder, "mt5bridge-keys.jsonl"), "utf8");
      for (const key of seen) expect(key.startsWith("after-") || kept.includes(`"key":"${key}"`), key).toBe(true);
    }, 120_000);
  },
);
