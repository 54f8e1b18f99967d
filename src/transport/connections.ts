/**
 * A port's connections, counted before anything is said on them, and encrypted where there is a certificate.
 *
 * One connection too many is told so in its own protocol, within TLS if that is spoken, and then hung up on. Twice as
 * many again are not even told.
 *
 * The servers behind a port cannot be relied on to count: grpc-js has no limit, and cannot be asked when the last
 * connection has ended. Without channelz it forgets them, `tryShutdown` calls back at once and `forceShutdown` closes
 * nothing.
 */
import { createServer, type Server, type Socket } from "node:net";
import { BridgeError } from "../core/errors.ts";
import { httpRefusal } from "./http-refusal.ts";
import type { Refusals } from "./refusals.ts";
import type { Certificate } from "./tls.ts";

export interface ConnectionOptions {
  readonly limit: number;
  readonly refusals: Refusals;
  /** Names the port in the log. */
  readonly component: string;
  readonly certificate?: Certificate | undefined;
  /** Offered within TLS. */
  readonly protocols: readonly string[];
}

export interface Connections {
  readonly listener: Server;
  /** Resolves when none is open. */
  allClosed(): Promise<void>;
  /** Ends every connection, whatever goes on there. */
  hangUp(): void;
}

type Take = (socket: Socket) => void;

/** A listener that hands at most `limit` connections at once to `admit`; `turnAway` has the last word with the rest. */
export function limitedConnections(admit: Take, turnAway: Take, options: ConnectionOptions): Connections {
  const { limit, refusals, component, certificate, protocols } = options;
  const open = new Set<Socket>();
  const wakes: (() => void)[] = [];
  const secured = (take: Take): Take => {
    const unsecured = (error: Error & { code?: string }, peer: string | undefined) =>
      refusals.note("tls", component, "no TLS came about", { peer, code: error.code });
    return certificate?.secured(protocols, take, unsecured) ?? take;
  };
  const [letIn, sendOff] = [secured(admit), secured(turnAway)];

  const listener = createServer({ noDelay: true }, (socket) => {
    // Whoever is handed the socket learns of its end by "close"; an error without a listener would end the process.
    socket.on("error", ignore);
    if (open.size >= limit) {
      const message = "a connection was refused: MAX_CONNECTIONS are open";
      refusals.note("connection", component, message, { peer: socket.remoteAddress, limit });
      sendOff(socket);
      return;
    }
    open.add(socket);
    socket.once("close", () => {
      open.delete(socket);
      if (open.size === 0) for (const wake of wakes.splice(0)) wake();
    });
    letIn(socket);
  });
  listener.maxConnections = limit * 3; // with those that are just being refused
  return {
    listener,
    allClosed: () => (open.size === 0 ? Promise.resolve() : new Promise((resolve) => wakes.push(resolve))),
    hangUp() {
      for (const socket of open) socket.destroy();
    },
  };
}

/** How long a refused peer may take to hang up. */
const partingMs = 1_000;

/** Says the last words, and waits a moment for the peer to have read them. */
export function partWith(
  socket: Pick<Socket, "on" | "setTimeout" | "resume" | "end" | "destroy">,
  words: Buffer,
): void {
  socket.on("error", ignore);
  socket.setTimeout(partingMs, () => socket.destroy());
  socket.resume(); // unread bytes would turn our last words into a reset
  socket.end(words);
}

/**
 * For HTTP/2: SETTINGS, without which no peer listens, and GOAWAY: nothing was processed, ENHANCE_YOUR_CALM, and why.
 * Clients report it as RESOURCE_EXHAUSTED or UNAVAILABLE, and wait before they come again.
 */
export const tooManyOnHttp2 = (() => {
  const why = Buffer.from("too many connections");
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  const goAway = Buffer.from([0, 0, 8 + why.length, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b]);
  return Buffer.concat([settings, goAway, why]);
})();

/** For HTTP/1.1: 503, as another replica may have room. */
export const tooManyOnHttp1 = (limit: number) => httpRefusal(tooMany("connections", limit), 503);

/** One too many of what `quota` counts. */
export function tooMany(quota: string, limit: number): BridgeError {
  return new BridgeError(
    "quota_exceeded",
    `Too many ${quota}: ${limit} are open, the most that the bridge serves at once.`,
    {
      metadata: { quota, limit: String(limit) },
      retryAfterMs: 1_000,
    },
  );
}

const ignore = () => undefined;
