/** What Prometheus is told of the links to live terminals. */
import { by, byAccount, type Metric, type MetricOf } from "./metric.ts";

/** How one account's link is doing. */
export interface LinkNumbers {
  readonly account: string;
  readonly up: boolean;
  /** Since the start: connections that were taken, reports, commands sent and those that came too late. */
  readonly connections: number;
  readonly reports: number;
  readonly commands: number;
  readonly expired: number;
  /** The broker's clock less the bridge's, ms; undefined while it is not known. */
  readonly clockOffsetMs: number | undefined;
  /** From a ping to its pong, ms; undefined before the first. */
  readonly roundTripMs: number | undefined;
}

export interface Links {
  /** One for each account that was ever seen. */
  readonly all: () => readonly LinkNumbers[];
  /** Terminals that were not let in, or sent away, by reason. */
  readonly refused: ReadonlyMap<string, number>;
}

// biome-ignore format: a table is read by its rows
const rows: readonly MetricOf<LinkNumbers>[] = [
  ["gauge",   "mt5bridge_link_up",                     "1 while the terminal is connected, else 0.",            (one) => (one.up ? 1 : 0)],
  ["counter", "mt5bridge_link_connections_total",      "Connections of the terminal that were taken: all but the first are reconnects.", (one) => one.connections],
  ["counter", "mt5bridge_link_reports_total",          "Reports that were taken from the terminal.",            (one) => one.reports],
  ["counter", "mt5bridge_link_commands_total",         "Commands that were sent to the terminal.",              (one) => one.commands],
  ["counter", "mt5bridge_link_commands_expired_total", "Commands that came too late and were not carried out.", (one) => one.expired],
  ["gauge",   "mt5bridge_link_clock_offset_seconds",   "The broker's clock less the bridge's.",                 (one) => seconds(one.clockOffsetMs)],
  ["gauge",   "mt5bridge_link_round_trip_seconds",     "From the last ping to its pong.",                       (one) => seconds(one.roundTripMs)],
];

const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1_000);

export function linkMetrics({ all, refused }: Links): Metric[] {
  const help = "Terminals that were not let in, or were sent away, by reason.";
  return [
    ...byAccount(all, (one) => one.account, rows),
    ["counter", "mt5bridge_link_refused_total", help, by("reason", () => refused)],
  ];
}
