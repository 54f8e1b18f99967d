/**
 * The HTTP server: Connect, gRPC-Web, gRPC, plain HTTP and the way to WebSocket, on one port in both versions of HTTP.
 *
 * Always true:
 *   - No request, whatever it says, throws out of a listener: that would end the process.
 *   - Everything has a limit: connections, headers, bodies, streams, and how long each may take.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { probeService, type Serving } from "../../contract/probe-service.ts";
import { reflectionServices } from "../../contract/reflection-service.ts";
import type { Service } from "../../contract/service.ts";
import { BridgeError } from "../../core/errors.ts";
import { type CallOptions, wrapped } from "../call.ts";
import { connectListener } from "../connect/adapter.ts";
import { Room } from "../connect/body.ts";
import { rpcHandler } from "../connect/rpc-handler.ts";
import { partWith } from "../connections.ts";
import type { InFlight } from "../drain.ts";
import { Exchange, type HttpRequest, type HttpResponse } from "../exchange.ts";
import { httpRefusal } from "../http-refusal.ts";
import type { RefusalKind, Refusals } from "../refusals.ts";
import type { Certificate } from "../tls.ts";
import { http2Sessions } from "./http2-sessions.ts";
import { type HttpLimits, httpLimits, maxHeaderBytes } from "./limits.ts";
import { admitOrigin } from "./origins.ts";
import { plainRoutes } from "./plain-routes.ts";
import { openPort } from "./port.ts";
import { nothingHere, type Route, router } from "./router.ts";

export interface HttpOptions {
  readonly services: readonly Service[];
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Whether other threads listen on the same port. */
  readonly shared?: boolean;
  /** What `mt5bridge-mode` says on every answer. */
  readonly mode: string;
  readonly health: Serving;
  readonly calls: CallOptions;
  readonly maxConnections: number;
  /** With it connections are encrypted; without, they are not. */
  readonly certificate?: Certificate | undefined;
  /** The web pages that may call, beside those from this very address; `*`: all. */
  readonly origins?: readonly string[];
  /** What else is served: documentation, a console. */
  readonly routes?: readonly Route[];
  /** Takes over a connection on `/websocket/ws` or `/ws`, its first bytes included. */
  readonly onUpgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Told of every answer: its status and how long it took, streams to their end. */
  readonly answered?: (status: number, ms: number) => void;
  /** How many WebSockets are open. */
  readonly webSockets?: () => number;
  /** Of a request's message, also after it is inflated. Default 1 MiB. */
  readonly maxRequestBytes?: number;
  readonly limits?: Partial<HttpLimits>;
}

export interface HttpServer {
  readonly port: number;
  /**
   * Tells the streams, refuses new calls, waits at most `graceMs` for those in flight and closes every connection.
   * Resolves with what had to be cut off.
   */
  stop(graceMs: number): Promise<InFlight>;
}

/** How long connections may take to close when calls had to be cut off; otherwise the last answers get the grace. */
const closingMs = 500;
const webSocketPaths = new Set(["/websocket/ws", "/ws"]);

export async function serveHttp(options: HttpOptions): Promise<HttpServer> {
  const { calls, maxRequestBytes = 1024 * 1024 } = options;
  const limits: HttpLimits = { ...httpLimits, ...options.limits };
  const answer = listenerOf(options, limits, maxRequestBytes);

  const http1 = createServer({
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: Math.min(limits.headersMs, limits.requestMs),
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.max(10, Math.min(1_000, limits.headersMs / 4)),
    // Whoever offers another protocol (curl: h2c) is answered in this one.
    shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === "websocket",
  });
  http1.on("request", answer);
  http1.on("clientError", (error, socket) => answerNoRequest(calls.refusals, error, socket as Socket));
  http1.on("upgrade", (request, socket, head) => upgrade(options, request, socket, head));
  http1.emit("listening"); // it never listens itself, and would not begin to watch its timeouts
  const http2 = http2Sessions(calls.clock, calls.refusals, limits);
  http2.server.on("request", answer);

  const { clock, refusals } = calls;
  const { maxConnections: limit, certificate } = options;
  const port = openPort(
    { http1: (socket) => http1.emit("connection", socket), http2: (socket) => http2.server.emit("connection", socket) },
    { limit, refusals, certificate, silenceMs: limits.silenceMs },
  );
  port.listener.listen({ host: options.host, port: options.port, reusePort: options.shared === true });
  await once(port.listener, "listening");

  return {
    port: (port.listener.address() as AddressInfo).port,
    async stop(graceMs) {
      http1.keepAliveTimeout = 1; // nobody is to wait for another request behind the answers that are still to come
      const left = await calls.drain.settle(graceMs); // probes can still come in and see it
      port.listener.close();
      calls.drain.cutOff();
      const closed = new AbortController();
      http2.close();
      http1.close(); // ends the connections on which nothing is asked
      const patienceMs = left.unary + left.streams > 0 ? closingMs : Math.max(closingMs, graceMs);
      await Promise.race([port.allClosed(), clock.sleep(patienceMs, closed.signal)]);
      closed.abort();
      port.hangUp();
      return left;
    },
  };
}

