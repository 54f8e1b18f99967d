/** The Expert Advisor behind the real link, as what the bridge trades with: the suite that every terminal passes. */
import { spawn } from "node:child_process";
import { beforeAll, describe } from "vitest";
import { dialed, killed } from "../link/dialed.ts";
import { listenTcp } from "../link/listener.ts";
import { terminalSuite } from "../suites/terminal.ts";
import { eaCanBeBuilt, eaHarness } from "./ea.ts";

describe.skipIf(!eaCanBeBuilt)("the Expert Advisor", () => {
  let harness = "";
  beforeAll(() => {
    harness = eaHarness(true);
  }, 300_000);

  terminalSuite("behind the link as a terminal", () =>
    dialed(listenTcp, (address, state) => {
      const env = {
        ...{ BRIDGE_ADDRESS: address, TERMINAL_STATE: state },
        ...{ TERMINAL_SYMBOLS: "EURUSD", INPUT_AccountStateMilliseconds: "100" },
        // Long enough for an order to be seen in the list before it is executed.
        ...{ TERMINAL_EXECUTION_MS: "100" },
      };
      const program = spawn(harness, { env: { ...process.env, ...env }, stdio: ["pipe", "ignore", "inherit"] });
      const quote = async (bid: number, ask: number) => {
        program.stdin.write(`price EURUSD ${bid} ${ask}\n`);
      };
      return { quote, kill: () => killed(program) };
    }),
  );
});
