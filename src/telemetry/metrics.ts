/**
 * Everything that Prometheus is told, by name.
 *
 * The names without `mt5bridge_` are those that dashboards use already. Values are read
 * from plain counters when they are asked for. This file is loaded with the first
 * scrape: a bridge that nobody scrapes does without its packages.
 */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { cpuUsage } from "node:process";
import {
  AggregatorRegistry,
  type Counter,
  collectDefaultMetrics,
  type MetricObjectWithValues,
  type MetricValue,
  Registry,
} from "prom-client";
import type { Account } from "../core/accounts/account.ts";
import { accountMetrics } from "./account-metrics.ts";
import type { CommitCounts } from "./counts.ts";
import { type Links, linkMetrics } from "./link-metrics.ts";
import { by, type Metric, only, register } from "./metric.ts";
import { type Served, servedMetrics } from "./served-metrics.ts";
import type { SpanQueue } from "./span-queue.ts";
import type { Watch } from "./watch.ts";

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

/** All that is told, as text. */
export function tellerOf(sources: Sources): { readonly contentType: string; metrics(): Promise<string> } {
  const registry = registryOf(sources);
  const { contentType } = registry;
  const { served } = sources;
  if (typeof served !== "function") {
    register(registry, servedMetrics(served));
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
  register(registry, servedMetrics(served));
  return (await registry.getMetricsAsJSON()) as Counted[];
}

function registryOf({ build, watch, accounts, journal, commits, spans, links }: Sources): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 50 });
  sinceTheStart(registry);
  register(registry, [
    ...accountMetrics(accounts, watch.orders),
    ...journalMetrics(journal, commits),
    ...(spans === undefined ? [] : spanMetrics(spans)),
    ...processMetrics(build),
    ...(links === undefined ? [] : linkMetrics(links)),
  ]);
  return registry;
}

// biome-ignore format: a table is read by its rows
function journalMetrics(journal: Sources["journal"], commits: CommitCounts): Metric[] {
  return [
    ["counter",   "mt5bridge_journal_events_total",   "Events appended to the journal.", only(() => journal.counts.appended)],
    ["counter",   "mt5bridge_journal_refused_total",  "Appends that the journal refused.", only(() => journal.counts.refused)],
    ["histogram", "mt5bridge_journal_commit_events",  "Events of one commit.", only(() => commits.events)],
    ["histogram", "mt5bridge_journal_commit_seconds", "How long a commit took, its sync included.", only(() => commits.duration)],
    ["gauge",     "mt5bridge_journal_failed",         "1 when the journal cannot be written any more, else 0.", only(() => (journal.failure === undefined ? 0 : 1))],
  ];
}

// biome-ignore format: a table is read by its rows
function spanMetrics(spans: SpanQueue): Metric[] {
  return [
    ["counter", "mt5bridge_spans_exported_total", "Spans that the collector took.", only(() => spans.exported)],
    ["counter", "mt5bridge_spans_dropped_total",  "Spans that were lost on their way.", only(() => spans.dropped)],
  ];
}

// biome-ignore format: a table is read by its rows
function processMetrics(build: Sources["build"]): Metric[] {
  return [
    ["gauge", "mt5bridge_event_loop_lag_seconds",       "How late the event loop was.", by("quantile", lateness())],
    ["gauge", "mt5bridge_event_loop_utilization_ratio", "The share of time that the event loop worked.", only(utilization())],
    ["gauge", "mt5bridge_build_info",                   "What is running; always 1.", () => [[build, 1]]],
  ];
}

/** Seconds, by quantile, since the last time it was asked. */
function lateness() {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  return () => {
    const late = (quantile: number) => Math.max(0, delay.percentile(quantile * 100) / 1e9 - 0.02);
    const told = [0.5, 0.99, 1].map((quantile) => [quantile, delay.count === 0 ? 0 : late(quantile)] as const);
    delay.reset();
    return told;
  };
}

/** Since the last time it was asked. */
function utilization() {
  let before = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return utilization;
  };
}

/** The library counts the time of the processor from when it is loaded. */
function sinceTheStart(registry: Registry): void {
  const { user, system } = cpuUsage();
  const add = (name: string, micros: number) => (registry.getSingleMetric(name) as Counter).inc(micros / 1e6);
  add("process_cpu_user_seconds_total", user);
  add("process_cpu_system_seconds_total", system);
  add("process_cpu_seconds_total", user + system);
}