function listenerOf(options: HttpOptions, limits: HttpLimits, maxRequestBytes: number) {
  const { services, calls, mode, origins = [], routes = [], webSockets = () => 0, answered } = options;
  const probe = probeService(
    options.health,
    services.map(({ descriptor }) => descriptor),
  );
  const named = [...services, probe];
  const all = [...named, ...reflectionServices(named.map(({ descriptor }) => descriptor))];
  const methods = all.flatMap((service) => wrapped(service, calls));
  const { requestMs } = limits;
  const room = new Room(limits.arrivingBytes);
  const handlers = methods.map((method) => rpcHandler(method, { calls, maxRequestBytes, requestMs, room }));
  const plain = plainRoutes(methods, { calls, maxRequestBytes, requestMs, room, newKey: randomUUID, webSockets });
  const serve = router([...plain, ...routes], calls.refusals, connectListener(handlers, nothingHere(calls.refusals)));

  return (request: unknown, answer: unknown): void => {
    const response = answer as HttpResponse;
    const began = calls.clock.now();
    const closed = () => answered?.(response.statusCode, calls.clock.now() - began);
    const exchange = new Exchange(request as HttpRequest, response, closed);
    try {
      response.setHeader("mt5bridge-mode", mode);
      if (calls.drain.leaving.aborted && exchange.request.httpVersionMajor < 2) {
        exchange.response.setHeader("connection", "close");
      }
      const refused = (origin: string) => {
        const { peer } = exchange;
        calls.refusals.note("origin", "http", "a page's request was refused; see CORS_ORIGINS", { peer, origin });
      };
      if (admitOrigin(exchange, origins, refused)) serve(exchange);
    } catch (cause) {
      calls.observer.note("error", "http", "a request could not be answered", { cause });
      exchange.response.destroy();
    }
  };
}

/** Bytes that are no request of HTTP/1.1, too many of them for its head, or too few for too long. */
function answerNoRequest(refusals: Refusals, error: Error & { code?: string }, socket: Socket): void {
  const { code = "" } = error;
  if (code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const [status, kind, message] = unread[code] ?? [400, "malformed", "That is no request of HTTP."];
  refusals.note(kind, "http", message, { peer: socket.remoteAddress, code });
  partWith(socket, httpRefusal(new BridgeError("invalid_argument", message), status));
}

const unread: Readonly<Record<string, readonly [number, RefusalKind, string]>> = {
  HPE_HEADER_OVERFLOW: [431, "size", `The request's head is larger than ${maxHeaderBytes} bytes.`],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "size", "The request's chunk extensions are too large."],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "malformed", "The request did not arrive in time."],
};

function upgrade(
  { onUpgrade, calls, mode }: HttpOptions,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  socket.on("error", () => undefined);
  const [path = ""] = (request.url ?? "").split("?", 1);
  try {
    if (onUpgrade !== undefined && webSocketPaths.has(path)) onUpgrade(request, socket, head);
    else {
      const { remoteAddress: peer } = request.socket;
      calls.refusals.note("malformed", "http", "an upgrade of another path was refused", { peer, status: 404 });
      socket.end(`HTTP/1.1 404 Not Found\r\nmt5bridge-mode: ${mode}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
    }
  } catch (cause) {
    calls.observer.note("error", "http", "a connection could not be handed over", { cause });
    socket.destroy();
  }
}
