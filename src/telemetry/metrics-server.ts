/**
 * The port that Prometheus scrapes: /metrics, and /livez for whoever asks whether the process lives.
 *
 * It answers nothing else, takes no bodies, and holds only so many connections, so that
 * it cannot be used against the trading it stands beside.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Observer } from "../core/ports/observer.ts";
import type { Sources } from "./metrics.ts";

const CONNECTIONS = 16;
const PATIENCE = 10_000;

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

export async function serveMetrics(
  { host, port }: { readonly host: string; readonly port: number },
  sources: Sources,
  observer: Observer,
): Promise<MetricsServer> {
  let registry: Promise<{ contentType: string; metrics(): Promise<string> }> | undefined;
  const scrape = async () => {
    registry ??= import("./metrics.ts").then(({ registryOf }) => registryOf(sources));
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
  const server = createServer({ requestTimeout: PATIENCE, headersTimeout: PATIENCE }, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      observer.note("error", "metrics", "the metrics could not be read", { error });
      if (!response.headersSent) end(response, 500, "the log says why\n");
    });
  });
  server.maxConnections = CONNECTIONS;
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
