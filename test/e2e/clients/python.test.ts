/** The Python client, installed and used as its README tells. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projects, toolFolder } from "../../tools.ts";
import { clients, examplesIn, expectEveryEventOnce, installed, Strategy } from "./strategy.ts";

/** Checkers and test runner; and the client as its users have it, beside nothing but what it needs. */
const tools = join(toolFolder, "../python/bin");
const python = join(projects, "python/.venv/bin/python");
const inContinuousIntegration = process.env["CI"] !== undefined;

describe.skipIf(!installed("python") && !inContinuousIntegration)(
  `the Python client${installed("python") ? "" : " [SKIPPED: `npm test` could not install it]"}`,
  () => {
    const examples = examplesIn(join(clients, "python/README.md"), "python");
    let folder = "";
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "strategy-"));
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    const check = async (command: string, ...args: string[]) => {
      const options = { cwd: join(clients, "python"), env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" } };
      return (await promisify(execFile)(join(tools, command), args, options)).stdout;
    };

    it("passes its own tests", async () => {
      expect(await check("pytest")).toMatch(/\d+ passed/);
    }, 120_000);

    it("has types that hold, its tests and examples included", async () => {
      const written = examples.map((code, index) => {
        writeFileSync(join(folder, `example${index}.py`), code);
        return join(folder, `example${index}.py`);
      });
      expect(written).toHaveLength(3);
      const cache = ["--cache-dir", join(tools, "../mypy")];
      await check("mypy", ...cache);
      for (const path of written) await check("mypy", ...cache, "--strict", path);
    }, 120_000);

    it("is formatted and free of what ruff finds", async () => {
      await check("ruff", "check", "--no-cache", ".");
      await check("ruff", "format", "--no-cache", "--check", ".");
    }, 60_000);

    it("runs its README's strategies, with threads and with asyncio, through restarts of the bridge, which miss no order event and see none twice", async () => {
      const folders = ["threads", "asyncio"].map((name, index) => {
        mkdirSync(join(folder, name));
        writeFileSync(join(folder, name, "strategy.py"), examples[index] ?? "");
        return join(folder, name);
      });
      const seen = await expectEveryEventOnce(({ grpc }) =>
        folders.map((path) => new Strategy(python, ["strategy.py", grpc], path)),
      );
      const kept = folders.map((path) => readFileSync(join(path, "mt5bridge-keys.jsonl"), "utf8"));
      for (const keys of kept) expect(keys).toContain(`"key":`);
      for (const key of seen)
        expect(key.startsWith("after-") || kept.join().includes(`"key":"${key}"`), key).toBe(true);
    }, 120_000);
  },
);
