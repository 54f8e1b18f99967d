/**
 * Who answers which path.
 *
 * RPCs have been looked for before; here is what stands in the list, in its order. What nobody answers is not found, as
 * JSON, unless it was meant for an RPC.
 */
import { send } from "../connect/adapter.ts";
import { unknownMethod } from "../connect/unknown-method.ts";
import type { Exchange } from "../exchange.ts";
import type { Refusals } from "../refusals.ts";

/** A path of plain HTTP and who serves it. */
export interface Route {
  readonly verb: "GET" | "POST";
  readonly path: string;
  /** Also everything below the path. */
  readonly below?: boolean;
  /** `path` is without the query. Whoever does not read the request's body has to `resume()` it. */
  serve(exchange: Exchange, path: string): void;
}

export function router(routes: readonly Route[], refusals: Refusals): (exchange: Exchange) => void {
  const exact = Map.groupBy(routes, (route) => route.path);
  const below = routes.filter((route) => route.below);
  return (exchange) => {
    const [path = ""] = (exchange.request.url ?? "").split("?", 1);
    const here = exact.get(path) ?? below.filter((route) => path.startsWith(`${route.path}/`));
    const verb = exchange.request.method === "HEAD" ? "GET" : exchange.request.method;
    const route = here.find((one) => one.verb === verb);
    if (route !== undefined) return route.serve(exchange, path);
    const unknown = here.length === 0 ? unknownMethod(exchange, path) : undefined;
    const status = here.length === 0 ? 404 : 405;
    refusals.note("malformed", "http", "a request was refused", { peer: exchange.peer, status });
    if (unknown !== undefined) return send(exchange, unknown);
    exchange.request.resume();
    if (here.length === 0) return refuse(exchange, status, "not_found", "There is nothing at this path.");
    const verbs = [...new Set(here.map((one) => one.verb))].join(", ");
    exchange.response.setHeader("allow", verbs);
    refuse(exchange, status, "unimplemented", `This path answers ${verbs} only.`);
  };
}

function refuse({ response }: Exchange, status: number, code: string, message: string): void {
  const body = Buffer.from(JSON.stringify({ code, message, details: [] }));
  response.writeHead(status, { "content-type": "application/json", "content-length": body.length });
  response.end(body);
}
