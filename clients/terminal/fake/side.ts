/**
 * The terminal's side of the link, around any terminal.
 *
 * Pure: clock, disk, carrier and chance come from outside.
 *
 * Always true:
 *   - A command is acknowledged, and carried out, only once it is durable in the inbox; none twice.
 *   - What the terminal reports is numbered in its order, also while no bridge is there.
 *   - What was not carried out is answered with why, and nothing has happened then.
 */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  type Command,
  CommandResultSchema,
  CommandStatus,
  ConnectRequestSchema,
  type ConnectResponse,
  ConnectResponseSchema,
  RefusalReason,
  StampsSchema,
  type TradeStateSchema,
  type Welcome,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { BrokerTime, Instant } from "../../../src/core/model/ids.ts";
import type { Clock } from "../../../src/core/ports/clock.ts";
import type { LinkCarrier } from "../../../src/core/ports/link.ts";
import type { Observer } from "../../../src/core/ports/observer.ts";
import type { TerminalPort, TerminalReport } from "../../../src/core/ports/terminal.ts";
import { Intake, type Room } from "../../../src/terminals/live/numbered.ts";
import { type Absence, DeadMan } from "./dead-man.ts";
import { Execution, type Part, part } from "./execution.ts";
import { Guard, type Limits, type Refused } from "./guard.ts";
import type { Inbox } from "./inbox.ts";
import type { Manner } from "./manners.ts";
import { TickMemory } from "./memory.ts";
import type { OddNumbers } from "./odd-numbers.ts";
import { Reports } from "./reports.ts";
import { Writing } from "./written.ts";

export interface SideParts {
  readonly terminal: TerminalPort;
  /** Whether the terminal is connected to its broker now; it reports what becomes of that. */
  readonly connected: boolean;
  readonly inbox: Inbox;
  readonly clock: Clock;
  /** The monotonic clock, in µs. */
  micros(): bigint;
  readonly observer: Observer;
  readonly software: string;
  readonly token: string;
  /** The life of the reports' numbering: higher than that of any life before. */
  readonly reportsEpoch: bigint;
  readonly room: Room;
  readonly limits: Limits;
  readonly absence: Absence;
  readonly patienceMs: number;
  /** Told in the place of the numbers that are. */
  readonly odd?: OddNumbers;
  readonly brokerClock: { of(utc: Instant): number; utc(broker: BrokerTime): Instant };
  manner?(place: number): Manner | undefined;
}

/** How a connection ended, and how long to stay away (ms); undefined: the usual pause. */
export interface Farewell {
  readonly why: string;
  readonly pause: number | undefined;
  /** It was welcomed. */
  readonly served: boolean;
}

const PROTOCOL = 1;
const COMPONENT = "terminal side";
const SILENCE = 10_000;
/** Reasons that no retry mends: come back after this at the earliest. */
const LONG_PAUSE = 60_000;
const ackAfter = { ms: 200, count: 64 } as const;
const mostOfAFrame = 64 * 1024;

const hopeless: ReadonlySet<RefusalReason> = new Set([
  RefusalReason.VERSION,
  RefusalReason.UNAUTHENTICATED,
  RefusalReason.ACCOUNT,
  RefusalReason.SUPERSEDED,
]);

/** Ends a connection: why. */
class Ended extends Error {
  readonly pause: number | undefined;

  constructor(why: string, pause?: number) {
    super(why);
    this.pause = pause;
  }
}

type Frame = Exclude<MessageInitShape<typeof ConnectRequestSchema>["frame"], undefined>;

export class TerminalSide {
  readonly #parts: SideParts;
  readonly #writing: Writing;
  readonly #memory = new TickMemory();
  readonly #execution: Execution;
  readonly #guard: Guard;
  readonly #reports: Reports;
  readonly #deadMan: DeadMan;
  #trade: MessageInitShape<typeof TradeStateSchema>;
  #lastTick = 0n;

