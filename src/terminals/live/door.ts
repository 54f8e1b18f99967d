/**
 * Where terminals come in: who may, for which account, and what the others are told.
 *
 * Always true:
 *   - Until it has said a good hello, a connection costs little and lasts 10 s at most.
 *   - An account is served by one terminal at a time, from before its hello is answered until its connection has ended.
 *   - Who is not let in is told why, in a sentence that says what to do; the bridge's own log says it too.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ConnectRequestSchema,
  ConnectResponseSchema,
  type Hello,
  RefusalReason,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { LinkCarrier } from "../../core/ports/link.ts";
import type { Observer } from "../../core/ports/observer.ts";
import { type Entry, nameOf, type Roster } from "./roster.ts";

/** The only version of the protocol. */
const protocol = 1;
/** How long a terminal may take to say hello, ms. */
const patience = 10_000;
/** Connections that may be without a hello at once. */
const mostStrangers = 100;

/** What a credential is good for. */
export interface Grant {
  readonly name: string;
  mayServe(alias: string): boolean;
  /** Aborts when it is good no longer; the reason is a sentence. */
  readonly ended: AbortSignal;
}

/** Throws an Error whose message says why, fit for whoever sent the credential. Watches it until `over` aborts. */
type Admit = (peer: string, secret: string | undefined, over: AbortSignal) => Promise<Grant>;

/** What serves an account's connections. */
export interface Attachable {
  /** Welcomes the terminal, and resolves when the connection has ended or `signal` has aborted. Never throws. */
  attach(carrier: LinkCarrier, frames: AsyncIterator<Uint8Array>, hello: Hello, signal: AbortSignal): Promise<void>;
}

export type ReasonName = keyof typeof pauses;

export interface DoorOptions {
  readonly roster: Roster;
  readonly admit: Admit;
  /** The terminal of that account, made when it is seen for the first time. Throws why it cannot be served. */
  readonly terminalOf: (account: Entry) => Attachable;
  /** Told of everyone who is not let in, or sent away. */
  readonly refused: (reason: ReasonName, message: string, peer: string) => void;
  readonly clock: Clock;
  readonly observer: Observer;
}

/** How long to stay away, ms: a minute where somebody has to do something first; 0: as usual. */
// biome-ignore format: a table is read by its columns
const pauses = {
  VERSION:         60_000,
  UNAUTHENTICATED: 60_000,
  ACCOUNT:         60_000,
  TAKEN:            2_000,
  STOPPING:         1_000,
  PROTOCOL:             0,
  SILENT:               0,
} as const;

class Refused extends Error {
  readonly reason: ReasonName;
  readonly retryAfterMs: number;

  constructor(reason: ReasonName, message: string, retryAfterMs: number = pauses[reason]) {
    super(message);
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A connection that is in. */
interface Visit {
  /** Sends it away. */
  end(why: Refused): void;
  readonly over: Promise<void>;
}

export class Door {
  readonly #options: DoorOptions;
  readonly #visits = new Map<string, Visit>();
  #strangers = 0;
  #closed = false;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** Serves a connection to its end. Never throws. */
  async accept(carrier: LinkCarrier): Promise<void> {
    const life = new AbortController();
    try {
      const frames = carrier.frames(life.signal)[Symbol.asyncIterator]();
      const { hello, grant } = await this.#introduced(carrier, frames, life);
      await this.#serve(this.#accountOf(hello, grant), { carrier, frames, hello, grant, life });
    } catch (error) {
      if (error instanceof Refused) this.#refuse(carrier, error);
      else if (error !== gone)
        this.#options.observer.note("error", "link", "a link has failed", { peer: carrier.peer, error });
    } finally {
      life.abort();
      carrier.close();
    }
  }

  /** Lets nobody in any more, and sends away who is in. */
  async close(): Promise<void> {
    this.#closed = true;
    const visits = [...this.#visits.values()];
    for (const visit of visits) visit.end(stopping());
    await Promise.all(visits.map(({ over }) => over));
  }

  /** Sends the terminal of that account away, so that it dials again. False when there is none. */
  sendAway(alias: string, why: string): boolean {
    const visit = this.#visits.get(alias);
    visit?.end(new Refused("STOPPING", why, 0));
    return visit !== undefined;
  }

  async #introduced(carrier: LinkCarrier, frames: AsyncIterator<Uint8Array>, life: AbortController) {
    if (this.#strangers >= mostStrangers) {
      throw new Refused("STOPPING", "Too many terminals dial in at once; this one has to wait.", 5_000);
    }
    this.#strangers++;
    try {
      const hello = await this.#helloFrom(carrier, frames, life);
      if (hello.protocolMin > protocol || hello.protocolMax < protocol) {
        const theirs = `${hello.protocolMin} to ${hello.protocolMax}`;
        const message = `The bridge speaks version ${protocol} of the link's protocol, the terminal's side ${theirs}: install the two of one release.`;
        throw new Refused("VERSION", message);
      }
      if (this.#closed) throw stopping();
      return { hello, grant: await this.#admitted(carrier, hello, life.signal) };
    } finally {
      this.#strangers--;
    }
  }

  async #helloFrom(carrier: LinkCarrier, frames: AsyncIterator<Uint8Array>, life: AbortController): Promise<Hello> {
    let late = false;
    const cancel = this.#options.clock.after(patience, () => {
      late = true;
      life.abort();
    });
    const { value: first, done } = await frames.next();
    cancel();
    if (late) throw new Refused("SILENT", `The terminal has not introduced itself within ${patience / 1_000} s.`);
    if (done) throw carrier.fault === undefined ? gone : new Refused("PROTOCOL", `${notUnderstood}: ${carrier.fault}.`);
    const { frame } = readable(first);
    if (frame.case === "hello") return frame.value;
    throw new Refused("PROTOCOL", `${notUnderstood}: the first frame was ${frame.case ?? "empty"}, not hello.`);
  }

  async #admitted({ peer, bearer }: LinkCarrier, { token }: Hello, over: AbortSignal): Promise<Grant> {
    try {
      return await this.#options.admit(peer, token === "" ? bearer : token, over);
    } catch (error) {
      throw new Refused("UNAUTHENTICATED", (error as Error).message);
    }
  }

