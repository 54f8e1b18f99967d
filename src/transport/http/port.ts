/**
 * One port for HTTP/1.1 and HTTP/2: who speaks which is told by the first bytes.
 *
 * HTTP/2 without TLS begins with a preface that no HTTP/1.1 request can begin with, and within TLS it does too.
 *
 * Always true: a peer that says nothing is hung up on.
 */
import type { Socket } from "node:net";
import {
  type ConnectionOptions,
  type Connections,
  limitedConnections,
  partWith,
  tooManyOnHttp1,
  tooManyOnHttp2,
} from "../connections.ts";

export interface PortOptions extends Omit<ConnectionOptions, "component" | "protocols"> {
  /** How long a peer may take to say its first bytes. */
  readonly silenceMs: number;
}

type Language = "http1" | "http2";

export function openPort(
  speak: Readonly<Record<Language, (socket: Socket) => void>>,
  { silenceMs, ...options }: PortOptions,
): Connections {
  const lastWords: Readonly<Record<Language, Buffer>> = {
    http1: tooManyOnHttp1(options.limit),
    http2: tooManyOnHttp2,
  };
  const hearing = (then: (language: Language, socket: Socket) => void) => (socket: Socket) => {
    socket.on("error", () => undefined);
    hearLanguage(socket, silenceMs, (language) => then(language, socket));
  };
  return limitedConnections(
    hearing((language, socket) => speak[language](socket)),
    hearing((language, socket) => partWith(socket, lastWords[language])),
    { ...options, component: "http", protocols: ["h2", "http/1.1"] },
  );
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
