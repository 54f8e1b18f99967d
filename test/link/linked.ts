/** The paper terminal behind the real link, in one process: fake and live terminal, over a line in memory. */

import { fromBinary } from "@bufbuild/protobuf";
import { Inbox } from "../../clients/terminal/fake/inbox.ts";
import { TerminalSide } from "../../clients/terminal/fake/side.ts";
import { ConnectRequestSchema } from "../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { fromBrokerTime, toBrokerTime } from "../../src/core/model/broker-clock.ts";
import type { AccountAlias } from "../../src/core/model/ids.ts";
import type { Clock } from "../../src/core/ports/clock.ts";
import type { TerminalPort } from "../../src/core/ports/terminal.ts";
import { LiveTerminal } from "../../src/terminals/live/terminal.ts";
import { Notes, quiet } from "../terminals/paper/scripted.ts";
import { Lines, Mortal } from "./mortal.ts";
import { type Pair, pair } from "./pair.ts";

const immortal = new Mortal(Number.POSITIVE_INFINITY);

export class Linked {
  readonly terminal: LiveTerminal;
  readonly notes = new Notes();
  readonly #side: TerminalSide;
  readonly #life = new AbortController();
  #line: Pair | undefined;
  #over: Promise<unknown> = Promise.resolve();

  constructor(paper: TerminalPort, clock: Clock) {
    const { login, server } = paper.account;
    this.terminal = new LiveTerminal({
      ...{ alias: "linked" as AccountAlias, login, server, advice: () => "", software: "test" },
      ...{
        life: 1n,
        nextLife: async () => 2n,
        within: 5000,
        limits: { maxVolume: 0, maxOrdersPerMinute: 0, allowedSymbols: [] },
      },
      ...{ clock, stopwatch: () => performance.now(), observer: this.notes },
      ...{ remember: () => undefined, names: { prefix: "", suffix: "", table: new Map() }, streamed: [] },
    });
    this.#side = new TerminalSide({
      terminal: paper,
      connected: true,
      inbox: new Inbox(immortal.disk(new Lines())),
      ...{ clock, micros: () => process.hrtime.bigint() / 1000n, observer: this.notes, software: "test", token: "" },
      ...{ reportsEpoch: 1n, room: { count: 10_000, bytes: 2 ** 24 }, patienceMs: 5000 },
      ...{ limits: { maxVolume: 0, ordersPerMinute: 0, symbols: [] }, absence: { policy: "none", seconds: 1 } },
      brokerClock: { of: toBrokerTime, utc: fromBrokerTime },
    });
    void this.#side.run(this.#life.signal);
  }

  /** Resolves once the link is up. */
  async connect(): Promise<void> {
    const line = pair();
    this.#line = line;
    const { signal } = this.#life;
    const serving = this.#side.serve(line.terminal, signal);
    const frames = line.bridge.frames(signal)[Symbol.asyncIterator]();
    const first = await frames.next();
    const { frame } = fromBinary(ConnectRequestSchema, first.value as Uint8Array);
    if (frame.case !== "hello") throw new Error(`the first frame is ${frame.case}`);
    this.#over = Promise.all([serving, this.terminal.attach(line.bridge, frames, frame.value, signal)]);
    await this.terminal.known;
    while (this.terminal.figures.state !== "up") await quiet();
  }

  /** Both ends find the line gone, and lose what is on it. */
  async cut(): Promise<void> {
    this.#line?.bridge.close();
    await this.#over;
  }

  async close(): Promise<void> {
    this.#life.abort();
    await this.cut();
  }
}
