/**
 * What the production image does, as far as that can be done without an engine: its packages alone, the compiled
 * bridge, a tree that nobody may write to, another user than root, and the probe.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, cpSync, globSync, lstatSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = new URL("../../", import.meta.url).pathname;
const place = mkdtempSync(join(tmpdir(), "image-"));
const app = join(place, "app");
const data = join(place, "data");
const npm = join(process.execPath, "..", "npm");

/** Only root can become somebody else; anybody else is not root already. */
const isRoot = process.getuid?.() === 0;
const user = isRoot ? { uid: 1000, gid: 1000 } : {};
const clean = { PATH: process.env["PATH"] ?? "", HOME: place };
const base = { ...clean, NODE_ENV: "production", ENVIRONMENT: "production", DATA_DIR: data };
const env = { ...base, GRPC_PORT: "0", MT5_BRIDGE_PORT: "0", METRICS_PORT: "0" };

beforeAll(() => {
  chmodSync(place, 0o755);
  mkdirSync(app);
  mkdirSync(data);
  if (isRoot) chownSync(data, 1000, 1000);
  for (const name of ["package.json", "package-lock.json", "LICENSE"]) cpSync(root + name, join(app, name));
  const ci = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
  execFileSync(existing(npm), ci, { cwd: app, stdio: "pipe", env: { ...process.env, NODE_ENV: "production" } });
  const tsc = join(root, "node_modules/.bin/tsc");
  execFileSync(tsc, ["-p", join(root, "tsconfig.build.json"), "--outDir", join(app, "dist")], { stdio: "pipe" });
  cpSync(`${root}scripts/probe.mjs`, join(app, "scripts/probe.mjs"));
  for (const path of [app, ...globSync("**", { cwd: app }).map((name) => join(app, name))]) {
    const { mode } = lstatSync(path);
    if (!lstatSync(path).isSymbolicLink()) chmodSync(path, mode & 0o555);
  }
}, 180_000);
afterAll(() => rmSync(place, { recursive: true, force: true }));

/** npm beside this Node, or the machine's. */
const existing = (path: string) => (lstatSync(path, { throwIfNoEntry: false }) === undefined ? "npm" : path);

function start(more: Readonly<Record<string, string>> = {}): ChildProcess {
  return spawn(process.execPath, ["--max-semi-space-size=4", "dist/src/main.js"], {
    cwd: app,
    env: { ...env, ...more },
    stdio: ["ignore", "pipe", "pipe"],
    ...user,
  });
}

const probe = (port: string) =>
  spawnSync(process.execPath, ["scripts/probe.mjs"], {
    cwd: app,
    env: { ...clean, GRPC_PORT: port },
    encoding: "utf8",
    ...user,
  });

describe("the production image", () => {
  it("has no package that only development needs", () => {
    const names = globSync("node_modules/{typescript,vitest,@biomejs,@bufbuild/buf,node}", { cwd: app });
    expect(names).toEqual([]);
  });

  it("serves as a user who may write to the data alone, is probed, and drains at SIGTERM", async () => {
    const bridge = start();
    let port = "";
    for await (const line of createInterface({ input: bridge.stdout ?? process.stdin })) {
      const { message, context } = JSON.parse(line) as { message: string; context: { grpc?: string } };
      if (message.startsWith("ready:")) port = context.grpc?.split(":").at(-1) ?? "";
      if (port !== "") break;
    }
    expect(port).toMatch(/^\d+$/);
    expect(probe(port)).toMatchObject({ status: 0, stdout: "serving\n" });
    bridge.stdout?.resume();
    bridge.kill("SIGTERM");
    const [code] = (await once(bridge, "exit")) as [number | null];
    expect(code).toBe(0);
    expect(probe(port).status).toBe(1);
    expect(globSync("**/journal.db", { cwd: data })).toHaveLength(1);
  });

  it("says what is missing when it is to listen to the world without keys", async () => {
    const bridge = start({ BIND_ADDRESS: "0.0.0.0" });
    let said = "";
    for (const stream of [bridge.stdout, bridge.stderr]) stream?.on("data", (chunk: Buffer) => (said += chunk));
    const [code] = (await once(bridge, "exit")) as [number | null];
    expect(code).toBe(1);
    expect(said).toMatch(/BIND_ADDRESS/);
  });
});
