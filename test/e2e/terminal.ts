/** A live terminal beside the bridge: the fake one, as a process that dials. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { LogLine } from "./bridge.ts";

export interface RunningTerminal {
  readonly log: readonly LogLine[];
  /** Resolves with the first line, past or future, that says so. */
  said(what: RegExp): Promise<LogLine>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const main = new URL("../../clients/terminal/fake/main.ts", import.meta.url).pathname;

/** `flags`: as `npm run terminal:fake -- --help` has them. */
export function startTerminal(flags: Readonly<Record<string, string | number>>): RunningTerminal {
  const given = { "retry-ms": 100, ...flags };
  const args = Object.entries(given).map(([name, value]) => `--${name}=${value}`);
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const log: LogLine[] = [];
  let wakes: (() => void)[] = [];
  let over = false;
  const ended = once(child, "exit").then(() => {
    over = true;
    for (const wake of wakes.splice(0)) wake();
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    log.push(JSON.parse(line) as LogLine);
    for (const wake of wakes.splice(0)) wake();
  });
  return {
    log,
    async said(what) {
      for (;;) {
        const found = log.find(({ message }) => what.test(message));
        if (found !== undefined) return found;
        if (over) throw new Error(`the terminal has ended and never said ${what}`);
        await new Promise<void>((resolve) => {
          wakes = [...wakes, resolve];
        });
      }
    },
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      await ended;
    },
  };
}
