/**
 * The link to one account's terminal: connection after connection, one conversation.
 *
 * Here is what outlasts a connection: the numbers of both sides, what waits for an answer,
 * and where the link stands. What is said over it is its taker's business.
 */
import { create, equals } from "@bufbuild/protobuf";
import {
  type Clocks,
  CommandStatus,
  type Fingerprint,
  FingerprintSchema,
  type Hello,
  LogInSchema,
  RefusalReason,
  type Report,
  type TerminalLimits,
  WelcomeSchema,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { BridgeError } from "../../core/errors.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { LinkCarrier } from "../../core/ports/link.ts";
import type { Observer } from "../../core/ports/observer.ts";
import { type Action, type Answered, type Asking, Commands } from "./commands.ts";
import { Connection, type Terminal } from "./connection.ts";
import { FarClock } from "./far-clock.ts";
import { LinkStanding } from "./link-standing.ts";
import { type Arrival, Intake } from "./numbered.ts";

/** So long (ms) a terminal may take to say what it is and to send again what was missed. */
const greetWithin = 120_000;
/** Commands that nobody has answered, and those that wait to be taken. */
const mostCommands = 1024;
const room = { count: 1024, bytes: 4 * 1024 * 1024 };

export type Ask = (action: Action, part?: Asking["part"]) => Promise<Answered>;

/** Who is told what comes over the link. */
export interface Taker {
  /** Who the terminal is; `fresh`: its side was started anew. Resolves when its account and symbols are known. */
  introduce(hello: Hello, fresh: boolean, ask: Ask): Promise<void>;
  /** Resolves when all that was missed has come. */
  catchUp(fresh: boolean, ask: Ask): Promise<void>;
  /** In its order, and each once. */
  report(event: Report["event"]): void;
  clocks(clocks: Clocks): void;
  tended(): void;
  /** Whether orders can be sent now, and if not why. */
  stands(up: boolean, why: string): void;
}

export interface LinkParts {
  /** Whose terminal it is. */
  readonly login: bigint;
  readonly server: string;
  /** What to do about a terminal that has not dialed in. */
  readonly advice: () => string;
  /** The life of the bridge: greater than that of every bridge before it that has served this account. */
  readonly life: bigint;
  /** One that is greater still, durably. */
  readonly nextLife: () => Promise<bigint>;
  /** The bridge's own name and version. */
  readonly software: string;
  /** What the terminal's side may do at most. */
  readonly limits: Pick<TerminalLimits, "maxVolume" | "maxOrdersPerMinute" | "allowedSymbols">;
  readonly clock: Clock;
  /** Milliseconds, never set back. */
  readonly stopwatch: () => number;
  /** A command that would begin later than in so many ms is not carried out. */
  readonly within: number;
  readonly observer: Observer;
}

export class Link implements Terminal {
  readonly far = new FarClock();
  readonly commands: Commands;
  readonly standing: LinkStanding;
  intake = new Intake();
  /** Connections that were welcomed, and reports that were taken. */
  readonly counts = { welcomed: 0, reports: 0 };
  readonly #parts: LinkParts;
  readonly #taker: Taker;
  #connection: Connection | undefined;
  #reportsEpoch = 0n;
  #account: Fingerprint | undefined;

  constructor(parts: LinkParts, taker: Taker) {
    this.#parts = parts;
    this.#taker = taker;
    const { clock, stopwatch } = parts;
    this.commands = new Commands({ clock, stopwatch, most: mostCommands, room }, parts.life);
    const why = `no terminal has dialed in for ${this.#whose} yet: ${parts.advice()}`;
    this.standing = new LinkStanding(why, (up, because) => taker.stands(up, because));
  }

  /** Serves one connection, from behind its hello to its end. Never throws. */
  async attach(
    carrier: LinkCarrier,
    frames: AsyncIterator<Uint8Array>,
    hello: Hello,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, stopwatch, observer } = this.#parts;
    const connection = new Connection({ carrier, clock, stopwatch, far: this.far });
    let greeting: Promise<void> = Promise.resolve();
    try {
      if (this.#turnedAway(connection, hello)) return;
      const fresh = hello.reportsEpoch !== this.#reportsEpoch || this.counts.welcomed === 0;
      this.#connection = connection;
      this.standing.dialed(`${hello.software.slice(0, 64)} at ${carrier.peer}`);
      await this.#welcome(connection, hello, fresh);
      greeting = this.#greet(connection, hello, fresh);
      await connection.serve(frames, this, signal);
    } catch (error) {
      observer.note("error", "live terminal", "the link has failed", { account: this.#whose, error });
      connection.end("the link has failed");
    } finally {
      carrier.close();
      if (this.#connection === connection) this.#lose(connection);
      await greeting;
    }
  }

  /** Asks for something while the link is up. */
  ask(action: Action, asking: Omit<Asking, "within">): Promise<Answered> {
    const { up, why } = this.standing.now;
    if (!up) return Promise.reject(new BridgeError("terminal_offline", `${why}; nothing was sent`));
    return this.#ask(action, asking);
  }

  /** Has the terminal log in; also while it is not connected to the broker. */
  logIn(): Promise<Answered> {
    const { state, now } = this.standing;
    if (state !== "up") return Promise.reject(new BridgeError("terminal_offline", now.why));
    return this.#ask({ case: "logIn", value: create(LogInSchema) }, { isTrade: false });
  }

  report({ sequence, event }: Report): Arrival {
    const through = Number(sequence);
    const isGap = event.case === "gap";
    if (isGap && event.value.through !== sequence) return "left_out";
    if (!Number.isSafeInteger(through)) return "left_out";
    const from = isGap ? Number(event.value.from) : through;
    const arrival = this.intake.skip({ from, through });
    if (arrival !== "next" || this.standing.state === "estranged") return arrival;
    this.counts.reports++;
    this.#take(event);
    return arrival;
  }

  acknowledged(sequence: number): boolean {
    return this.commands.acknowledge(sequence);
  }

  clocks(clocks: Clocks): void {
    this.#taker.clocks(clocks);
  }

  tended(): void {
    if (this.standing.state === "up") this.commands.giveUp();
    this.#taker.tended();
  }

  #take(event: Report["event"]): void {
    switch (event.case) {
      case "result":
        if (event.value.status === CommandStatus.EXPIRED) this.commands.expired++;
        this.commands.answer(event.value);
        return;
      case "trade":
        this.standing.trade = event.value;
        this.standing.say();
        return;
      case "accountChanged": {
        const { login, server } = event.value;
        const other = `another account, ${login} at ${server}, was logged in at the terminal`;
        this.standing.estranged(`${other}: nothing is traded until ${this.#whose} is`);
        return;
      }
      case "gap":
        if (event.value.results)
          this.commands.forgotten(this.commands.taken, "the terminal's side has lost the answer");
        this.#taker.report(event);
        return;
      default:
        this.#taker.report(event);
    }
  }

  /** Whether this terminal cannot be served. */
  #turnedAway(connection: Connection, { account, bridgeEpoch }: Hello): boolean {
    const fingerprint = account?.fingerprint;
    if (this.standing.state !== "down") {
      connection.refuse(RefusalReason.TAKEN, "Another terminal serves this account: stop one of the two.", 2000);
    } else if (fingerprint === undefined || !this.#isOurs(fingerprint)) {
      const message = `This is not ${this.#whose} as the bridge knows it: log in to that account in the terminal.`;
      connection.refuse(RefusalReason.ACCOUNT, message, 60_000);
      this.standing.strayed(message);
    } else if (bridgeEpoch > this.commands.life) {
      const message = "A newer bridge has served this terminal: only that one, or a bridge that is started now, may.";
      connection.refuse(RefusalReason.SUPERSEDED, message, 60_000);
    }
    return connection.isOver;
  }

  #isOurs(fingerprint: Fingerprint): boolean {
    if (this.#account !== undefined) return equals(FingerprintSchema, this.#account, fingerprint);
    return fingerprint.login === this.#parts.login && fingerprint.server === this.#parts.server;
  }

  get #whose(): string {
    return `account ${this.#parts.login} at ${this.#parts.server}`;
  }

  /** The account as it must be; for one that is known from an earlier run. */
  expect(account: Fingerprint): void {
    this.#account = account;
  }

  async #welcome(connection: Connection, hello: Hello, fresh: boolean): Promise<void> {
    const { clock, software, limits, nextLife } = this.#parts;
    const taken = Number(hello.lastSeen);
    const { commands } = this;
    if (!commands.goesOn(hello.bridgeEpoch, taken)) {
      commands.begin(await nextLife(), "the terminal's side has lost its record of what it was asked to do");
    }
    this.#account = hello.account?.fingerprint;
    this.standing.trade = hello.trade;
    if (fresh) {
      this.#reportsEpoch = hello.reportsEpoch;
      this.far.forget();
      this.intake = new Intake();
    }
    this.counts.welcomed++;
    const welcome = {
      ...{ protocol: 1, software, bridgeEpoch: commands.life, lastSeen: BigInt(this.intake.taken) },
      ...{ bridgeTimeMs: BigInt(clock.now()), limits },
    };
    connection.send({ case: "welcome", value: create(WelcomeSchema, welcome) });
    for (const frame of commands.after(hello.bridgeEpoch === commands.life ? taken : 0)) connection.sendBytes(frame);
    if (hello.clocks !== undefined) this.#taker.clocks(hello.clocks);
  }

  /** Never throws: what goes wrong ends the connection. */
  async #greet(connection: Connection, hello: Hello, fresh: boolean): Promise<void> {
    const slow = `the terminal's side has not caught up within ${greetWithin / 1000} s`;
    const callOff = this.#parts.clock.after(greetWithin, () => connection.refuse(RefusalReason.PROTOCOL, slow));
    const before = hello.bridgeEpoch === this.commands.life ? Number(hello.lastSeen) : 0;
    const ask: Ask = (action, part) => this.#ask(action, { isTrade: false, ...(part === undefined ? {} : { part }) });
    try {
      await this.#taker.introduce(hello, fresh, ask);
      this.standing.move("greeted");
      await this.#taker.catchUp(fresh, ask);
      if (connection.isOver) return;
      if (fresh) this.commands.forgotten(before, "the terminal's side was started anew and does not know the answer");
      this.standing.move("caught_up");
    } catch (error) {
      if (connection.isOver || this.#connection !== connection) return;
      const why = error instanceof Error ? error.message : String(error);
      connection.refuse(RefusalReason.PROTOCOL, `the terminal's side could not be taken up: ${why}`);
    } finally {
      callOff();
    }
  }

  #ask(action: Action, asking: Omit<Asking, "within">): Promise<Answered> {
    const account = this.#account as Fingerprint;
    const { within } = this.#parts;
    return this.commands.give(action, account, { ...asking, within }, (frame) => this.#connection?.sendBytes(frame));
  }

  #lose(connection: Connection): void {
    this.#connection = undefined;
    this.standing.lost(`the link to the terminal is down: ${connection.why}`);
    this.commands.cut(this.standing.why);
  }
}
