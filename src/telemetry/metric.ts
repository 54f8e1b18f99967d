/**
 * A metric, as a row of a table: its name, what it means, and how it is read where it is counted.
 *
 * The metrics library's own counters are not used: ours are plain numbers, read when
 * somebody asks, and its registry writes what it is handed.
 */
import type { Histogram, Registry } from "prom-client";
import { Tally } from "./tally.ts";

export type Labels = Readonly<Record<string, string>>;

/** Over several threads values are added up; of an average, the mean is told. */
type Kind = "counter" | "gauge" | "average" | "histogram";

export type Metric = readonly [kind: Kind, name: string, help: string, read: () => Iterable<Sample>];
type Sample = readonly [Labels, number | Tally];

/** A metric of each of many; where it is not known, nothing is told. */
export type MetricOf<T> = readonly [kind: Kind, name: string, help: string, of: (one: T) => number | undefined];

/** The only value of a metric without labels. */
export const only = (read: () => number | Tally) => (): Sample[] => [[{}, read()]];

/** Values under the name of one label. */
export const by = (label: string, values: () => Iterable<readonly [unknown, number | Tally]>) => (): Sample[] =>
  [...values()].map(([value, counted]) => [{ [label]: String(value) }, counted]);

/** The same metrics of each of many, by the account that it belongs to. */
export function byAccount<T>(
  all: () => readonly T[],
  account: (one: T) => string,
  rows: readonly MetricOf<T>[],
): Metric[] {
  return rows.map(([kind, name, help, of]): Metric => {
    const values = () => all().map((one) => [account(one), of(one)] as const);
    const isKnown = (value: readonly [string, number | undefined]): value is [string, number] => value[1] !== undefined;
    return [kind, name, help, by("account", () => values().filter(isKnown))];
  });
}

export function register(registry: Registry, metrics: readonly Metric[]): void {
  for (const [kind, name, help, read] of metrics) {
    const type = kind === "average" ? "gauge" : kind;
    const aggregator = kind === "average" ? "average" : "sum";
    const get = () => Promise.resolve({ name, help, type, aggregator, values: [...read()].flatMap(samplesOf(name)) });
    registry.registerMetric({ name, help, get } as unknown as Histogram);
  }
}

const samplesOf =
  (name: string) =>
  ([labels, value]: Sample) =>
    value instanceof Tally ? bucketsOf(name, labels, value) : [{ labels, value }];

function bucketsOf(name: string, labels: Labels, { bounds, counts, sum }: Tally) {
  let count = 0;
  const buckets = Array.from(counts, (part, i) => {
    count += part;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: String(bounds[i] ?? "+Inf") }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
}
