/**
 * The port that Prometheus scrapes: /metrics, and /livez for whoever asks whether the process lives.
 *
 * It answers nothing else, takes no bodies, and holds only so many connections, so that
 * it cannot be used against the trading it stands beside. No key is asked for, as a usual
 * Prometheus brings none: what is told here are counts and durations, and of the accounts
 * their aliases; nobody's money, prices, orders or names.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { Server as TlsServer } from "node:tls";
import type { Observer } from "../core/ports/observer.ts";
import type { Sources } from "./metrics.ts";

const CONNECTIONS = 16;
const PATIENCE = 10_000;

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

export interface MetricsPort {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** With it the port speaks TLS. */
  readonly certificate?: Certificate | undefined;
  /** Told of a peer that there was no room for, or whose TLS failed. */
  readonly refused?: (kind: "connection" | "tls", peer: string | undefined) => void;
}

/** As it is now; `supply` renews it in a server whenever it changes. */
interface Certificate {
  readonly options: { readonly cert: Buffer; readonly key: Buffer; readonly minVersion: "TLSv1.2" };
  supply(server: TlsServer): void;
}

export async function serveMetrics(
  { host, port, certificate, refused = () => undefined }: MetricsPort,
  sources: Sources,
  observer: Observer,
): Promise<MetricsServer> {
  let registry: Promise<{ contentType: string; metrics(): Promise<string> }> | undefined;
  const scrape = async () => {
    registry ??= import("./metrics.ts").then(({ tellerOf }) => tellerOf(sources));
    const { contentType, metrics } = await registry.then((one) => ({
      contentType: one.contentType,
      metrics: () => one.metrics(),
    }));
    return { type: contentType, body: await metrics() };
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? "").replace(/\?.*/s, "");
    if (path !== "/metrics" && path !== "/livez")
      return end(response, 404, "only /metrics and /livez are served here\n");
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      return end(response, 405, "only GET is\n");
    }
    if (path === "/livez") return end(response, 200, "ok\n");
    const { type, body } = await scrape();
    end(response, 200, body, type);
  };
  let open = 0;
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    if (open > CONNECTIONS) {
      refused("connection", request.socket.remoteAddress);
      response.setHeader("Retry-After", "1").setHeader("Connection", "close");
      end(response, 503, `there are ${CONNECTIONS} connections, the most that this port has\n`);
      return;
    }
    answer(request, response).catch((error: unknown) => {
      observer.note("error", "metrics", "the metrics could not be read", { error });
      if (!response.headersSent) end(response, 500, "the log says why\n");
    });
  };
  const limits = { requestTimeout: PATIENCE, headersTimeout: PATIENCE };
  const server =
    certificate === undefined
      ? createServer(limits, listener)
      : createSecureServer({ ...certificate.options, ...limits, handshakeTimeout: PATIENCE }, listener);
  if (server instanceof TlsServer) certificate?.supply(server);
  server.on("tlsClientError", (_error, socket: Socket) => refused("tls", socket.remoteAddress));
  server.on("connection", (socket: Socket) => {
    open += 1;
    socket.once("close", () => {
      open -= 1;
    });
  });
  server.maxConnections = 2 * CONNECTIONS; // with those that are just being refused
  server.listen(port, host);
  await once(server, "listening"); // an address that is taken throws here
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function end(response: ServerResponse, status: number, body: string, type = "text/plain; charset=utf-8"): void {
  response.writeHead(status, { "Content-Type": type, "Cache-Control": "no-store" }).end(body);
}
