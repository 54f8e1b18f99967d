/**
 * One port for HTTP/1.1 and HTTP/2: who speaks which is told by the first bytes.
 *
 * HTTP/2 without TLS begins with a preface that no HTTP/1.1 request can begin with, and within TLS it does too. One
 * connection too many is told so in its own language.
 *
 * Always true: a peer that says nothing is hung up on.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../../core/ports/clock.ts";
import type { Observer } from "../../core/ports/observer.ts";
import type { Certificate } from "../tls.ts";

export interface PortOptions {
  readonly limit: number;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly certificate?: Certificate | undefined;
  /** How long a peer may take to say its first bytes. */
  readonly silenceMs: number;
}

export interface Port {
  readonly listener: Server;
  /** Resolves when no connection is open. */
  allClosed(): Promise<void>;
  /** Ends every connection, whatever goes on there. */
  hangUp(): void;
}

type Language = "http1" | "http2";

export function openPort(speak: Readonly<Record<Language, (socket: Socket) => void>>, options: PortOptions): Port {
  const { limit, clock, observer, certificate, silenceMs } = options;
  const open = new Set<Socket>();
  const wakes: (() => void)[] = [];
  let refused = 0;
  let noted = Number.NEGATIVE_INFINITY;

  const noteRefusal = (peer: string | undefined) => {
    refused++;
    if (clock.now() - noted < noteEveryMs) return; // a flood of connections is not to be a flood of lines
    noted = clock.now();
    observer.note("warn", "http", "Connections refused: MAX_CONNECTIONS are open", { peer, limit, refused });
    refused = 0;
  };
  const listen = (then: (language: Language, socket: Socket) => void) => {
    const hear = (socket: Socket) => {
      socket.on("error", ignore);
      hearLanguage(socket, silenceMs, (language) => then(language, socket));
    };
    return certificate?.secured(["h2", "http/1.1"], hear) ?? hear;
  };
  const admit = listen((language, socket) => speak[language](socket));
  const turnAway = listen((language, socket) => {
    socket.setTimeout(partingMs, () => socket.destroy());
    socket.resume(); // unread bytes would turn our last words into a reset
    socket.end(tooMany[language]);
  });

  const listener = createServer({ noDelay: true }, (socket) => {
    // Whoever is handed the socket learns of its end by "close"; an error without a listener would end the process.
    socket.on("error", ignore);
    if (open.size >= limit) {
      noteRefusal(socket.remoteAddress);
      turnAway(socket);
      return;
    }
    open.add(socket);
    socket.once("close", () => {
      open.delete(socket);
      if (open.size === 0) for (const wake of wakes.splice(0)) wake();
    });
    admit(socket);
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

/** No method of HTTP/1.1 begins so. */
const beginning = Buffer.from("PRI ");

/** Listens until it is clear, and puts back what it has heard. */
function hearLanguage(socket: Socket, silenceMs: number, then: (language: Language) => void): void {
  let heard: Buffer = Buffer.alloc(0);
  const hangUp = () => socket.destroy();
  const listen = () => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    heard = heard.length === 0 ? chunk : Buffer.concat([heard, chunk]);
    if (heard.length < beginning.length && beginning.indexOf(heard) === 0) return;
    stop();
    socket.unshift(heard);
    then(heard.indexOf(beginning) === 0 ? "http2" : "http1");
  };
  const stop = () => {
    socket.off("readable", listen);
    socket.off("end", hangUp);
    socket.off("timeout", hangUp);
    socket.setTimeout(0);
  };
  socket.setTimeout(silenceMs);
  socket.on("timeout", hangUp);
  socket.on("end", hangUp);
  socket.on("readable", listen);
}

const ignore = () => undefined;
const noteEveryMs = 1_000;
/** How long a refused peer may take to hang up. */
const partingMs = 1_000;

const tooMany: Readonly<Record<Language, Buffer>> = {
  http1: (() => {
    const body = JSON.stringify({ code: "resource_exhausted", message: "too many connections" });
    const head = ["HTTP/1.1 503 Service Unavailable", "content-type: application/json", "retry-after: 1"];
    const end = [`content-length: ${body.length}`, "connection: close", "", body];
    return Buffer.from([...head, ...end].join("\r\n"));
  })(),
  /** SETTINGS, without which no peer listens, and GOAWAY: nothing was processed, ENHANCE_YOUR_CALM, and why. */
  http2: (() => {
    const why = Buffer.from("too many connections");
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    const goAway = Buffer.from([0, 0, 8 + why.length, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b]);
    return Buffer.concat([settings, goAway, why]);
  })(),
};
