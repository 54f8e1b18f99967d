/**
 * Everything that Prometheus is told, by name.
 *
 * The first names are those that dashboards use already; all others begin with
 * `mt5bridge_`. Values are read from plain counters when they are asked for. This file is
 * loaded with the first scrape: a bridge that nobody scrapes does without its packages.
 */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { cpuUsage } from "node:process";
import {
  AggregatorRegistry,
  Counter,
  collectDefaultMetrics,
  Gauge,
  type Histogram,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from "prom-client";
import type { Account } from "../core/accounts/account.ts";
import { strictness } from "../core/orders/trading-mode.ts";
import type { CommitCounts, HttpCounts } from "./counts.ts";
import { type Links, linkMetrics } from "./link-metrics.ts";
import type { SpanQueue } from "./span-queue.ts";
import type { Tally } from "./tally.ts";
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

/** A metric as it travels between threads. */
export type Counted = MetricObjectWithValues<MetricValue<string>>;

/** Where the numbers are. */
export interface Sources {
  readonly build: Readonly<Record<"version" | "runtime" | "environment", string>>;
  readonly watch: Watch;
  readonly accounts: readonly Account[];
  readonly journal: {
    readonly counts: Readonly<Record<"appended" | "refused", number>>;
    readonly failure: unknown;
  };
  readonly commits: CommitCounts;
  readonly spans: SpanQueue | undefined;
  /** Absent where no terminal dials in. */
  readonly links?: Links | undefined;
  /** Of this thread, or of each thread of the edge. */
  readonly served: Served | (() => Promise<Counted[][]>);
}

type Labels = Readonly<Record<string, string>>;
type Values = Iterable<readonly [Labels, number]>;

/** All that is told, as text. */
export function tellerOf(sources: Sources): { readonly contentType: string; metrics(): Promise<string> } {
  const registry = registryOf(sources);
  const { contentType } = registry;
  const { served } = sources;
  if (typeof served !== "function") {
    addServed(registry, served);
    return { contentType, metrics: () => registry.metrics() };
  }
  const metrics = async () => {
    const [own, edges] = await Promise.all([registry.metrics(), served()]);
    return `${own}\n${await AggregatorRegistry.aggregate(edges).metrics()}`;
  };
  return { contentType, metrics };
}

/** What a thread of the edge has counted. */
export async function edgeMetrics(served: Served): Promise<Counted[]> {
  const registry = new Registry();
  addServed(registry, served);
  return (await registry.getMetricsAsJSON()) as Counted[];
}

function registryOf(sources: Sources): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 });
  sinceTheStart(registry);
  orders(registry, sources);
  deadMen(registry, sources.accounts);
  received(registry, sources);
  journal(registry, sources);
  eventLoop(registry, sources);
  for (const { kind, name, help, label, read } of sources.links ? linkMetrics(sources.links) : []) {
    (kind === "gauge" ? gauge : counter)(registry, name, help, [label], read);
  }
  return registry;
}

function addServed(registry: Registry, served: Served): void {
  requests(registry, served);
  streams(registry, served);
}

/** By the names that dashboards use already. */
function requests(registry: Registry, { http, webSockets, encoded }: Served): void {
  counter(registry, "http_requests_total", "HTTP requests answered, by status.", ["status"], () =>
    [...http.statuses].map(([status, count]) => [{ status: String(status) }, count] as const),
  );
  histogram(registry, "http_request_duration_seconds", "How long HTTP requests took.", () => [[{}, http.duration]]);
  gauge(registry, "websocket_active_connections", "WebSocket connections that are open.", [], () => [
    [{}, webSockets()],
  ]);
  gauge(
    registry,
    "cache_hit_rate_percent",
    "Of 100 stream messages written, how many used bytes that another reader's had been encoded to.",
    [],
    () => [[{}, (100 * encoded.reused) / Math.max(1, encoded.made + encoded.reused)]],
    "average",
  );
}

function received(registry: Registry, { accounts }: Sources): void {
  gauge(registry, "mt5_connection_status", "1 while every terminal is connected, else 0.", [], () => [
    [{}, accounts.length > 0 && accounts.every(({ desk }) => desk.linkUp) ? 1 : 0],
  ]);
  counter(registry, "mt5bridge_ticks_received_total", "Ticks from the terminal.", ["account"], () =>
    accounts.map(({ info, hub }) => [{ account: info.alias }, hub.cursor.sequence] as const),
  );
}