  constructor(parts: SideParts) {
    const { terminal, brokerClock, inbox } = parts;
    this.#parts = parts;
    this.#trade = tradeState(parts.connected);
    this.#writing = new Writing(terminal.account, terminal.symbols, brokerClock.of, parts.odd);
    this.#execution = new Execution({
      ...{ terminal, writing: this.#writing, memory: this.#memory, clock: parts.clock, micros: parts.micros },
      ...{ utc: brokerClock.utc, patienceMs: parts.patienceMs, manner: (place) => parts.manner?.(place) },
    });
    const { fingerprint } = this.#writing.account();
    if (fingerprint === undefined) throw new Error("an account has a fingerprint");
    this.#guard = new Guard(fingerprint, parts.limits);
    this.#reports = new Reports(parts.room, (id) => inbox.told(id));
    this.#deadMan = new DeadMan(terminal, parts.absence, parts.clock, parts.observer);
    for (const { id, result, interrupted } of inbox.untold()) {
      if (result !== undefined) this.#tell(fromBinary(CommandResultSchema, result));
      else if (interrupted) this.#tell(part({ id, status: CommandStatus.INTERRUPTED, message: diedOverIt }));
    }
  }

  /** Follows the terminal until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    this.#deadMan.watch(signal);
    for await (const report of this.#parts.terminal.reports(signal)) {
      this.#follow(report);
      if (report.type === "ticks" && report.patient) await this.#reports.caughtUp(signal);
    }
  }

  /** One connection, from hello to its end. Never throws. */
  async serve(carrier: LinkCarrier, signal: AbortSignal): Promise<Farewell> {
    const life = new AbortController();
    const end = () => life.abort();
    signal.addEventListener("abort", end, { once: true });
    const connection = new Connection(this.#parts, carrier, life);
    let served = false;
    try {
      connection.send({ case: "hello", value: this.#hello() });
      for await (const bytes of carrier.frames(life.signal)) {
        const message = read(bytes);
        connection.heard();
        if (!served) {
          this.#welcomed(firstOf(message), connection);
          served = true;
        } else this.#take(message, connection);
        if (served) this.#deadMan.heard();
      }
      const why = carrier.fault ?? connection.why ?? (signal.aborted ? "the program ends" : "the bridge has gone");
      return { why, pause: undefined, served };
    } catch (error) {
      if (!(error instanceof Ended)) throw error;
      return { why: error.message, pause: error.pause, served };
    } finally {
      signal.removeEventListener("abort", end);
      connection.close();
      this.#reports.disconnect();
    }
  }

  #hello() {
    const { inbox, software, token, reportsEpoch } = this.#parts;
    return {
      ...{ protocolMin: PROTOCOL, protocolMax: PROTOCOL, software, terminalBuild: 0, token },
      ...{ account: this.#writing.account(), reportsEpoch, oldestReport: this.#reports.oldest },
      ...{ bridgeEpoch: inbox.bridgeEpoch, lastSeen: BigInt(inbox.lastSeen) },
      ...{ clocks: this.#clocks(), trade: this.#trade },
    };
  }

  #clocks() {
    const { clock, micros, brokerClock } = this.#parts;
    const utc = clock.now();
    const serverMs = BigInt(brokerClock.of(utc));
    return { monotonicUs: micros(), serverMs, serverLastMs: this.#lastTick, utcMs: BigInt(utc) };
  }

  #welcomed(welcome: Welcome, connection: Connection): void {
    const { inbox, observer } = this.#parts;
    const { protocol, software, bridgeEpoch, lastSeen, bridgeTimeMs, limits } = welcome;
    if (protocol !== PROTOCOL) throw new Ended(`the bridge speaks version ${protocol} of the protocol`);
    if (bridgeEpoch < inbox.bridgeEpoch) {
      throw new Ended(`the bridge is of life ${bridgeEpoch}, and one of life ${inbox.bridgeEpoch} was served before`);
    }
    inbox.serve(bridgeEpoch);
    connection.begin(inbox.lastSeen);
    this.#guard.begin(limits);
    this.#guard.see(Number(bridgeTimeMs), this.#nowMs());
    if (!this.#reports.connect(Number(lastSeen), (frame) => connection.forward(frame))) {
      throw new Ended(`the bridge says it has report ${lastSeen}, which was never given`);
    }
    observer.note("info", COMPONENT, `linked to ${software.slice(0, 64)}`, { life: String(bridgeEpoch) });
  }

  #take({ frame }: ConnectResponse, connection: Connection): void {
    switch (frame.case) {
      case "command":
        this.#command(frame.value, connection);
        break;
      case "ack":
        if (!this.#reports.acknowledge(Number(frame.value.sequence))) {
          throw new Ended(`report ${frame.value.sequence} was acknowledged and never given`);
        }
        break;
      case "ping": {
        const { id, bridgeTimeUs } = frame.value;
        this.#guard.see(Number(bridgeTimeUs) / 1000, this.#nowMs());
        connection.send({ case: "pong", value: { id, clocks: this.#clocks(), sentUs: this.#parts.micros() } });
        break;
      }
      case "refusal":
        throw refusedBy(frame.value);
      case "welcome":
        throw new Ended("a second welcome");
    }
  }

  #command(command: Command, connection: Connection): void {
    const received = this.#parts.micros();
    const { inbox } = this.#parts;
    const sequence = Number(command.sequence);
    switch (connection.intake.take(sequence)) {
      case "left_out":
        throw new Ended(`command ${sequence} came after ${connection.intake.taken}`);
      case "repeated":
        connection.acknowledge();
        return;
      case "next": {
        const known = inbox.find(command.id);
        const refused = known === undefined ? this.#guard.refuses(command, this.#nowMs()) : undefined;
        inbox.take(sequence, command.id).then(
          () => {
            connection.taken(sequence);
            if (known === undefined) void this.#carryOut(command, refused, received);
            else if (known.result !== undefined) this.#tell(fromBinary(CommandResultSchema, known.result));
            else if (known.interrupted)
              this.#end(command.id, part({ status: CommandStatus.INTERRUPTED, message: diedOverIt }));
          },
          (error: unknown) => {
            const { observer } = this.#parts;
            observer.note("error", COMPONENT, "the inbox cannot be written: the command is not taken", { error });
            connection.end("the inbox cannot be written");
          },
        );
      }
    }
  }

  async #carryOut(command: Command, refused: Refused | undefined, received: bigint): Promise<void> {
    const { id } = command;
    const { observer, clock } = this.#parts;
    const not = refused ?? (command.action.case === "logIn" ? this.#logIn(command) : undefined);
    const late = not ?? this.#guard.expired(command, this.#nowMs());
    if (late !== undefined) {
      observer.note("info", COMPONENT, "not carried out", { id, why: late.message });
      this.#end(id, part({ ...late, stamps: { receivedUs: received } }));
      return;
    }
    const parts = await this.#execution.carryOut(command, received, () => this.#reports.last);
    await clock.sleep(0); // what the terminal has reported of it goes before its result
    if (command.action.case === "subscribe") this.#replay(command.action.value);
    for (const each of parts) {
      each.stamps ??= create(StampsSchema, { receivedUs: received });
      each.id = id;
      if (each.more) this.#tell(each);
      else this.#end(id, each);
    }
  }

  /** There is one account here, and it is logged in. */
  #logIn({ account }: Command): Refused | undefined {
    const own = this.#writing.account().fingerprint;
    if (account?.login === own?.login && account?.server === own?.server) return undefined;
    const message = `there is no password for ${account?.login}@${account?.server} here`;
    return { status: CommandStatus.NOT_SENT, message };
  }

  #end(id: string, result: Part): void {
    result.id = id;
    const fact = { ...result, answer: { case: undefined } } as const; // an answer is asked for again
    this.#parts.inbox.did(id, toBinary(CommandResultSchema, fact));
    this.#tell(result);
  }

  #tell(result: Part): void {
    result.stamps ??= create(StampsSchema);
    result.stamps.reportedUs = this.#parts.micros();
    this.#reports.add({ case: "result", value: result });
  }

  /** Ticks from the moment on that the bridge has asked for, before those that come. */
  #replay({ symbols, afterMs }: { readonly symbols: readonly string[]; readonly afterMs: readonly bigint[] }): void {
    for (const [i, after] of afterMs.entries()) {
      if (after === 0n) continue;
      const most = 10_000;
      for (let from = Number(after) + 1; ; ) {
        const ticks = this.#memory.ticks(symbols[i] as string, from, Number.POSITIVE_INFINITY, most);
        if (ticks === undefined) break;
        this.#reports.add({ case: "ticks", value: ticks });
        from = Number(ticks.timeMs.reduce((sum, delta) => sum + delta, 0n)) + 1;
      }
    }
  }

  #follow(report: TerminalReport): void {
    this.#execution.follow(report);
    const writing = this.#writing;
    switch (report.type) {
      case "ticks": {
        const ticks = writing.ticks(report.ticks, every);
        if (ticks === undefined) return;
        this.#memory.note(ticks);
        this.#lastTick = ticks.timeMs.reduce((sum, delta) => sum + delta, 0n);
        const wanted = writing.ticks(report.ticks, this.#execution.wanted);
        if (wanted !== undefined) this.#reports.add({ case: "ticks", value: wanted });
        return;
      }
      case "order":
        this.#reports.add({ case: "order", value: writing.order(report.order) });
        return;
      case "deal":
        this.#reports.add({ case: "deal", value: writing.deal(report.deal) });
        return;
      case "position":
        this.#reports.add({ case: "position", value: writing.position(report.position) });
        return;
      case "position_closed":
        this.#reports.add({ case: "positionClosed", value: writing.closed(report.position) });
        return;
      case "valuation": {
        const state = writing.state(report.valuation, (position) => this.#execution.symbolOf(position));
        this.#reports.add({ case: "accountState", value: state });
        return;
      }
      case "link":
        this.#trade = tradeState(report.up);
        this.#reports.add({ case: "trade", value: this.#trade });
        return;
      case "market":
        return; // terminals do not tell it: the bridge knows it from the sessions
    }
  }

  #nowMs(): number {
    return Number(this.#parts.micros()) / 1000;
  }
}

