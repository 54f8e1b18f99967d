/** The terminal's side, killed before each thing that the world sees of it: what is executed is executed once. */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { Inbox } from "../../clients/terminal/fake/inbox.ts";
import { TerminalSide } from "../../clients/terminal/fake/side.ts";
import {
  type CommandResult,
  CommandStatus,
  ConnectRequestSchema,
  ConnectResponseSchema,
} from "../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { fromBrokerTime, toBrokerTime } from "../../src/core/model/broker-clock.ts";
import { lots, price } from "../../src/core/model/decimals.ts";
import type { Instant } from "../../src/core/model/ids.ts";
import { PaperTerminal } from "../../src/terminals/paper/terminal.ts";
import { MemoryJournal } from "../memory-journal.ts";
import { draws, noon, settingsWith } from "../terminals/paper/builders.ts";
import { Notes, quiet, ScriptedClock, ScriptedMarket } from "../terminals/paper/scripted.ts";
import { Lines, Mortal } from "./mortal.ts";
import { pair } from "./pair.ts";

const never = new AbortController().signal;
const account = { login: 1n, server: "Paper", tradeMode: 0 };
const buy = { action: 1, symbol: "EURUSD", volume: 0.1, type: 0, typeFilling: 1, magic: 2n ** 32n + 1n };

/** A broker that outlives whoever trades there. */
async function broker(clock: ScriptedClock): Promise<PaperTerminal> {
  const market = new ScriptedMarket(clock);
  const terminal = await PaperTerminal.open({
    ...{ settings: settingsWith(), latencyMs: 0, market, ledger: new MemoryJournal(), clock },
    ...{ chance: draws(0), observer: new Notes(), start: Promise.resolve() },
  });
  const at = { time: noon, brokerTime: toBrokerTime(noon), last: price(0, 5), volume: lots(0), flags: 6 };
  market.push({ symbol: "EURUSD", ...at, bid: price(1.1, 5), ask: price(1.1001, 5) });
  await quiet();
  return terminal;
}

/** One life of the terminal's side, with the bridge's end of its line. */
class Life {
  readonly results: CommandResult[] = [];
  hello: { lastSeen: number } | undefined;
  readonly #clock: ScriptedClock;
  readonly #line = pair();
  readonly #end = new AbortController();

  constructor(lines: Lines, terminal: PaperTerminal, clock: ScriptedClock, mortal: Mortal, epoch: bigint) {
    this.#clock = clock;
    const side = new TerminalSide({
      terminal: mortal.terminal(terminal),
      connected: true,
      inbox: new Inbox(mortal.disk(lines)),
      ...{ clock, micros: () => BigInt(clock.now()) * 1000n, observer: new Notes(), software: "test", token: "" },
      ...{ reportsEpoch: epoch, room: { count: 1000, bytes: 2 ** 20 }, patienceMs: 1000 },
      ...{ limits: { maxVolume: 0, ordersPerMinute: 0, symbols: [] }, absence: { policy: "none", seconds: 1 } },
      brokerClock: { of: toBrokerTime, utc: fromBrokerTime },
    });
    void side.run(this.#end.signal);
    void side.serve(mortal.carrier(this.#line.terminal), this.#end.signal);
    void this.#read();
  }

  send(frame: MessageInitShape<typeof ConnectResponseSchema>["frame"]): void {
    if (frame !== undefined)
      this.#line.bridge.send(toBinary(ConnectResponseSchema, create(ConnectResponseSchema, { frame })));
  }

  welcome(): void {
    const times = { bridgeTimeMs: BigInt(noon), lastSeen: 0n };
    this.send({ case: "welcome", value: { protocol: 1, bridgeEpoch: 7n, ...times } });
  }

  order(sequence: number, id: string): void {
    const value = { sequence: BigInt(sequence), id, account, deadlineMs: BigInt(noon + 60_000) };
    this.send({ case: "command", value: { ...value, action: { case: "submit", value: buy } } });
  }

  async settle(): Promise<void> {
    for (let turns = 0; turns < 8; turns++) {
      await quiet();
      this.#clock.advance(0);
    }
  }

  end(): void {
    this.#end.abort();
  }

  async #read(): Promise<void> {
    for await (const bytes of this.#line.bridge.frames(this.#end.signal)) {
      const { frame } = fromBinary(ConnectRequestSchema, bytes);
      if (frame.case === "hello") this.hello = { lastSeen: Number(frame.value.lastSeen) };
      if (frame.case === "report" && frame.value.event.case === "result") this.results.push(frame.value.event.value);
    }
  }
}

async function killedAfter(steps: number, powerCut: boolean) {
  const clock = new ScriptedClock(noon);
  const terminal = await broker(clock);
  const lines = new Lines();
  const mortal = new Mortal(steps);
  const first = new Life(lines, terminal, clock, mortal, 1n);
  first.welcome();
  first.order(1, "key-1");
  await first.settle();
  clock.advance(500);
  await first.settle();
  const { alive } = mortal;
  first.end();
  if (powerCut) lines.loseWhatWaits();

  const second = new Life(lines, terminal, clock, new Mortal(Number.POSITIVE_INFINITY), 2n);
  await second.settle();
  second.welcome();
  // The bridge sends again what lies behind the terminal's hello; a bridge in doubt asks once more under a new number.
  const { lastSeen = 0 } = second.hello ?? {};
  if (lastSeen < 1) second.order(1, "key-1");
  second.order(2, "key-1");
  await second.settle();
  const { deals } = await terminal.snapshot(0 as Instant, never);
  const executed = deals.filter(({ type }) => type === "buy").length;
  second.end();
  await terminal.close();
  return { alive, executed, results: second.results };
}

describe("a terminal's side that is killed over a command", () => {
  it.each([
    ["the process dies", false],
    ["the power goes", true],
  ])("has executed it at most once, and says how far it came: %s", async (_, powerCut) => {
    const seen = new Set<string>();
    for (let steps = 0; ; steps++) {
      const { alive, executed, results } = await killedAfter(steps, powerCut);
      const statuses = new Set(results.map(({ status }) => status));
      const why = `killed after ${steps} steps: executed ${executed} times, ${results.map(({ status }) => status)}`;
      expect(executed, why).toBeLessThanOrEqual(1);
      expect(results.length, why).toBeGreaterThan(0);
      expect(statuses.size, why).toBe(1);
      if (executed === 0) expect([CommandStatus.INTERRUPTED], why).toContain(results[0]?.status);
      seen.add(`${executed} ${[...statuses]}`);
      if (alive) break;
    }
    // Interrupted before and after it was sent, and executed with its answer known.
    expect([...seen].toSorted()).toEqual([`0 ${CommandStatus.INTERRUPTED}`, "1 1", `1 ${CommandStatus.INTERRUPTED}`]);
  });
});
