/**
 * Connections of HTTP/2: bounded, asked whether they are alive, and let go when nothing happens on them.
 *
 * Node's server sends no pings. A peer that has lost its network would keep its streams, and their places, for ever.
 */
import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { Clock } from "../../core/ports/clock.ts";
import type { Refusals } from "../refusals.ts";
import { type HttpLimits, maxHeaderBytes, maxSessionMemory, maxStreams } from "./limits.ts";

export interface Http2Sessions {
  readonly server: Http2Server;
  /** GOAWAY: what is open ends in its own time, nothing new begins. */
  close(): void;
}

export function http2Sessions(clock: Clock, refusals: Refusals, limits: HttpLimits): Http2Sessions {
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer({
    maxSessionMemory,
    settings: { maxConcurrentStreams: maxStreams, maxHeaderListSize: maxHeaderBytes, enablePush: false },
    maxSettings: 32,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    maxOutstandingPings: 10,
  });
  server.on("sessionError", ignore); // the session closes, and its calls hear of that
  server.on("session", (session) => {
    sessions.add(session);
    const peer = session.socket.remoteAddress;
    session.on("error", (error: Error & { code?: string }) => {
      const { code } = error;
      if (code !== "ECONNRESET") refusals.note("malformed", "http", "a connection broke HTTP/2", { peer, code });
    });
    session.once("close", () => sessions.delete(session));
    void watch(session, clock, limits);
  });
  return {
    server,
    close() {
      for (const session of sessions) session.close();
    },
  };
}

async function watch(session: ServerHttp2Session, clock: Clock, limits: HttpLimits): Promise<void> {
  const over = new AbortController();
  session.once("close", () => over.abort());
  let streams = 0;
  let lastBusy = clock.now();
  session.on("stream", (stream) => {
    streams++;
    stream.once("close", () => {
      streams--;
      lastBusy = clock.now();
    });
  });
  for (;;) {
    await clock.sleep(limits.pingEveryMs, over.signal);
    if (over.signal.aborted) return;
    if (streams === 0 && clock.now() - lastBusy >= limits.idleMs) return session.close();
    if (!(await answersPing(session, clock, limits.pingMs))) return session.destroy();
  }
}

async function answersPing(session: ServerHttp2Session, clock: Clock, patienceMs: number): Promise<boolean> {
  if (session.destroyed) return false;
  const answered = new AbortController();
  let alive = false;
  session.ping((error) => {
    alive = error === null;
    answered.abort();
  });
  await clock.sleep(patienceMs, answered.signal);
  return alive;
}

const ignore = () => undefined;