/** What one connection knows: who talks, what it has taken, and when something was heard last. */
class Connection {
  /** Which commands were taken, durable or not. */
  #intake = new Intake();
  why: string | undefined;
  readonly #parts: SideParts;
  readonly #carrier: LinkCarrier;
  readonly #life: AbortController;
  /** The last command that is durable, and the last that was acknowledged. */
  #durable = 0;
  #told = 0;
  #callOffSilence: () => void = () => undefined;
  #callOffAck: (() => void) | undefined;

  constructor(parts: SideParts, carrier: LinkCarrier, life: AbortController) {
    this.#parts = parts;
    this.#carrier = carrier;
    this.#life = life;
    this.heard();
  }

  get intake(): Intake {
    return this.#intake;
  }

  /** Commands up to here are in the inbox. */
  begin(lastSeen: number): void {
    this.#intake = new Intake(lastSeen);
    this.#durable = lastSeen;
  }

  send(frame: Frame): void {
    this.forward(toBinary(ConnectRequestSchema, create(ConnectRequestSchema, { frame })));
  }

  forward(frame: Uint8Array): void {
    if (this.#life.signal.aborted) return;
    if (!this.#carrier.send(frame)) this.end("too much waits for the bridge");
  }

  heard(): void {
    this.#callOffSilence();
    this.#callOffSilence = this.#parts.clock.after(SILENCE, () =>
      this.end(`nothing was heard for ${SILENCE / 1000} s`),
    );
  }

  taken(sequence: number): void {
    this.#durable = sequence;
    if (sequence - this.#told >= ackAfter.count) this.#ack();
    else this.#callOffAck ??= this.#parts.clock.after(ackAfter.ms, () => this.#ack());
  }

  /** Once more: the bridge has not heard of it. */
  acknowledge(): void {
    this.#callOffAck ??= this.#parts.clock.after(ackAfter.ms, () => this.#ack());
  }

  end(why: string): void {
    this.why ??= why;
    this.#life.abort();
  }

  close(): void {
    this.#life.abort();
    this.#callOffSilence();
    this.#callOffAck?.();
    this.#carrier.close();
  }

  #ack(): void {
    this.#callOffAck?.();
    this.#callOffAck = undefined;
    this.#told = this.#durable;
    if (this.#told > 0) this.send({ case: "ack", value: { sequence: BigInt(this.#told) } });
  }
}

const diedOverIt = "this program ended while it was under way";

const every = { has: () => true };

const tradeState = (connected: boolean) => ({
  ...{ connected, algoAllowed: true, accountAllowed: true, expertAllowed: true },
});

function read(bytes: Uint8Array): ConnectResponse {
  if (bytes.length > mostOfAFrame) throw new Ended(`a frame of ${bytes.length} bytes is too large`);
  try {
    return fromBinary(ConnectResponseSchema, bytes);
  } catch {
    throw new Ended("a frame cannot be read");
  }
}

function firstOf({ frame }: ConnectResponse): Welcome {
  if (frame.case === "welcome") return frame.value;
  if (frame.case === "refusal") throw refusedBy(frame.value);
  throw new Ended(`the first frame is ${frame.case ?? "none that is known"}, neither welcome nor refusal`);
}

function refusedBy({
  reason,
  message,
  retryAfterMs,
}: {
  reason: RefusalReason;
  message: string;
  retryAfterMs: number;
}) {
  const least = hopeless.has(reason) ? LONG_PAUSE : 0;
  const pause = Math.max(least, retryAfterMs) || undefined;
  return new Ended(
    `refused by the bridge (${Object.entries(RefusalReason).find(([, number]) => number === reason)?.[0] ?? reason}): ${message}`,
    pause,
  );
}
