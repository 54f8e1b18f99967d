/**
 * Who answers which path.
 *
 * What stands in the list is looked for first, and RPCs behind it. What nobody answers is not found, as JSON, unless it
 * was meant for an RPC.
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

type Listener = (exchange: Exchange) => void;

/** `otherwise` answers on the paths that are not in the list. */
export function router(routes: readonly Route[], refusals: Refusals, otherwise: Listener): Listener {
  const exact = Map.groupBy(routes, ({ path }) => path);
  const below = routes.filter((route) => route.below);
  return (exchange) => {
    const path = pathOf(exchange);
    const { method } = exchange.request;
    const verb = method === "HEAD" ? "GET" : method;
    const isBelow = (route: Route) => path.startsWith(`${route.path}/`);
    const route =
      exact.get(path)?.find((one) => one.verb === verb) ?? below.find((one) => one.verb === verb && isBelow(one));
    if (route !== undefined) return route.serve(exchange, path);
    const here = routes.filter((one) => one.path === path || (one.below && isBelow(one)));
    if (here.length === 0) return otherwise(exchange);
    note(refusals, exchange, 405);
    exchange.request.resume();
    const verbs = [...new Set(here.map((one) => one.verb))].join(", ");
    exchange.response.setHeader("allow", verbs);
    refuse(exchange, 405, "unimplemented", `This path answers ${verbs} only.`);
  };
}

/** For what nobody answers. */
export function nothingHere(refusals: Refusals): Listener {
  return (exchange) => {
    note(refusals, exchange, 404);
    const unknown = unknownMethod(exchange, pathOf(exchange));
    if (unknown !== undefined) return send(exchange, unknown);
    exchange.request.resume();
    refuse(exchange, 404, "not_found", "There is nothing at this path.");
  };
}

function note(refusals: Refusals, { peer }: Exchange, status: number): void {
  refusals.note("malformed", "http", "a request was refused", { peer, status });
}

/** Without the query. */
function pathOf({ request: { url = "" } }: Exchange): string {
  const end = url.indexOf("?");
  return end < 0 ? url : url.slice(0, end);
}

function refuse({ response }: Exchange, status: number, code: string, message: string): void {
  const body = Buffer.from(JSON.stringify({ code, message, details: [] }));
  response.writeHead(status, { "content-type": "application/json", "content-length": body.length });
  response.end(body);
}
