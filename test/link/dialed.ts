/** A terminal's side that runs as a process and dials, behind the real link: what the bridge trades with. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { ConnectRequestSchema } from "../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { AccountAlias } from "../../src/core/model/ids.ts";
import { machineClock } from "../../src/telemetry/machine-clock.ts";
import { LiveTerminal } from "../../src/terminals/live/terminal.ts";
import type { TerminalUnderTest } from "../suites/terminal.ts";
import { noon } from "../terminals/paper/builders.ts";
import { Notes, quiet } from "../terminals/paper/scripted.ts";
import type { Line, Listener } from "./listener.ts";

/** A process that was told where to dial. */
export interface Dialing {
  quote(bid: number, ask: number): Promise<void>;
  /** Resolves when it has ended. */
  kill(): Promise<unknown>;
}

/** `start`: with the bridge's address and a folder for what outlives the process. */
export async function dialed(
  listen: (connected: (line: Line) => void) => Promise<Listener>,
  start: (address: string, state: string) => Dialing,
): Promise<TerminalUnderTest> {
  const clock = { ...machineClock(), now: () => noon }; // snapshots are compared, and say when they were asked for
  const terminal = new LiveTerminal({
    ...{ alias: "linked" as AccountAlias, login: 1000001n, server: "Broker-Demo", advice: () => "", software: "test" },
    ...{ life: 1n, nextLife: async () => 2n, within: 60_000 },
    ...{ limits: { maxVolume: 0, maxOrdersPerMinute: 0, allowedSymbols: [] } },
    ...{ clock, stopwatch: () => performance.now(), observer: new Notes() },
    ...{ remember: () => undefined, names: { prefix: "", suffix: "", table: new Map() }, streamed: [] },
  });
  const life = new AbortController();
  const state = mkdtempSync(join(tmpdir(), "terminal-port-"));
  const connected = Promise.withResolvers<Line>();
  const listener = await listen(connected.resolve);
  const program = start(`127.0.0.1:${listener.port}`, state);
  const line = await connected.promise;
  const frames = line.frames[Symbol.asyncIterator]();
  const carrier = {
    ...{ peer: "the program", frames: () => line.frames, close: () => line.close() },
    send(frame: Uint8Array) {
      line.send(frame);
      return true;
    },
  };
  const { frame } = fromBinary(ConnectRequestSchema, (await frames.next()).value as Uint8Array);
  if (frame.case !== "hello") throw new Error(`the first frame is ${frame.case}`);
  const over = terminal.attach(carrier, frames, frame.value, life.signal);
  await terminal.known;
  while (terminal.figures.state !== "up") await quiet();
  const close = async () => {
    life.abort();
    line.close();
    await over;
    await program.kill();
    await listener.close();
    rmSync(state, { recursive: true });
  };
  return { terminal, symbol: "EURUSD", quote: program.quote, close };
}

/** Kills a process, and resolves when it is gone. */
export async function killed(program: ChildProcess): Promise<void> {
  if (program.exitCode !== null || program.signalCode !== null) return;
  program.kill("SIGKILL");
  await once(program, "exit");
}
