/** A bridge whose terminal is live, the line that can be cut, and the terminal: each a process of its own but the line. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bridge, startBridge } from "./bridge.ts";
import { LinkLine } from "./link-line.ts";
import type { LinkTerminal } from "./link-terminals.ts";
import { computedBy } from "./usage.ts";
import { type Sender, ways } from "./ways.ts";

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export class Chain {
  readonly line: LinkLine;
  readonly #bridge: Bridge;
  readonly #terminal: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #state: string;
  readonly #metrics: string;

  /** `rate`: ticks a second. */
  static async start(terminal: LinkTerminal, what: string, rate: number): Promise<Chain> {
    const bridge = await startBridge(`link, ${terminal.name}, ${what}`, { TERMINAL: "live", TERMINAL_LINK_PORT: "0" });
    const { context } = await bridge.said("ready:");
    const line = await LinkLine.to(Number(String(context["link"]).split(":").at(-1)));
    const state = await mkdtemp(join(tmpdir(), "mt5-bridge-bench-link-"));
    const metrics = `http://${String(context["metrics"]).replace(/^.*\/\//, "")}`;
    const chain = new Chain(bridge, line, terminal.start({ port: line.port, state, rate }), state, metrics);
    try {
      await chain.until(async () => (await chain.ticks()) > 0);
    } catch (error) {
      await chain.stop();
      throw error;
    }
    return chain;
  }

  private constructor(bridge: Bridge, line: LinkLine, terminal: ChildProcess, state: string, metrics: string) {
    this.#bridge = bridge;
    this.line = line;
    this.#terminal = terminal;
    this.#ended = once(terminal, "exit");
    this.#state = state;
    this.#metrics = metrics;
  }

  call(method: string): Promise<Sender> {
    return ways.grpc(this.#bridge.port, `mt5bridge.v1.OrdersService/${method}`);
  }

  /** Those the bridge has received. */
  ticks(): Promise<number> {
    return this.#figure("mt5bridge_ticks_received_total");
  }

  async isUp(): Promise<boolean> {
    return (await this.#figure("mt5bridge_link_up")) === 1;
  }

  /** Seconds that the two processes have computed. */
  computed(): { readonly terminal: number; readonly bridge: number } {
    const of = (pid: number) => computedBy(pid).whole / 1e6;
    return { terminal: of(this.#terminal.pid ?? 0), bridge: of(this.#bridge.pid) };
  }

  /** The sum of a metric; 0 while it is not there. */
  async #figure(name: string): Promise<number> {
    const text = await (await fetch(`${this.#metrics}/metrics`)).text();
    const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }

  async until(done: () => Promise<boolean>): Promise<void> {
    for (const end = performance.now() + 60_000; !(await done()); await pause(20)) {
      if (performance.now() > end) throw new Error("the link has not come about within a minute");
    }
  }

  /** Cuts the line. Resolves with the ms until a terminal is welcome again. */
  async reconnects(): Promise<number> {
    const began = performance.now();
    const welcomed = this.welcomed();
    this.line.cut();
    await welcomed;
    return performance.now() - began;
  }

  /** The next time that the bridge lets a terminal in. */
  welcomed(): Promise<void> {
    return new Promise((resolve) => {
      this.line.welcomed = resolve;
    });
  }

  async stop(): Promise<void> {
    this.#terminal.kill("SIGKILL");
    await this.#ended;
    this.line.close();
    await this.#bridge.stop();
    await rm(this.#state, { recursive: true, force: true });
  }
}