  /** The account that it may serve. */
  #accountOf(hello: Hello, grant: Grant): Entry {
    const fingerprint = hello.account?.fingerprint;
    if (fingerprint === undefined) throw new Refused("PROTOCOL", `${notUnderstood}: the hello names no account.`);
    const named = nameOf(fingerprint, this.#options.roster);
    if ("refused" in named) throw new Refused("ACCOUNT", named.refused);
    const { login, server } = fingerprint;
    if (grant.mayServe(named.alias)) return { alias: named.alias, login, server };
    const message = `The token of ${grant.name} is not good for the account ${named.alias}: make one with the scope terminal for it.`;
    throw new Refused("UNAUTHENTICATED", message);
  }

  async #serve(account: Entry, visitor: Visitor): Promise<void> {
    const { alias } = account;
    const { carrier, frames, hello, grant, life } = visitor;
    if (this.#closed) throw stopping();
    if (this.#visits.has(alias)) {
      throw new Refused("TAKEN", `Another terminal serves the account ${alias}: stop one of the two.`);
    }
    const over = Promise.withResolvers<void>();
    const end = (why: Refused) => {
      if (life.signal.aborted) return;
      this.#refuse(carrier, why);
      life.abort();
    };
    const expired = () => end(new Refused("UNAUTHENTICATED", String(grant.ended.reason)));
    this.#visits.set(alias, { end, over: over.promise });
    grant.ended.addEventListener("abort", expired);
    try {
      if (grant.ended.aborted) expired();
      else await this.#terminalOf(account).attach(carrier, frames, hello, life.signal);
    } finally {
      grant.ended.removeEventListener("abort", expired);
      this.#visits.delete(alias);
      over.resolve();
    }
  }

  #terminalOf(account: Entry): Attachable {
    try {
      return this.#options.terminalOf(account);
    } catch (error) {
      throw new Refused("ACCOUNT", (error as Error).message);
    }
  }

  #refuse(carrier: LinkCarrier, { reason, message, retryAfterMs }: Refused): void {
    this.#options.refused(reason, message, carrier.peer);
    const value = { reason: RefusalReason[reason], message, retryAfterMs };
    carrier.send(toBinary(ConnectResponseSchema, create(ConnectResponseSchema, { frame: { case: "refusal", value } })));
  }
}

interface Visitor {
  readonly carrier: LinkCarrier;
  readonly frames: AsyncIterator<Uint8Array>;
  readonly hello: Hello;
  readonly grant: Grant;
  readonly life: AbortController;
}

/** The connection has ended before anything was said: there is nobody to be told. */
const gone = Symbol("gone");

const notUnderstood = "The bridge does not understand this peer";

const stopping = () => new Refused("STOPPING", "The bridge is stopping; dial again in a moment.");

function readable(frame: Uint8Array) {
  try {
    return fromBinary(ConnectRequestSchema, frame);
  } catch {
    throw new Refused("PROTOCOL", `${notUnderstood}: the first frame cannot be read.`);
  }
}
