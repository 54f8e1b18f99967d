/**
 * Which web pages may call the bridge: those on the list, and those that the bridge serves itself on an address.
 *
 * A browser runs the code of any page beside the bridge, on the machine of whoever looks at it. It says in `origin`
 * whose code it is, and that decides. A page of a host's name that is not on the list is refused even if the name
 * leads to the bridge: names can be made to lead anywhere.
 */
import type { Exchange } from "../exchange.ts";
import { shownOrigin } from "../refusals.ts";

const requestHeaders = [
  "authorization",
  "content-type",
  "connect-protocol-version",
  "connect-timeout-ms",
  "grpc-timeout",
  "x-grpc-web",
  "x-user-agent",
  "idempotency-key",
  "traceparent",
  "tracestate",
];
const exposedHeaders = [
  "grpc-status",
  "grpc-message",
  "grpc-status-details-bin",
  "mt5bridge-mode",
  "idempotency-key",
  "retry-after",
];

export function isAllowedOrigin(origin: string, host: string | undefined, allowed: readonly string[]): boolean {
  if (allowed.includes(origin) || allowed.includes("*")) return true;
  if (!URL.canParse(origin)) return false;
  const page = new URL(origin);
  const literal = /^(localhost|[\d.]+|\[[\da-f:]+\])$/.test(page.hostname);
  return literal && page.host === host;
}

/**
 * Says in the answer's headers what the page may see. Returns false when that was all there is to answer: a
 * preflight, or a page that may not call.
 */
export function admitOrigin(
  exchange: Exchange,
  allowed: readonly string[],
  refused: (origin: string) => void,
): boolean {
  const { request, response } = exchange;
  const origin = exchange.header("origin");
  if (origin === undefined) return true;
  response.setHeader("vary", "origin");
  if (!isAllowedOrigin(origin, hostOf(exchange), allowed)) {
    const shown = shownOrigin(origin);
    refused(shown);
    const message = `Pages of the origin ${shown} may not call the bridge; see CORS_ORIGINS.`;
    const body = Buffer.from(JSON.stringify({ code: "permission_denied", message, details: [] }));
    request.resume();
    response.writeHead(403, { "content-type": "application/json", "content-length": body.length });
    response.end(body);
    return false;
  }
  response.setHeader("access-control-allow-origin", origin);
  response.setHeader("access-control-expose-headers", exposedHeaders.join(", "));
  if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined) return true;
  request.resume();
  response.writeHead(204, {
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": requestHeaders.join(", "),
    "access-control-max-age": "7200",
  });
  response.end();
  return false;
}

const hostOf = (exchange: Exchange) => exchange.header(":authority") ?? exchange.header("host");
