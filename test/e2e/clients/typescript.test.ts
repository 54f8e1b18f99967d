/** The TypeScript client, packed and installed as its README tells, in a project that has nothing else. */
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projects } from "../../tools.ts";
import { clients, examplesIn, expectEveryEventOnce, installed, Strategy } from "./strategy.ts";

const root = new URL("../../../", import.meta.url).pathname;
const inContinuousIntegration = process.env["CI"] !== undefined;

describe.skipIf(!installed("typescript") && !inContinuousIntegration)(
  `the TypeScript client${installed("typescript") ? "" : " [SKIPPED: `npm test` could not install it]"}`,
  () => {
    let project = "";
    beforeAll(() => {
      // Away from the repository, whose packages would be found above it.
      project = mkdtempSync(join(tmpdir(), "strategy-"));
      cpSync(join(projects, "typescript"), project, { recursive: true });
    });
    afterAll(() => rmSync(project, { recursive: true, force: true }));

    it("runs its README's example through restarts of the bridge, which misses no order event and sees none twice", async () => {
      const [example = ""] = examplesIn(join(clients, "typescript/README.md"), "js");
      writeFileSync(join(project, "strategy.mjs"), example);
      await expectEveryEventOnce(({ http }) => [
        new Strategy(process.execPath, ["strategy.mjs", `http://${http}`], project),
      ]);
      const kept = JSON.parse(readFileSync(join(project, "keys.json"), "utf8")) as unknown[];
      expect(kept.length).toBeLessThanOrEqual(1); // what was on its way when the strategy was ended
    }, 120_000);

    it("compiles in a strategy written in TypeScript", async () => {
      const strategy = `import { bridge, type BridgeError, memoryKeys, type Tick } from "mt5-bridge-client";
        const mt5 = bridge({ baseUrl: "http://127.0.0.1:8001", token: "t", keys: memoryKeys() });
        for await (const tick of mt5.ticks(["EURUSD"])) { const same: Tick = tick; const bid: number = same.bid; void bid; }
        const why = (error: BridgeError): boolean => error.orderMayExist; void why;
        // @ts-expect-error: a volume is a number
        void mt5.orders.place({ symbol: "EURUSD", volume: "1" });
        // @ts-expect-error: gRPC is not spoken over HTTP/1.1
        void bridge({ baseUrl: "http://127.0.0.1:8001", protocol: "grpc", httpVersion: "1.1" });`;
      writeFileSync(join(project, "strategy.mts"), strategy);
      const options =
        "--noEmit --strict --skipLibCheck false --target es2022 --module nodenext --lib es2023,dom --types";
      const args = [...options.split(" "), "node", "--typeRoots", join(root, "node_modules/@types"), "strategy.mts"];
      const compiling = promisify(execFile)(join(root, "node_modules/.bin/tsc"), args, { cwd: project });
      expect((await compiling.catch(({ stdout }: { stdout: string }) => ({ stdout }))).stdout).toBe("");
    }, 60_000);
  },
);
