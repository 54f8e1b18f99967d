/** The Expert Advisor behind the real link, as what the bridge trades with: the suite that every terminal passes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { beforeAll, describe } from "vitest";
import { TcpCarrier } from "../../clients/terminal/fake/tcp.ts";
import { ConnectRequestSchema } from "../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { AccountAlias } from "../../src/core/model/ids.ts";
import { machineClock } from "../../src/telemetry/machine-clock.ts";
import { LiveTerminal } from "../../src/terminals/live/terminal.ts";
import { terminalSuite } from "../suites/terminal.ts";
import { noon } from "../terminals/paper/builders.ts";
import { Notes, quiet } from "../terminals/paper/scripted.ts";
import { eaCanBeBuilt, eaHarness } from "./ea.ts";

const mostOfAFrame = 2 ** 20;

async function linked(harness: string) {
  const clock = { ...machineClock(), now: () => noon }; // snapshots are compared, and say when they were asked for
  const terminal = new LiveTerminal({
    ...{ alias: "linked" as AccountAlias, login: 1000001n, server: "Broker-Demo", advice: () => "", software: "test" },
    ...{ life: 1n, nextLife: async () => 2n, within: 60_000 },
    ...{ limits: { maxVolume: 0, maxOrdersPerMinute: 0, allowedSymbols: [] } },
    ...{ clock, stopwatch: () => performance.now(), observer: new Notes() },
    ...{ remember: () => undefined, names: { prefix: "", suffix: "", table: new Map() }, streamed: [] },
  });
  const life = new AbortController();
  const state = mkdtempSync(join(tmpdir(), "ea-port-"));
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const env = {
    ...{ BRIDGE_ADDRESS: `127.0.0.1:${(server.address() as AddressInfo).port}`, TERMINAL_STATE: state },
    ...{ TERMINAL_SYMBOLS: "EURUSD", INPUT_AccountStateMilliseconds: "100" },
    // Long enough for an order to be seen in the list before it is executed.
    ...{ TERMINAL_EXECUTION_MS: "100" },
  };
  const program: ChildProcess = spawn(harness, {
    env: { ...process.env, ...env },
    stdio: ["pipe", "ignore", "inherit"],
  });
  const [socket] = (await once(server, "connection")) as [Socket];
  const carrier = new TcpCarrier(socket, mostOfAFrame);
  const frames = carrier.frames(life.signal)[Symbol.asyncIterator]();
  const { frame } = fromBinary(ConnectRequestSchema, (await frames.next()).value as Uint8Array);
  if (frame.case !== "hello") throw new Error(`the first frame is ${frame.case}`);
  const over = terminal.attach(carrier, frames, frame.value, life.signal);
  await terminal.known;
  while (terminal.figures.state !== "up") await quiet();
  const close = async () => {
    life.abort();
    carrier.close();
    await over;
    program.kill("SIGKILL");
    await once(program, "exit");
    server.close();
    rmSync(state, { recursive: true });
  };
  const quote = async (bid: number, ask: number) => {
    program.stdin?.write(`price EURUSD ${bid} ${ask}\n`);
  };
  return { terminal, symbol: "EURUSD", quote, close };
}

describe.skipIf(!eaCanBeBuilt)("the Expert Advisor", () => {
  let harness = "";
  beforeAll(() => {
    harness = eaHarness(true);
  }, 300_000);
  terminalSuite("behind the link as a terminal", () => linked(harness));
});
