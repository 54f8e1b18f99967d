/** The bridge as users run it: a process of its own, on a free port, with data in a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A line of the bridge's log. */
export interface LogLine {
  readonly level: string;
  readonly component: string;
  readonly message: string;
  readonly trace_id?: string;
  readonly context: Readonly<Record<string, unknown>>;
}

export interface RunningBridge {
  readonly grpcPort: number;
  /** Connect, gRPC-Web, JSON and WebSocket. */
  readonly httpPort: number;
  readonly metricsPort: number;
  /** Where live terminals dial in; NaN where none can. */
  readonly linkPort: number;
  readonly pid: number;
  readonly log: readonly LogLine[];
  /** What it wrote to its standard error. */
  readonly errors: () => string;
  /** Resolves when it has ended: exit code or signal. */
  readonly exit: Promise<number | string>;
  /** Sends the signal and resolves with the exit code (or the signal's name, if that ended it). */
  stop(signal?: NodeJS.Signals): Promise<number | string>;
}

const main = new URL("../../src/main.ts", import.meta.url).pathname;

/** The environment of this process without what would configure a bridge. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(MT5_|PAPER_|GRPC_|HISTORY_|METRICS_|OTEL_|TERMINAL|LIVE_)/.test(name),
    ),
  );
}

/** A folder for DATA_DIR, and a function that removes it. */
export async function dataFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "mt5-bridge-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** `command`: what runs the bridge, and with what; its sources by default. */
export interface Launch {
  readonly command?: readonly [string, ...string[]];
}

/** Runs the bridge until it says it is ready. Throws with its output when it ends before that. */
export async function startBridge(
  env: Readonly<Record<string, string>> = {},
  { command = [process.execPath, main] }: Launch = {},
): Promise<RunningBridge> {
  const own = env["DATA_DIR"] === undefined ? await dataFolder() : undefined;
  const [program, ...args] = command;
  const child = spawn(program, args, {
    env: {
      ...cleanEnvironment(),
      GRPC_PORT: "0",
      MT5_BRIDGE_PORT: "0",
      METRICS_PORT: "0",
      TERMINAL_LINK_PORT: "0",
      ...(own ? { DATA_DIR: own.path } : {}),
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log: LogLine[] = [];
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const exit = exitOf(child);
  type Ports = Pick<RunningBridge, "grpcPort" | "httpPort" | "metricsPort" | "linkPort">;
  const ports = await new Promise<Ports>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const entry = JSON.parse(line) as LogLine;
      log.push(entry);
      if (!entry.message.startsWith("ready:")) return;
      const portOf = (name: string) => Number(String(entry.context[name]).split(":").at(-1));
      resolve({
        ...{ grpcPort: portOf("grpc"), httpPort: portOf("http") },
        ...{ metricsPort: portOf("metrics"), linkPort: portOf("link") },
      });
    });
    void exit.then((code) => {
      const said = log.map((entry) => `${entry.message} ${JSON.stringify(entry.context)}`).join("\n");
      reject(new Error(`the bridge ended with ${code} before it was ready\n${said}\n${errors}`));
    });
  });
  return {
    ...ports,
    pid: child.pid ?? 0,
    log,
    errors: () => errors,
    exit,
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      const code = await exit;
      await own?.remove();
      return code;
    },
  };
}

async function exitOf(child: ChildProcess): Promise<number | string> {
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  return code ?? signal ?? "unknown";
}
