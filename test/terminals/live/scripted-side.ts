/** The terminal's side of a link as a test plays it: a carrier in memory, and a side that does what it is told. */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type Command,
  type CommandResultSchema,
  CommandStatus,
  type ConnectRequest,
  ConnectRequestSchema,
  type ConnectResponse,
  ConnectResponseSchema,
  type Hello,
  HelloSchema,
  type ReportSchema,
  type SymbolSchema,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { AccountAlias } from "../../../src/core/model/ids.ts";
import type { LinkCarrier } from "../../../src/core/ports/link.ts";
import type { TerminalReport } from "../../../src/core/ports/terminal.ts";
import type { ConversationParts } from "../../../src/terminals/live/conversation.ts";
import type { Known } from "../../../src/terminals/live/known.ts";
import { LiveTerminal } from "../../../src/terminals/live/terminal.ts";
import { TestClock } from "../../core/desk.ts";
import { noon } from "../paper/builders.ts";
import { Notes, quiet } from "../paper/scripted.ts";

const account = {
  fingerprint: { login: 1000001n, server: "Broker-Demo", tradeMode: 0 },
  name: "A. Trader",
  company: "Broker Ltd",
  currency: "USD",
  currencyDigits: 2,
  leverage: 100n,
  marginMode: 2,
  marginCallLevel: 50,
  stopoutLevel: 30,
};

export const eurusd = {
  name: "EURUSD",
  digits: 5,
  point: 0.00001,
  tradeTickSize: 0.00001,
  tradeContractSize: 100_000,
  currencyBase: "EUR",
  currencyProfit: "USD",
  currencyMargin: "EUR",
  tradeMode: 4,
  tradeExecution: 2,
  orderMode: 127,
  fillingMode: 3,
  expirationMode: 15,
  volumeMin: 0.01,
  volumeMax: 100,
  volumeStep: 0.01,
} satisfies MessageInitShape<typeof SymbolSchema>;

type Event = NonNullable<MessageInitShape<typeof ReportSchema>["event"]>;
type Result = MessageInitShape<typeof CommandResultSchema>;
type HelloInit = Omit<MessageInitShape<typeof HelloSchema>, "$typeName" | "$unknown">;

/** A cable between the bridge and a side. */
class Cable implements LinkCarrier {
  readonly peer = "memory";
  readonly toSide: ConnectResponse["frame"][] = [];
  isCut = false;
  /** How many frames of the bridge it still takes. */
  takes = Number.POSITIVE_INFINITY;
  #queue: Uint8Array[] = [];
  #change = Promise.withResolvers<void>();

  async *frames(): AsyncGenerator<Uint8Array, void> {
    while (true) {
      const frame = this.#queue.shift();
      if (frame !== undefined) yield frame;
      else if (this.isCut) return;
      else await this.#change.promise;
    }
  }

  send(frame: Uint8Array): boolean {
    if (this.isCut || this.takes-- <= 0) return false;
    this.toSide.push(fromBinary(ConnectResponseSchema, frame).frame);
    return true;
  }

  close(): void {
    this.isCut = true;
    this.#changed();
  }

  push(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    this.#changed();
  }

  #changed(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }
}

/** What a side does of its own with a command; without an answer it stays silent. */
export type Habit = (command: Command, side: Side) => void;

/** Answers what a link is taken up with, and snapshots: all that no test is about. */
export const polite: Habit = ({ id, action }, side) => {
  if (action.case === "symbols") {
    side.answers(id, { answer: { case: "symbols", value: { symbols: side.symbols, unknown: [] } } });
  }
  if (action.case === "subscribe") side.answers(id, {});
  if (action.case === "snapshot") {
    const value = { account: { balance: 10_000, equity: 10_000 }, complete: true };
    side.answers(id, { answer: { case: "snapshot", value } });
  }
};

/** The terminal's side: it numbers its reports and keeps them, and its inbox outlives the cable. */
export class Side {
  symbols: MessageInitShape<typeof SymbolSchema>[] = [eurusd];
  habit: Habit = polite;
  /** Every command that was taken, in order, once. */
  readonly taken: Command[] = [];
  /** What the bridge said beside commands, as words. */
  readonly heard: string[] = [];
  hello: HelloInit = {};
  monotonicUs = 5_000_000n;
  cable = new Cable();
  #attached: Promise<void> = Promise.resolve();
  #reports: { sequence: bigint; event: Event }[] = [];
  #told = 0n;
  #life = 0n;
  #epoch = 1n;
  readonly #terminal: LiveTerminal;

  constructor(terminal: LiveTerminal) {
    this.#terminal = terminal;
  }

  get commands(): Command[] {
    return this.taken.filter(({ action }) => !["symbols", "subscribe", "snapshot"].includes(action.case ?? ""));
  }

  get last(): Command {
    const last = this.commands.at(-1);
    if (last === undefined) throw new Error("nothing was asked");
    return last;
  }

