/**
 * One connection of a terminal, once it is taken: frames in and out, signs of life, acknowledgements.
 *
 * It knows what may come and when, not what it means. A frame that breaks the protocol ends
 * it, as does silence; why it has ended is told to both sides.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type Clocks,
  ConnectRequestSchema,
  type ConnectResponse,
  ConnectResponseSchema,
  type Pong,
  RefusalReason,
  type Report,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { LinkCarrier } from "../../core/ports/link.ts";
import type { FarClock } from "./far-clock.ts";
import type { Arrival, Intake } from "./numbered.ts";

/** Milliseconds. */
const pingEvery = 2000;
const silentAfter = 10_000;
const acknowledgeWithin = 500;
/** Reports that are acknowledged together at the latest. */
const acknowledgeAt = 1024;
/** Pings that have not come back; older ones are forgotten. */
const mostPings = 8;

type Frame = Exclude<ConnectResponse["frame"], { case: undefined }>;

/** What a connection is about. */
export interface Terminal {
  readonly intake: Intake;
  /** A report, in its order. Says whether it was its turn. */
  report(report: Report): Arrival;
  /** False: the terminal cannot have taken that. */
  acknowledged(sequence: number): boolean;
  clocks(clocks: Clocks): void;
  /** Every two seconds, for what has to be looked after. */
  tended(): void;
}

export interface ConnectionParts {
  readonly carrier: LinkCarrier;
  readonly clock: Clock;
  /** Milliseconds. */
  readonly stopwatch: () => number;
  readonly far: FarClock;
}

export class Connection {
  readonly #parts: ConnectionParts;
  readonly #pings = new Map<bigint, number>();
  #ping = 0n;
  #heard: number;
  #tell: (() => void) | undefined;
  /** Why it has ended, or is to end; undefined while it is to go on. */
  #why: string | undefined;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#heard = parts.stopwatch();
  }

  get why(): string {
    return this.#why ?? this.#parts.carrier.fault ?? "the terminal has hung up";
  }

  get isOver(): boolean {
    return this.#why !== undefined;
  }

  send(frame: Frame): void {
    this.sendBytes(toBinary(ConnectResponseSchema, create(ConnectResponseSchema, { frame })));
  }

  /** What cannot be sent is not lost: the connection ends, and the next one sends it again. */
  sendBytes(bytes: Uint8Array): void {
    if (this.#why !== undefined || this.#parts.carrier.send(bytes)) return;
    this.end("too much waits for the terminal, which does not read");
  }

  /** Says why, and ends. */
  refuse(reason: RefusalReason, message: string, retryAfterMs = 0): void {
    if (this.#why !== undefined) return;
    const refusal = { $typeName: "mt5bridge.terminal.v1.Refusal", reason, message, retryAfterMs } as const;
    this.send({ case: "refusal", value: refusal });
    this.end(message);
  }

  end(why: string): void {
    if (this.#why !== undefined) return;
    this.#why = why;
    this.#parts.carrier.close();
  }

  /** Resolves when the connection has ended. Who aborts `signal` has said why. */
  async serve(frames: AsyncIterator<Uint8Array>, terminal: Terminal, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const stop = () => this.end("the bridge has ended the link");
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const watch = this.#watch(terminal, over.signal);
    try {
      for (let next = await frames.next(); !next.done && this.#why === undefined; next = await frames.next()) {
        this.#heard = this.#parts.stopwatch();
        this.#read(next.value, terminal);
      }
    } finally {
      signal.removeEventListener("abort", stop);
      over.abort();
      this.#tell?.();
      this.end(this.why);
      await watch;
      await frames.return?.();
    }
  }

  #read(bytes: Uint8Array, terminal: Terminal): void {
    const frame = decoded(bytes);
    switch (frame?.case) {
      case "report":
        this.#take(frame.value, terminal);
        break;
      case "ack":
        if (terminal.acknowledged(Number(frame.value.sequence))) break;
        this.#breach(`acknowledges command ${frame.value.sequence}, which was never sent`);
        break;
      case "pong":
        this.#pong(frame.value, terminal);
        break;
      case "hello":
        this.#breach("says hello twice");
        break;
      default:
        if (frame === undefined) this.#breach("sends a frame that cannot be read");
    }
  }

  #take(report: Report, terminal: Terminal): void {
    const { intake } = terminal;
    const before = intake.taken;
    const arrival = terminal.report(report);
    if (arrival === "left_out") this.#breach(`sends report ${report.sequence} behind ${before}`);
    else if (arrival === "repeated" || intake.untold >= acknowledgeAt) this.#acknowledge(intake);
    else this.#tell ??= this.#parts.clock.after(acknowledgeWithin, () => this.#acknowledge(intake));
  }

  #acknowledge(intake: Intake): void {
    this.#tell?.();
    this.#tell = undefined;
    const sequence = BigInt(intake.acknowledge());
    this.send({ case: "ack", value: { $typeName: "mt5bridge.terminal.v1.Ack", sequence } });
  }

  #pong({ id, clocks, sentUs }: Pong, terminal: Terminal): void {
    const sent = this.#pings.get(id);
    if (sent === undefined || clocks === undefined) return;
    this.#pings.delete(id);
    this.#parts.far.pinged(sent, Number(clocks.monotonicUs), Number(sentUs), this.#parts.stopwatch());
    terminal.clocks(clocks);
  }

  async #watch(terminal: Terminal, signal: AbortSignal): Promise<void> {
    const { clock, stopwatch } = this.#parts;
    let pinged = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      const now = stopwatch();
      if (now - this.#heard >= silentAfter) {
        return this.refuse(RefusalReason.SILENT, `nothing was heard of the terminal for ${silentAfter / 1000} s`);
      }
      if (now - pinged >= pingEvery) {
        pinged = now;
        this.#sendPing();
        terminal.tended();
      }
      await clock.sleep(Math.max(1, Math.min(pinged + pingEvery, this.#heard + silentAfter) - now), signal);
    }
  }

  #sendPing(): void {
    const id = ++this.#ping;
    this.#pings.set(id, this.#parts.stopwatch());
    this.#pings.delete(id - BigInt(mostPings));
    const bridgeTimeUs = BigInt(this.#parts.clock.now() * 1000);
    this.send({ case: "ping", value: { $typeName: "mt5bridge.terminal.v1.Ping", id, bridgeTimeUs } });
  }

  #breach(what: string): void {
    this.refuse(RefusalReason.PROTOCOL, `the terminal's side ${what}`);
  }
}

function decoded(bytes: Uint8Array) {
  try {
    return fromBinary(ConnectRequestSchema, bytes).frame;
  } catch {
    return undefined;
  }
}
