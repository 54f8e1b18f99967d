/**
 * Connections, counted before HTTP/2 begins.
 *
 * grpc-js has no limit of its own. One connection too many is told so in its own protocol: a GOAWAY frame, which
 * clients report as RESOURCE_EXHAUSTED or UNAVAILABLE, and they wait before they come again. Twice as many again are
 * not even told.
 *
 * Nor can grpc-js be asked when the last connection has ended: without channelz it forgets them, \`tryShutdown\` calls
 * back at once and \`forceShutdown\` closes nothing.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../../core/ports/clock.ts";
import type { Observer } from "../../core/ports/observer.ts";

export interface ConnectionLimit {
  readonly limit: number;
  readonly clock: Clock;
  readonly observer: Observer;
}

export interface Connections {
  readonly listener: Server;
  /** Resolves when none is open. */
  allClosed(): Promise<void>;
  /** Ends every connection, whatever goes on there. */
  hangUp(): void;
}

/** A listener that hands on at most `limit` connections at once. */
export function limitedConnections(
  admit: (socket: Socket) => void,
  { limit, clock, observer }: ConnectionLimit,
): Connections {
  const open = new Set<Socket>();
  const wakes: (() => void)[] = [];
  let refused = 0;
  let noted = Number.NEGATIVE_INFINITY;

  const listener = createServer({ noDelay: true }, (socket) => {
    // Whoever is handed the socket learns of its end by "close"; an error without a listener would end the process.
    socket.on("error", () => undefined);
    if (open.size < limit) {
      open.add(socket);
      socket.once("close", () => {
        open.delete(socket);
        if (open.size === 0) for (const wake of wakes.splice(0)) wake();
      });
      admit(socket);
      return;
    }
    refuse(socket);
    refused++;
    if (clock.now() - noted < noteEveryMs) return; // a flood of connections is not to be a flood of lines
    noted = clock.now();
    const context = { peer: socket.remoteAddress, limit, refused };
    observer.note("warn", "grpc", "Connections refused: MAX_CONNECTIONS are open", context);
    refused = 0;
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

const noteEveryMs = 1_000;
/** How long a refused peer may take to hang up. */
const partingMs = 1_000;

function refuse(socket: Socket): void {
  socket.setTimeout(partingMs, () => socket.destroy());
  socket.resume(); // unread bytes would turn our last words into a reset
  socket.end(tooManyConnections);
}

/** SETTINGS, without which no peer listens, and GOAWAY: nothing was processed, ENHANCE_YOUR_CALM, and why. */
const tooManyConnections = (() => {
  const why = Buffer.from("too many connections");
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  const goAway = Buffer.from([0, 0, 8 + why.length, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b]);
  return Buffer.concat([settings, goAway, why]);
})();