  /** Dials in, and sends again what was not acknowledged. */
  async dial(more: HelloInit = {}): Promise<void> {
    this.cable = new Cable();
    const { hello } = this;
    const introduction = create(HelloSchema, {
      ...{ protocolMin: 1, protocolMax: 1, software: "scripted 1", account, reportsEpoch: this.#epoch },
      ...{
        bridgeEpoch: this.#life,
        lastSeen: BigInt(this.taken.length),
        oldestReport: this.#reports[0]?.sequence ?? 1n,
      },
      trade: { connected: true, algoAllowed: true, accountAllowed: true, expertAllowed: true },
      ...hello,
      ...more,
    }) as Hello;
    this.#attached = this.#terminal.attach(this.cable, this.cable.frames(), introduction, new AbortController().signal);
    await this.listen();
    await this.listen();
  }

  /** Reads what has come, does what its habit is, until nothing more comes. */
  async listen(): Promise<void> {
    for (let idle = 0; idle < 3; idle++) {
      await quiet();
      for (let frame = this.cable.toSide.shift(); frame !== undefined; frame = this.cable.toSide.shift()) {
        idle = 0;
        this.#hear(frame);
      }
    }
  }

  #hear(frame: ConnectResponse["frame"]): void {
    switch (frame.case) {
      case "welcome":
        if (frame.value.bridgeEpoch !== this.#life) this.taken.length = 0;
        this.#life = frame.value.bridgeEpoch;
        for (const report of this.#reports) if (report.sequence > frame.value.lastSeen) this.#send(report);
        break;
      case "command": {
        const number = Number(frame.value.sequence);
        if (number > this.taken.length + 1) throw new Error(`command ${number} behind ${this.taken.length}`);
        if (number === this.taken.length + 1) {
          this.taken.push(frame.value);
          this.habit(frame.value, this);
        }
        break;
      }
      case "refusal":
        this.heard.push(`refusal ${frame.value.reason}: ${frame.value.message}`);
        break;
      case "ack":
        this.heard.push(`ack ${frame.value.sequence}`);
        break;
      case "ping":
        this.heard.push("ping");
        break;
    }
  }

  acknowledge(sequence = this.taken.length): void {
    this.sends({ frame: { case: "ack", value: { sequence: BigInt(sequence) } } });
  }

  /** Numbers a report, keeps it and sends it. */
  tells(event: Event): bigint {
    const sequence = ++this.#told;
    const report = { sequence, event };
    this.#reports.push(report);
    this.#send(report);
    return sequence;
  }

  /** The next report is numbered behind that. */
  skip(sequence: bigint): void {
    this.#told = sequence;
  }

  answers(id: string, result: Result): void {
    this.tells({ case: "result", value: { id, status: CommandStatus.ANSWERED, ...result } });
  }

  #send({ sequence, event }: { sequence: bigint; event: Event }): void {
    this.sends({ frame: { case: "report", value: { sequence, event } } });
  }

  sends(request: MessageInitShape<typeof ConnectRequestSchema>): void {
    this.sendsBytes(toBinary(ConnectRequestSchema, create(ConnectRequestSchema, request) as ConnectRequest));
  }

  sendsBytes(bytes: Uint8Array): void {
    if (!this.cable.isCut) this.cable.push(bytes);
  }

  /** The cable is cut; resolves when the bridge has noticed. */
  async cut(): Promise<void> {
    this.cable.close();
    await this.#attached;
  }

  /** The process ends, and another one begins with the same inbox: its reports are forgotten. */
  async restart(): Promise<void> {
    await this.cut();
    this.#reports = [];
    this.#told = 0n;
    this.#epoch++;
  }

  /** The inbox is lost. */
  async forgets(): Promise<void> {
    await this.restart();
    this.#life = 0n;
    this.taken.length = 0;
  }

  /** Reports up to there are forgotten; told with the next connection. */
  gap(through: bigint, what: { ticks?: boolean; trades?: boolean; results?: boolean }): void {
    this.#reports = [
      { sequence: through, event: { case: "gap", value: { from: 1n, through, ...what } } },
      ...this.#reports.filter(({ sequence }) => sequence > through),
    ];
  }
}

export interface Live {
  readonly terminal: LiveTerminal;
  readonly side: Side;
  readonly clock: TestClock;
  readonly notes: Notes;
  readonly remembered: Known[];
  /** What was told so far, since the last look. */
  heard(): TerminalReport[];
  /** What was told since the last look. */
  told(): Promise<TerminalReport[]>;
  /** Of them, of that type. */
  toldOf<T extends TerminalReport["type"]>(type: T): Promise<Extract<TerminalReport, { type: T }>[]>;
}

export function live(parts: Partial<ConversationParts> = {}): Live {
  const clock = new TestClock(noon);
  const notes = new Notes();
  const remembered: Known[] = [];
  let life = 100n;
  const terminal = new LiveTerminal({
    alias: "demo" as AccountAlias,
    login: account.fingerprint.login,
    server: account.fingerprint.server,
    life,
    nextLife: async () => ++life,
    advice: () => "dial the bridge",
    remember: (known) => void remembered.push(known),
    names: { prefix: "", suffix: "", table: new Map() },
    streamed: [],
    software: "bridge 1",
    limits: { maxVolume: 0, maxOrdersPerMinute: 0, allowedSymbols: [] },
    clock,
    stopwatch: () => clock.now(),
    within: 5000,
    observer: notes,
    ...parts,
  });
  const queue: TerminalReport[] = [];
  void (async () => {
    for await (const report of terminal.reports(new AbortController().signal)) queue.push(report);
  })();
  const heard = () => queue.splice(0);
  const told = () => quiet().then(heard);
  return {
    ...{ terminal, clock, notes, remembered, side: new Side(terminal), heard, told },
    async toldOf(type) {
      return (await told()).filter((report) => report.type === type) as never;
    },
  };
}

/** A live terminal whose link is up. */
export async function linked(parts: Partial<ConversationParts> = {}): Promise<Live> {
  const made = live(parts);
  await made.side.dial();
  await made.told();
  return made;
}
