/**
 * WebSocket, for whoever serves HTTP: it takes an upgrade and speaks one of the three profiles over it.
 *
 * Always true:
 *   - Every call goes through the wrapper that all transports share, with the same `Drain`.
 *   - A connection ends: idle, silent and unknown peers are found with every ping, the rest when the bridge goes.
 *   - When the bridge leaves, each connection hears `closing` at once, and is closed with 1012 when nothing is in
 *     flight on it any more; `stop` closes what is left.
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { faultOf } from "../../contract/fault-status.ts";
import { closing } from "../../contract/principal.ts";
import type { Service } from "../../contract/service.ts";
import { BridgeError, faults } from "../../core/errors.ts";
import type { Authenticate } from "../authenticate.ts";
import type { CallOptions } from "../call.ts";
import { partWith, tooMany } from "../connections.ts";
import { httpRefusal } from "../http-refusal.ts";
import { type RefusalKind, shownOrigin } from "../refusals.ts";
import { Caller } from "./caller.ts";
import { Conversation } from "./conversation.ts";
import { jsonDialect, protoDialect } from "./dialect.ts";
import { type Agreed, type AllowsOrigin, agree, chosen, type Profile, type Refused } from "./handshake.ts";
import { closeCodes, usualLimits, type WebsocketLimits } from "./limits.ts";
import { Methods } from "./methods.ts";
import { LimitedSocket, Peer } from "./peer.ts";
import type { Session, SessionContext } from "./session.ts";
import { SimpleSession } from "./simple.ts";

export interface WebsocketOptions {
  readonly services: readonly Service[];
  readonly calls: CallOptions;
  /** What `welcome` says is behind the bridge. */
  readonly mode: string;
  /** Which web pages may connect; who sends no `Origin` is no web page. */
  readonly allowsOrigin: AllowsOrigin;
  readonly limits?: Partial<WebsocketLimits>;
}

interface WebsocketStatus {
  readonly connections: number;
  readonly max_connections: number;
  readonly subscriptions: number;
  readonly calls_in_flight: number;
  /** Connections of each profile. */
  readonly profiles: Readonly<Record<Profile, number>>;
}

export interface WebsocketEndpoint {
  /** Takes an upgrade, or refuses it over HTTP. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  status(): WebsocketStatus;
  /** Tells everyone, ends every connection and resolves when none is left. What is to run to its end has settled. */
  stop(): Promise<void>;
}

interface Connection {
  readonly profile: Profile;
  readonly context: SessionContext;
  readonly session: Session;
  readonly since: number;
  /** When something was last in flight. */
  busy: number;
}

export function websocketEndpoint(options: WebsocketOptions): WebsocketEndpoint {
  return new Endpoint(options);
}

class Endpoint implements WebsocketEndpoint {
  readonly #options: WebsocketOptions;
  readonly #limits: WebsocketLimits;
  readonly #methods: Methods;
  readonly #closing: Methods;
  readonly #server: WebSocketServer;
  readonly #connections = new Set<Connection>();
  readonly #life = new AbortController();
  #wakes: (() => void)[] = [];

