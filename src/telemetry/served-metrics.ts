/** What Prometheus is told of those who are served: requests, calls, streams, and the ticks they are handed. */
import type { Account } from "../core/accounts/account.ts";
import type { HttpCounts, MethodCounts } from "./counts.ts";
import { by, byAccount, type Metric, only } from "./metric.ts";
import type { Watch } from "./watch.ts";

/** Where the numbers of those are who serve clients. */
export interface Served {
  readonly watch: Watch;
  readonly http: HttpCounts;
  readonly webSockets: () => number;
  /** How often bytes that were encoded for one reader served another. */
  readonly encoded: Readonly<Record<"made" | "reused", number>>;
  readonly hubs: readonly Pick<Account, "info" | "hub">[];
}

// biome-ignore format: a table is read by its rows
export function servedMetrics({ watch, http, webSockets, encoded, hubs }: Served): Metric[] {
  const { methods } = watch.calls;
  const of = (kind: MethodCounts["kind"]) => [...methods].filter(([, counts]) => counts.kind === kind);
  const inFlight = () => of("unary").reduce((sum, [, { open }]) => sum + open, 0);
  const hitRate = () => (100 * encoded.reused) / Math.max(1, encoded.made + encoded.reused);
  return [
    ["counter",   "http_requests_total",           "HTTP requests answered, by status.", by("status", () => http.statuses)],
    ["histogram", "http_request_duration_seconds", "How long HTTP requests took.", only(() => http.duration)],
    ["gauge",     "websocket_active_connections",  "WebSocket connections that are open.", only(webSockets)],
    ["average",   "cache_hit_rate_percent",        "Of 100 stream messages written, how many used bytes that another reader's had been encoded to.", only(hitRate)],

    ["gauge",     "mt5bridge_streams_open",         "Streams that are open, by kind.", by("kind", () => perKind(of("stream"), ({ open }) => open))],
    ["counter",   "mt5bridge_slow_consumers_total", "Streams that were closed because their reader fell too far behind.", by("kind", () => perKind(of("stream"), (one) => one.slowConsumers))],
    ["gauge",     "mt5bridge_calls_in_flight",      "Single calls that are not answered yet.", only(inFlight)],
    ["counter",   "mt5bridge_rpc_requests_total",   "Calls that have ended.", () => codesOf(methods)],
    ["histogram", "mt5bridge_rpc_duration_seconds", "How long single calls took.", by("method", () => of("unary").map(([method, { duration }]) => [method, duration]))],

    ...byAccount(() => hubs, ({ info }) => info.alias, [
      ["counter", "mt5bridge_ticks_delivered_total", "Ticks handed to readers, each reader counted.", ({ hub }) => hub.counts.delivered],
      ["counter", "mt5bridge_ticks_skipped_total",   "Of the ticks delivered, those that were folded into newer ones for readers of the latest.", ({ hub }) => hub.counts.skipped],
      ["gauge",   "mt5bridge_tick_readers",          "Readers of ticks.", ({ hub }) => hub.counts.readers],
    ]),
  ];
}

function* codesOf(methods: ReadonlyMap<string, MethodCounts>) {
  for (const [method, { codes }] of methods)
    for (const [code, calls] of codes) yield [{ method, code }, calls] as const;
}

/** Methods of one kind together: StreamTicks is of the kind `ticks`. */
function perKind(methods: readonly (readonly [string, MethodCounts])[], read: (counts: MethodCounts) => number) {
  const kinds = new Map<string, number>();
  for (const [method, counts] of methods) {
    const name = method.slice(method.lastIndexOf("/") + 1);
    const kind = name.replace(/^(Stream|Watch)(?=.)/, "").toLowerCase();
    kinds.set(kind, (kinds.get(kind) ?? 0) + read(counts));
  }
  return kinds;
}
