/** The agent in Python behind the real link, on its stand-in of MetaTrader's package: the suite that every terminal passes. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe } from "vitest";
import { dialed, killed } from "../../link/dialed.ts";
import { listenGrpc } from "../../link/listener.ts";
import { terminalSuite } from "../../suites/terminal.ts";
import { toolFolder } from "../../tools.ts";

const python = join(toolFolder, "../python/bin/python");
const program = new URL("../../../clients/terminal/python/tests/on_stand_in.py", import.meta.url).pathname;
const here = existsSync(python) || process.env["CI"] !== undefined;

describe.skipIf(!here)(`the agent in Python${here ? "" : " [SKIPPED: no Python tools]"}`, () => {
  terminalSuite(
    "behind the link as a terminal",
    () =>
      dialed(listenGrpc, (address, state) => {
        const env = {
          ...{ BRIDGE_ADDRESS: address, TERMINAL_STATE: state, TERMINAL_SYMBOLS: "EURUSD" },
          ...{ TERMINAL_LOGIN: "1000001", TERMINAL_SERVER: "Broker-Demo" },
        };
        const agent = spawn(python, [program], {
          env: { ...process.env, ...env },
          stdio: ["pipe", "ignore", "ignore"],
        });
        const quote = async (bid: number, ask: number) => {
          agent.stdin.write(`price EURUSD ${bid} ${ask}\n`);
        };
        return { quote, kill: () => killed(agent) };
      }),
    { asks: true },
  );
});
