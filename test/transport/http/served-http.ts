/** A real HTTP server on a free port with services made for the test. */
import { randomBytes } from "node:crypto";
import type { Service } from "../../../src/contract/service.ts";
import { createValidation } from "../../../src/contract/validation.ts";
import type { Observer } from "../../../src/core/ports/observer.ts";
import { machineClock } from "../../../src/telemetry/machine-clock.ts";
import { everyoneIsTheDeveloper } from "../../../src/transport/authenticate.ts";
import { Drain } from "../../../src/transport/drain.ts";
import { type HttpOptions, type HttpServer, serveHttp } from "../../../src/transport/http/server.ts";
import type { Line } from "../served.ts";

export interface ServedHttp extends HttpServer {
  readonly drain: Drain;
  readonly lines: readonly Line[];
  readonly url: string;
  /** Resolves with the first line, past or future, that satisfies the question. */
  line(question: (line: Line) => boolean): Promise<Line>;
}

export type HttpSetup = Partial<Omit<HttpOptions, "services" | "host" | "calls">> & {
  readonly callLimits?: { readonly unary: number; readonly streams: number };
};

const validation = createValidation();
const clock = machineClock();

export async function servedHttp(services: readonly Service[], setup: HttpSetup = {}): Promise<ServedHttp> {
  const { callLimits = { unary: 100, streams: 100 }, ...options } = setup;
  const lines: Line[] = [];
  let wakes: (() => void)[] = [];
  const observer: Observer = {
    note(severity, _component, message, context = {}) {
      lines.push({ severity, message, context });
      for (const wake of wakes.splice(0)) wake();
    },
  };
  const drain = new Drain(clock);
  const server = await serveHttp({
    services,
    host: "127.0.0.1",
    port: 0,
    mode: "test",
    health: { serving: () => true, changed: () => () => undefined },
    maxConnections: 100,
    ...options,
    calls: {
      clock,
      observer,
      validation,
      authenticate: everyoneIsTheDeveloper,
      drain,
      limits: callLimits,
      newTraceId: () => randomBytes(16).toString("hex"),
    },
  });
  return {
    ...server,
    drain,
    lines,
    url: `http://127.0.0.1:${server.port}`,
    async line(question) {
      for (;;) {
        const found = lines.find(question);
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => {
          wakes = [...wakes, resolve];
        });
      }
    },
  };
}