function orders(registry: Registry, { watch, accounts }: Sources): void {
  const { orders } = watch;
  const perAccount = (read: (account: Account) => number) => () =>
    accounts.map((account) => [{ account: account.info.alias }, read(account)] as const);
  const named = ["stage", "side", "type"];
  counter(registry, "mt5bridge_orders_total", "Orders that reached a stage.", named, () =>
    [...orders.reached.values()].map(({ labels, count }) => [labels, count] as const),
  );
  counter(registry, "mt5bridge_order_rejections_total", "Orders rejected, by reason.", ["reason"], () =>
    labeled("reason", orders.rejections),
  );
  histogram(registry, "mt5bridge_order_latency_seconds", "How long each phase of an order took.", () =>
    labeled("phase", orders.latency),
  );
  const inDoubt = ({ record }: Account) => record.orders.doubted.length;
  const changesInDoubt = ({ record }: Account) => record.changes.doubted.length;
  gauge(registry, "mt5bridge_orders_in_doubt", "Orders whose fate is not known.", ["account"], perAccount(inDoubt));
  gauge(
    registry,
    "mt5bridge_changes_in_doubt",
    "Cancellations and changes whose fate is not known.",
    ["account"],
    perAccount(changesInDoubt),
  );
  gauge(
    registry,
    "mt5bridge_orders_open",
    "Orders that have not ended.",
    ["account"],
    perAccount(({ record }) => count(record.orders.open, () => true)),
  );
  gauge(
    registry,
    "mt5bridge_commands_in_flight",
    "Commands that the terminal has not answered.",
    ["account"],
    perAccount(({ desk }) => desk.inFlight),
  );
  gauge(
    registry,
    "mt5bridge_terminal_up",
    "1 while the terminal is connected, else 0.",
    ["account"],
    perAccount(({ desk }) => (desk.linkUp ? 1 : 0)),
  );
  gauge(
    registry,
    "mt5bridge_trading_mode",
    "What trading is allowed where: 0 everything, 1 only what reduces, 2 nothing. Empty labels: everywhere.",
    ["account", "symbol"],
    () => modesOf(accounts),
  );
}

function deadMen(registry: Registry, accounts: readonly Account[]): void {
  const named = ["account"];
  const perAccount = (read: (account: Account) => number) => () =>
    accounts.map((account) => [{ account: account.info.alias }, read(account)] as const);
  gauge(
    registry,
    "mt5bridge_dead_man_switches_armed",
    "Strategies that have a dead-man switch armed.",
    named,
    perAccount(({ deadMen }) => deadMen.counts.armed),
  );
  counter(
    registry,
    "mt5bridge_dead_man_switches_fired_total",
    "Dead-man switches that have fired.",
    named,
    perAccount(({ deadMen }) => deadMen.counts.fired),
  );
}

function modesOf([first]: readonly Account[]): Values {
  const set = (first?.desk.control.modes.entries ?? []).map(
    ({ account = "", symbol = "", mode }) => [{ account, symbol }, strictness[mode]] as const,
  );
  const isGlobal = set.some(([{ account, symbol }]) => account === "" && symbol === "");
  return isGlobal ? set : [[{ account: "", symbol: "" }, strictness.active], ...set];
}

function streams(registry: Registry, { watch, hubs: all }: Served): void {
  const { methods } = watch.calls;
  const hubs = (read: (one: Served["hubs"][number]) => number) => () =>
    all.map((one) => [{ account: one.info.alias }, read(one)] as const);
  const streaming = () => [...methods].filter(([, { kind }]) => kind === "stream");
  gauge(registry, "mt5bridge_streams_open", "Streams that are open, by kind.", ["kind"], () =>
    streaming().map(([method, { open }]) => [{ kind: kindOf(method) }, open] as const),
  );
  counter(
    registry,
    "mt5bridge_slow_consumers_total",
    "Streams that were closed because their reader fell too far behind.",
    ["kind"],
    () => streaming().map(([method, { slowConsumers }]) => [{ kind: kindOf(method) }, slowConsumers] as const),
  );
  gauge(registry, "mt5bridge_calls_in_flight", "Single calls that are not answered yet.", [], () => [
    [{}, [...methods.values()].reduce((sum, { kind, open }) => sum + (kind === "unary" ? open : 0), 0)],
  ]);
  counter(registry, "mt5bridge_rpc_requests_total", "Calls that have ended.", ["method", "code"], function* () {
    for (const [method, { codes }] of methods) for (const [code, calls] of codes) yield [{ method, code }, calls];
  });
  histogram(registry, "mt5bridge_rpc_duration_seconds", "How long single calls took.", () =>
    [...methods].filter(([, { kind }]) => kind === "unary").map(([method, { duration }]) => [{ method }, duration]),
  );
  counter(
    registry,
    "mt5bridge_ticks_delivered_total",
    "Ticks handed to readers, each reader counted.",
    ["account"],
    hubs(({ hub }) => hub.counts.delivered),
  );
  counter(
    registry,
    "mt5bridge_ticks_skipped_total",
    "Of the ticks delivered, those that were folded into newer ones for readers of the latest.",
    ["account"],
    hubs(({ hub }) => hub.counts.skipped),
  );
  gauge(
    registry,
    "mt5bridge_tick_readers",
    "Readers of ticks.",
    ["account"],
    hubs(({ hub }) => hub.counts.readers),
  );
}