  constructor(options: WebsocketOptions) {
    this.#options = options;
    this.#limits = { ...usualLimits, ...options.limits };
    this.#methods = new Methods(options.services, options.calls);
    this.#closing = new Methods(options.services, whileClosing(options.calls));
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      autoPong: false,
      maxPayload: this.#limits.frameBytes,
      closeTimeout: this.#limits.closeMs,
      handleProtocols: (offered: Set<string>) => chosen(offered) ?? false,
      WebSocket: LimitedSocket,
    } as ConstructorParameters<typeof WebSocketServer>[0]);
    // What the library itself answers: a handshake that is none.
    this.#server.on("wsClientError", (error, socket, { socket: { remoteAddress: peer } }) => {
      options.calls.refusals.note("malformed", "websocket", "an upgrade was refused", { peer, reason: error.message });
      const fault = new BridgeError("invalid_argument", `${error.message}.`);
      partWith(socket as Socket, httpRefusal(fault, undefined, ["sec-websocket-version: 13, 8"]));
    });
    const { leaving } = options.calls.drain;
    leaving.addEventListener("abort", () => this.#leave(), { signal: this.#life.signal });
    void this.#every(this.#limits.pingMs, (connection) => this.#beat(connection));
    void this.#every(this.#limits.heartbeatMs, ({ session }) => session.heartbeat?.());
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const agreed = this.#roomFor() ?? agree(request, this.#options.allowsOrigin);
    if (agreed.kind === "refused") {
      const { as, fault } = agreed;
      const peer = (socket as Socket).remoteAddress;
      const { origin } = request.headers;
      const context = { peer, origin: origin && shownOrigin(origin), reason: fault.message };
      this.#options.calls.refusals.note(as, "websocket", "an upgrade was refused", context);
      partWith(socket as Socket, httpRefusal(fault, as === "connection" ? 503 : undefined));
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (websocket) =>
      this.#admit(websocket, socket as Socket, request, agreed),
    );
  }

  status(): WebsocketStatus {
    const profiles = { "mt5bridge.v1.json": 0, "mt5bridge.v1.proto": 0, "mt5bridge.v1.simple": 0 };
    let subscriptions = 0;
    let calls = 0;
    for (const { profile, session } of this.#connections) {
      profiles[profile]++;
      subscriptions += session.subscriptions;
      calls += session.inFlight;
    }
    return {
      connections: this.#connections.size,
      max_connections: this.#limits.connections,
      subscriptions,
      calls_in_flight: calls,
      profiles,
    };
  }

  async stop(): Promise<void> {
    const { drain, clock } = this.#options.calls;
    drain.begin();
    for (const { context } of this.#connections) context.peer.close(closeCodes.restart, "the bridge is leaving");
    if (this.#connections.size > 0) {
      const ended = new AbortController();
      const empty = new Promise<void>((resolve) => this.#wakes.push(resolve));
      await Promise.race([empty, clock.sleep(this.#limits.closeMs, ended.signal)]);
      ended.abort();
    }
    for (const { context } of this.#connections) context.peer.terminate();
    this.#life.abort();
    this.#server.close();
  }

  #roomFor(): Refused | undefined {
    const { leaving } = this.#options.calls.drain;
    if (leaving.aborted) return { kind: "refused", as: "connection", fault: leaving.reason as BridgeError };
    const { connections } = this.#limits;
    if (this.#connections.size < connections) return undefined;
    return { kind: "refused", as: "connection", fault: tooMany("connections", connections) };
  }

  #admit(websocket: WebSocket, socket: Socket, request: IncomingMessage, agreed: Agreed): void {
    const { calls, mode } = this.#options;
    const { profile, authorization, account } = agreed;
    const peer = new Peer(websocket, socket, this.#limits);
    const caller = new Caller(peer, request.headers, authorization, calls);
    const context: SessionContext = {
      peer,
      caller,
      methods: this.#methods,
      calls,
      limits: this.#limits,
      greeting: {
        server: "mt5-bridge",
        mode,
        principal: "",
        pingIntervalMs: this.#limits.pingMs,
        maxFrameBytes: this.#limits.frameBytes,
        maxSubscriptions: this.#limits.subscriptions,
        maxCallsInFlight: this.#limits.calls,
      },
      account,
      authenticate: (token) => this.#recognise(connection, token),
      refused(kind, reason) {
        const context = { peer: peer.address, principal: caller.principal?.name, reason };
        calls.refusals.note(kind, "websocket", "refused", context);
      },
    };
    websocket.on("error", (error: Error & { code?: string }) => {
      if (error.code?.startsWith("WS_ERR_")) context.refused(kindOfError(error.code), error.code);
    });
    const session = this.#sessionOf(profile, context);
    const now = calls.clock.now();
    const connection: Connection = { profile, context, session, since: now, busy: now };
    this.#connections.add(connection);
    peer.onMessage((data, binary) => session.receive(data, binary));
    peer.onClosed(() => this.#forget(connection));
    calls.observer.note("debug", "websocket", "connected", { peer: peer.address, profile });
    void this.#recognise(connection, undefined);
  }

  /** With a token that came in a frame, or with what the handshake brought. */
  async #recognise({ context, session }: Connection, token: string | undefined): Promise<void> {
    const { peer, caller } = context;
    const isRequired = token !== undefined || caller.hasCredential;
    try {
      await (token === undefined ? caller.recognise() : caller.renew(token));
      if (!peer.gone) session.welcome();
    } catch (error) {
      const fault = faultOf(error, "(none)");
      const isForbidden = faults[fault.fault].status === "PERMISSION_DENIED";
      if (isRequired) {
        context.refused(isForbidden ? "permission" : "credential", fault.message);
        session.fail(fault);
        peer.close(isForbidden ? closeCodes.forbidden : closeCodes.unauthenticated, "the credential was refused");
      } else if (!peer.gone) session.unknown();
    }
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection);
    const { context, profile } = connection;
    this.#options.calls.observer.note("debug", "websocket", "disconnected", { peer: context.peer.address, profile });
    if (this.#connections.size === 0) for (const wake of this.#wakes.splice(0)) wake();
  }

  #leave(): void {
    for (const { session, context } of [...this.#connections]) if (!context.peer.gone) session.leave();
  }

  #beat(connection: Connection): void {
    const { context, session, since } = connection;
    const { peer, caller } = context;
    const now = this.#options.calls.clock.now();
    if (session.subscriptions + session.inFlight > 0) connection.busy = now;
    if (caller.principal === undefined && now - since >= this.#limits.authMs) {
      context.refused("credential", "nobody has said who calls");
      peer.close(closeCodes.unauthenticated, "nobody has said who calls");
    } else if (now - connection.busy >= this.#limits.idleMs) {
      peer.close(closeCodes.idle, "nothing was called or subscribed for too long");
    } else peer.beat();
  }

  #sessionOf(profile: Profile, context: SessionContext): Session {
    switch (profile) {
      case "mt5bridge.v1.json":
        return new Conversation(context, jsonDialect);
      case "mt5bridge.v1.proto":
        return new Conversation(context, protoDialect);
      case "mt5bridge.v1.simple":
        return new SimpleSession(context, this.#closing);
    }
  }

  async #every(ms: number, look: (connection: Connection) => void): Promise<void> {
    const { signal } = this.#life;
    for (;;) {
      await this.#options.calls.clock.sleep(ms, signal);
      if (signal.aborted) return;
      for (const connection of [...this.#connections]) look(connection);
    }
  }
}

/** What the library found wrong with a frame. */
const kindOfError = (code: string): RefusalKind =>
  code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" ? "size" : "malformed";

/**
 * The RPCs as parts of a signal that closes: whoever may trade may look at what he closes, and what makes a risk
 * smaller is not counted.
 */
function whileClosing(calls: CallOptions): CallOptions {
  const authenticate: Authenticate = async (credentials) => closing(await calls.authenticate(credentials));
  return { ...calls, authenticate, rates: undefined };
}
