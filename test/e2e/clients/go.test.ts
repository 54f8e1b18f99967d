/** The Go client, installed and used as its README tells. */
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projects, tool, toolFolder } from "../../tools.ts";
import { clients, examplesIn, expectEveryEventOnce, installed, Strategy } from "./strategy.ts";

const go = tool("go");
const tests = join(toolFolder, "clients-go.test");
const ready = go !== undefined && existsSync(tests) && installed("go");
const inContinuousIntegration = process.env["CI"] !== undefined;

describe.skipIf(!ready && !inContinuousIntegration)(
  `the Go client${ready ? "" : " [SKIPPED: `npm test` could not install it or compile its tests]"}`,
  () => {
    let folder = "";
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "strategy-"));
      cpSync(join(projects, "go"), folder, { recursive: true });
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    const run = async (command: string, ...args: string[]) =>
      (await promisify(execFile)(command, args, { cwd: join(clients, "go") })).stdout;

    it("passes its own tests", async () => {
      expect(await run(tests)).toContain("PASS");
    }, 120_000);

    it("is formatted and vetted, and names all that it needs", async () => {
      expect(await run("gofmt", "-l", ".")).toBe("");
      await run("go", "vet", "./...");
      await run("go", "mod", "tidy", "-diff");
    }, 120_000);

    it("runs its README's example through restarts of the bridge, which misses no order event and sees none twice", async () => {
      const [example = ""] = examplesIn(join(clients, "go/README.md"), "go");
      writeFileSync(join(folder, "main.go"), example);
      expect(await run("gofmt", "-l", folder)).toBe("");
      await promisify(execFile)("go", ["build", "-o", "strategy", "."], { cwd: folder });
      const seen = await expectEveryEventOnce(({ grpc }) => [new Strategy(join(folder, "strategy"), [grpc], folder)]);
      const kept = readFileSync(join(folder, "mt5bridge-keys.jsonl"), "utf8");
      for (const key of seen) expect(key.startsWith("after-") || kept.includes(`"key":"${key}"`), key).toBe(true);
    }, 120_000);
  },
);