function journal(registry: Registry, { journal, commits, spans }: Sources): void {
  counter(registry, "mt5bridge_journal_events_total", "Events appended to the journal.", [], () => [
    [{}, journal.counts.appended],
  ]);
  counter(registry, "mt5bridge_journal_refused_total", "Appends that the journal refused.", [], () => [
    [{}, journal.counts.refused],
  ]);
  histogram(registry, "mt5bridge_journal_commit_events", "Events of one commit.", () => [[{}, commits.events]]);
  histogram(registry, "mt5bridge_journal_commit_seconds", "How long a commit took, its sync included.", () => [
    [{}, commits.duration],
  ]);
  gauge(registry, "mt5bridge_journal_failed", "1 when the journal cannot be written any more, else 0.", [], () => [
    [{}, journal.failure === undefined ? 0 : 1],
  ]);
  if (spans === undefined) return;
  counter(registry, "mt5bridge_spans_exported_total", "Spans that the collector took.", [], () => [
    [{}, spans.exported],
  ]);
  counter(registry, "mt5bridge_spans_dropped_total", "Spans that were lost on their way.", [], () => [
    [{}, spans.dropped],
  ]);
}

/** The library counts the time of the processor from when it is loaded. */
function sinceTheStart(registry: Registry): void {
  const { user, system } = cpuUsage();
  const add = (name: string, micros: number) => (registry.getSingleMetric(name) as Counter).inc(micros / 1e6);
  add("process_cpu_user_seconds_total", user);
  add("process_cpu_system_seconds_total", system);
  add("process_cpu_seconds_total", user + system);
}

/** Since the last time it was asked. */
function eventLoop(registry: Registry, { build }: Sources): void {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  gauge(registry, "mt5bridge_event_loop_lag_seconds", "How late the event loop was.", ["quantile"], function* () {
    for (const quantile of [0.5, 0.99, 1]) {
      const late = delay.count === 0 ? 0 : Math.max(0, delay.percentile(quantile * 100) / 1e9 - 0.02);
      yield [{ quantile: String(quantile) }, late];
    }
    delay.reset();
  });
  let before = performance.eventLoopUtilization();
  gauge(registry, "mt5bridge_event_loop_utilization_ratio", "The share of time that the event loop worked.", [], () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return [[{}, utilization]];
  });
  gauge(registry, "mt5bridge_build_info", "What is running; always 1.", Object.keys(build), () => [[build, 1]]);
}

// How a metric is read where it is counted.

function counter(registry: Registry, name: string, help: string, labelNames: readonly string[], read: () => Values) {
  new Counter({
    ...{ name, help, labelNames: [...labelNames], registers: [registry] },
    collect() {
      this.reset();
      for (const [labels, value] of read()) this.inc(labels, value);
    },
  });
}

function gauge(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[],
  read: () => Values,
  aggregator: "sum" | "average" = "sum",
) {
  new Gauge({
    ...{ name, help, labelNames: [...labelNames], registers: [registry], aggregator },
    collect() {
      this.reset();
      for (const [labels, value] of read()) this.set(labels, value);
    },
  });
}

/** A histogram of the library's only takes one value at a time; ours are counted already. */
function histogram(registry: Registry, name: string, help: string, read: () => Iterable<readonly [Labels, Tally]>) {
  const get = () => {
    const values = [];
    for (const [labels, tally] of read()) {
      let count = 0;
      for (const [i, part] of tally.counts.entries()) {
        count += part;
        values.push({
          metricName: `${name}_bucket`,
          labels: { ...labels, le: String(tally.bounds[i] ?? "+Inf") },
          value: count,
        });
      }
      values.push({ metricName: `${name}_sum`, labels, value: tally.sum });
      values.push({ metricName: `${name}_count`, labels, value: count });
    }
    return Promise.resolve({ name, help, type: "histogram", aggregator: "sum", values });
  };
  registry.registerMetric({ name, help, get } as unknown as Histogram);
}

const labeled = <T>(name: string, values: Iterable<readonly [string, T]>) =>
  [...values].map(([value, counted]) => [{ [name]: value }, counted] as const);

/** StreamTicks is of the kind `ticks`. */
function kindOf(method: string): string {
  const name = method.slice(method.lastIndexOf("/") + 1);
  return name.replace(/^(Stream|Watch)(?=.)/, "").toLowerCase();
}

function count<T>(items: Iterable<T>, counts: (item: T) => boolean): number {
  let found = 0;
  for (const item of items) if (counts(item)) found += 1;
  return found;
}
