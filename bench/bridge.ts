/** The bridge under measurement: a process of its own, as its users run it, with data in a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import pkg from "../package.json" with { type: "json" };
import { reportProfile } from "./profile.ts";

interface LogLine {
  readonly message: string;
  readonly context: Readonly<Record<string, unknown>>;
}

export interface Bridge {
  /** Of gRPC. */
  readonly port: number;
  readonly httpPort: number;
  readonly pid: number;
  /** From spawning the process to its ready line, ms. */
  readonly readyMs: number;
  /** Resolves with the line that begins so, and when (`performance.now()`) it was read. */
  said(beginning: string): Promise<{ readonly at: number; readonly context: LogLine["context"] }>;
  stop(): Promise<void>;
}

export const sources = fileURLToPath(new URL("../src/main.ts", import.meta.url));
export const compiled = fileURLToPath(new URL("../dist/src/main.js", import.meta.url));
/** What `npm start` runs, once it was built. */
export const usual = existsSync(compiled) ? compiled : sources;
/** What `npm start` tells V8 about memory. */
const memoryFlags = pkg.scripts.start.match(/--(max|expose)-\S+/g) ?? [];

/** Where profiles are written; absent: nothing is profiled. */
let profiles: string | undefined;

export function profileInto(folder: string): void {
  profiles = folder;
}

/** `name` is what a profile of this run is called. */
export async function startBridge(
  name: string,
  env: Readonly<Record<string, string>> = {},
  main: string = usual,
): Promise<Bridge> {
  const data = await mkdtemp(join(tmpdir(), "mt5-bridge-bench-"));
  const profile = profiles === undefined ? undefined : join(profiles, name.replaceAll(/[^\w.]+/g, "-"));
  const began = performance.now();
  const profiling = profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`];
  const child = spawn(process.execPath, [...memoryFlags, ...profiling, main], {
    env: {
      ...otherSettings(),
      GRPC_PORT: "0",
      MT5_BRIDGE_PORT: "0",
      METRICS_PORT: "0",
      DATA_DIR: data,
      MAX_CONNECTIONS: "500",
      ...env,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const heard = listen(child);
  const ready = await Promise.race([heard("ready:"), ended.then(() => undefined)]);
  if (ready === undefined) throw new Error(`the bridge ended before it was ready (${name})`);
  return {
    port: portOf(ready.context["grpc"]),
    httpPort: portOf(ready.context["http"]),
    pid: child.pid ?? 0,
    readyMs: ready.at - began,
    said: heard,
    async stop() {
      child.kill("SIGTERM");
      await ended;
      await rm(data, { recursive: true, force: true });
      if (profile !== undefined) reportProfile(name, profile, child.pid);
    },
  };
}

const portOf = (address: unknown): number => Number(String(address).split(":").at(-1));

/** The environment of this process without what would configure a bridge. */
function otherSettings(): NodeJS.ProcessEnv {
  const ours = /^(TERMINAL|LIVE_|MT5_|PAPER_|GRPC_|HISTORY_|METRICS_|OTEL_|LOG_LEVEL$|CONFIG_FILE$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
}

function listen({ stdout }: ChildProcess): Bridge["said"] {
  const lines: { readonly at: number; readonly line: LogLine }[] = [];
  const waiting = new Set<() => void>();
  if (stdout === null) throw new Error("the bridge has no output");
  createInterface({ input: stdout }).on("line", (text) => {
    if (text.includes('"message":"answered"')) return; // a line for each call: reading them would be measured too
    lines.push({ at: performance.now(), line: JSON.parse(text) as LogLine });
    for (const look of waiting) look();
  });
  return (beginning) =>
    new Promise((resolve) => {
      const look = () => {
        const found = lines.find(({ line }) => line.message.startsWith(beginning));
        if (found === undefined) return;
        waiting.delete(look);
        resolve({ at: found.at, context: found.line.context });
      };
      waiting.add(look);
      look();
    });
}
