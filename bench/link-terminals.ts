/** What can stand behind the line as a live terminal, each a process: the fake, and the Expert Advisor on its harness. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { eaCanBeBuilt, eaHarness } from "../test/mql5/ea.ts";
import type { Size } from "./size.ts";
import { progress } from "./table.ts";

export interface Dialling {
  readonly port: number;
  /** A folder for what outlives the process. */
  readonly state: string;
  /** Ticks a second, of all symbols together. */
  readonly rate: number;
}

export interface LinkTerminal {
  readonly name: string;
  /** Before it dials again, ms: after a connection, and at most after many failures. */
  readonly pauses: { readonly usual: string; readonly most: number };
  start(dialling: Dialling): ChildProcess;
}

/** The first pause before a terminal dials again, ms. */
const retryMs = 100;
/** What both of them have. */
const symbols = ["EURUSD", "GBPUSD", "USDJPY"];

const fakeProgram = fileURLToPath(new URL("../clients/terminal/fake/main.ts", import.meta.url));
const fake: LinkTerminal = {
  name: "fake",
  pauses: { usual: "75–125", most: 6250 },
  start({ port, state, rate }) {
    const money = ["--balance", "1e9", "--margin-mode", "netting", "--symbols", symbols.join(",")];
    const line = ["--address", `127.0.0.1:${port}`, "--retry-ms", String(retryMs)];
    const args = [fakeProgram, ...money, ...line, "--state", state, "--rate", String(rate)];
    return spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  },
};

/** At a broker as quick as the fake's. Its pauses grow with every connection of less than 10 s: here not beyond the first. */
const expertAdvisor: LinkTerminal = {
  name: "Expert Advisor",
  pauses: { usual: "100–125", most: 125 },
  start({ port, state, rate }) {
    const env = {
      ...{ BRIDGE_ADDRESS: `127.0.0.1:${port}`, TERMINAL_STATE: state, TERMINAL_SYMBOLS: symbols.join(",") },
      ...{ TERMINAL_MARGIN_MODE: "0", TERMINAL_LATENCY_MS: "0", TERMINAL_HISTORY_LAG_MS: "0" },
      ...{ TERMINAL_TICK_RATE: String(Math.round(rate / symbols.length)), TERMINAL_WANDER: "1" },
      ...{ TERMINAL_RETRY_MS: String(retryMs), INPUT_LongestPauseMilliseconds: String(retryMs) },
      MQL5_CLOCK: "machine",
    };
    return spawn(eaHarness(), { env, stdio: ["ignore", "ignore", "inherit"] });
  },
};

/** Those that can run here, of those that are asked for. */
export function linkTerminals({ of }: Size): readonly LinkTerminal[] {
  const asked = [fake, expertAdvisor].filter(({ name }) => of(name));
  if (!asked.includes(expertAdvisor)) return asked;
  if (!eaCanBeBuilt) {
    process.stdout.write("\nThe Expert Advisor is not measured: there is no g++ (apt-get install g++)\n");
    return asked.filter((terminal) => terminal !== expertAdvisor);
  }
  progress("link: the Expert Advisor is compiled");
  eaHarness();
  return asked;
}
