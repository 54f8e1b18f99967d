/** A real HTTP server on a free port with services made for the test. */
import type { Service } from "../../../src/contract/service.ts";
import type { CallOptions } from "../../../src/transport/call.ts";
import type { Drain } from "../../../src/transport/drain.ts";
import { type HttpOptions, type HttpServer, serveHttp } from "../../../src/transport/http/server.ts";
import { callOptions, type Lines } from "../call-options.ts";

export interface ServedHttp extends HttpServer, Lines {
  readonly drain: Drain;
  readonly url: string;
}

export type HttpSetup = Partial<Omit<HttpOptions, "services" | "host" | "calls">> & {
  readonly callLimits?: CallOptions["limits"];
  /** Instead of what is usual here. */
  readonly calls?: Partial<CallOptions>;
};

export async function servedHttp(services: readonly Service[], setup: HttpSetup = {}): Promise<ServedHttp> {
  const { callLimits, calls: more, ...options } = setup;
  const { calls, ...lines } = callOptions({ ...(callLimits === undefined ? {} : { limits: callLimits }), ...more });
  const server = await serveHttp({
    services,
    calls,
    host: "127.0.0.1",
    port: 0,
    mode: "test",
    health: { serving: () => true, changed: () => () => undefined },
    maxConnections: 100,
    ...options,
  });
  return { ...server, ...lines, drain: calls.drain, url: `http://127.0.0.1:${server.port}` };
}
