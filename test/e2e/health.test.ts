/** grpc.health.v1 as health clients of others ask it: grpcurl, and Python's grpcio-health-checking. */
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tool, toolFolder } from "../tools.ts";
import { type RunningBridge, startBridge } from "./bridge.ts";

const services = ["Account", "Admin", "Health", "Orders", "Ticks"].map((name) => `mt5bridge.v1.${name}Service`);
const ports = [
  ["the gRPC port", "grpcPort"],
  ["the HTTP port, over h2c", "httpPort"],
] as const;
const run = promisify(execFile);
const inContinuousIntegration = process.env["CI"] !== undefined;

let bridge: RunningBridge;
beforeAll(async () => {
  bridge = await startBridge();
});
afterAll(async () => {
  await bridge.stop();
});

/** What a watcher prints while the bridge serves and then leaves. */
async function watched(command: string, args: (port: RunningBridge) => readonly string[]): Promise<string> {
  const own = await startBridge();
  const child = spawn(command, args(own), { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += String(chunk)));
  let said = "";
  for await (const line of createInterface({ input: child.stdout })) {
    said += `${line}\n`;
    if (/(?<!_)SERVING/.test(line) && !line.includes("NOT_")) void own.stop();
  }
  await own.stop();
  expect(errors).toBe("");
  return said;
}

const grpcurl = tool("grpcurl") ?? "grpcurl";
const noGrpcurl = tool("grpcurl") === undefined;

describe.skipIf(noGrpcurl && !inContinuousIntegration).each(ports)(
  `grpcurl${noGrpcurl ? " [SKIPPED: grpcurl is not on this machine]" : ""}, on %s,`,
  (_, port) => {
    const ask = async (method: string, request: object) => {
      const args = ["-plaintext", "-d", JSON.stringify(request), `127.0.0.1:${bridge[port]}`];
      return JSON.parse((await run(grpcurl, [...args, `grpc.health.v1.Health/${method}`])).stdout);
    };

    it("checks the bridge as a whole and each of its services", async () => {
      for (const service of ["", ...services]) expect(await ask("Check", { service })).toEqual({ status: "SERVING" });
      await expect(ask("Check", { service: "no.Such" })).rejects.toThrow("NotFound");
    });

    it("lists all of them", async () => {
      const { statuses } = (await ask("List", {})) as { statuses: object };
      expect(Object.keys(statuses)).toEqual(expect.arrayContaining(services));
      for (const status of Object.values(statuses)) expect(status).toEqual({ status: "SERVING" });
    });

    it("watches, and hears that the bridge leaves", async () => {
      const said = await watched(grpcurl, (own) => {
        return ["-plaintext", "-d", "{}", `127.0.0.1:${own[port]}`, "grpc.health.v1.Health/Watch"];
      });
      expect(said.match(/\w*SERVING/g)).toEqual(["SERVING", "NOT_SERVING"]);
    });
  },
);

const python = `${toolFolder}/../python/bin/python`;
const noPython = !existsSync(python);
const program = new URL("health.py", import.meta.url).pathname;

describe.skipIf(noPython && !inContinuousIntegration).each(ports)(
  `Python's health client${noPython ? " [SKIPPED: `npm test` could not install it]" : ""}, on %s,`,
  (_, port) => {
    it("checks the bridge as a whole and each of its services", async () => {
      const { stdout } = await run(python, [program, "check", `127.0.0.1:${bridge[port]}`, "", ...services, "no.Such"]);
      const all = ["", ...services].map((service) => `${service} SERVING`);
      expect(stdout.trimEnd().split("\n")).toEqual([...all, "no.Such NOT_FOUND"]);
    });

    it("watches, and hears that the bridge leaves", async () => {
      const said = await watched(python, (own) => [program, "watch", `127.0.0.1:${own[port]}`, services[0] ?? ""]);
      expect(said).toBe("SERVING\nNOT_SERVING\n");
    });
  },
);
