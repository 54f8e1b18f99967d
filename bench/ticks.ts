/** Every tick to many subscribers: the bridge on each of its transports, and its peers in turn with it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bars } from "./chart.ts";
import { makeDay } from "./made-day.ts";
import { median } from "./median.ts";
import { hasCompiler, type Received, startReader } from "./reader.ts";
import type { Size } from "./size.ts";
import { type Cell, printTable, progress } from "./table.ts";
import { allServers, nodeServers, type Rate, type TickServer } from "./tick-servers.ts";
import { computedBy, usageOf } from "./usage.ts";

/** What ratios are to. */
const [NAIVE, LIMIT] = ["naive", "C, epoll"] as const;
/** That of the chart. */
const CHARTED = 100;

export interface TickCell {
  readonly rate: Rate;
  readonly subscribers: number;
}

interface Figures extends Received {
  readonly perSecond: number;
  /** Of the server, nanoseconds for each tick that was delivered. */
  readonly cpu: number;
  /** MiB. */
  readonly rss: number;
  readonly ranOut: boolean;
}

export async function benchTicks(size: Size): Promise<void> {
  if (!hasCompiler)
    process.stdout.write("\nNo gcc: the load client is Node's, and may be slower than what it measures.\n");
  const known = size.quick ? nodeServers : allServers;
  const servers = known.filter(({ name }) => size.of(name));
  const folder = await mkdtemp(join(tmpdir(), "mt5-bridge-bench-ticks-"));
  try {
    const recording = await makeDay(folder, size.saturationTicks);
    for (const cell of size.tickCells.filter(size.at)) await measureCell(cell, servers, recording, size);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureCell(
  cell: TickCell,
  servers: readonly TickServer[],
  recording: string,
  size: Size,
): Promise<void> {
  const { rate, subscribers } = cell;
  const runs = new Map<TickServer, Figures[]>();
  const skipped = new Map<TickServer, string>();
  for (const server of servers) {
    const why = server.absent();
    if (why !== undefined) skipped.set(server, why);
    else if (rate === "saturation" && server.opening === "simple") skipped.set(server, "holds nobody up");
    else if (rate !== "saturation" && rate * subscribers > server.most)
      skipped.set(server, "far beyond what it can do");
    else runs.set(server, []);
  }
  const title = `${rate === "saturation" ? "saturation" : `${rate.toLocaleString("en")} ticks/s`} × ${subscribers}`;
  for (let i = 0; i < size.repeats; i++) {
    for (const [server, all] of runs) {
      progress(`${title}: ${server.name}, run ${i + 1} of ${size.repeats}`);
      try {
        all.push(await measure(server, cell, recording, size));
      } catch (error) {
        runs.delete(server); // the others go on
        skipped.set(server, `FAILED: ${(error as Error).message}`);
      }
    }
  }
  const reference = (name: string) => [...runs].find(([server]) => server.name.startsWith(name))?.[1];
  const [naive, limit] = [reference(NAIVE), reference(LIMIT)];
  const rows = servers.map((server): Cell[] => {
    const all = runs.get(server);
    if (all === undefined) return [server.name, skipped.get(server)];
    return [server.name, ...cellsOf(all, server, rate), ratio(all, naive), ratio(all, limit)];
  });
  const headings = ["", "delivered/s", "±%", "ticks a message", "complete", "p50 ms", "p99 ms", "CPU ns", "RSS MiB"];
  printTable(`Ticks, ${title} subscribers`, [...headings, "× naive", "× C"], rows);
  if (rate !== "saturation" || subscribers !== CHARTED) return;
  for (const [{ name, isBridge }, all] of runs) {
    const value = median(all.map(({ perSecond }) => perSecond));
    const times = all === naive ? 1 : ratio(all, naive);
    bars.push({ name, value, times, cpu: median(all.map(({ cpu }) => cpu)), isOurs: isBridge });
  }
}

function cellsOf(all: readonly Figures[], { opening }: TickServer, rate: Rate): Cell[] {
  const middle = (of: (figures: Figures) => number) => median(all.map(of));
  const total = (of: (figures: Figures) => number) => all.reduce((sum, one) => sum + of(one), 0);
  const each = all.map(({ perSecond }) => perSecond);
  const spread = (100 * (Math.max(...each) - Math.min(...each))) / 2 / median(each);
  const [holes, lost] = [total((one) => one.holes), total((one) => one.lost)];
  const complete = holes > 0 ? `NO: ${holes} holes` : lost > 0 ? `${lost} too slow` : "yes";
  const late = (of: (figures: Figures) => number) => (rate === "saturation" ? undefined : middle(of));
  return [
    median(each),
    spread,
    middle(({ ticks, batches }) => ticks / batches),
    all.some(({ ranOut }) => ranOut) ? "ran out of ticks" : opening === "simple" ? "not numbered" : complete,
    late(({ latency }) => latency.p50),
    late(({ latency }) => latency.p99),
    middle(({ cpu }) => cpu),
    middle(({ rss }) => rss),
  ];
}

/** The median of the runs' own ratios: what took turns had the same machine. */
function ratio(ours: readonly Figures[], theirs: readonly Figures[] | undefined): number | undefined {
  if (theirs === undefined || theirs === ours) return undefined;
  return median(ours.map(({ perSecond }, i) => perSecond / (theirs[i]?.perSecond ?? Number.NaN)));
}

async function measure(
  { opening, start }: TickServer,
  { rate, subscribers }: TickCell,
  recording: string,
  { tickWarmMs: warmMs, ticksMs: measureMs }: Size,
): Promise<Figures> {
  const server = await start({ rate, subscribers, recording });
  let reader: ReturnType<typeof startReader> | undefined;
  try {
    reader = startReader({ port: server.port, opening, subscribers, warmMs, measureMs });
    await reader.began;
    const before = computedBy(server.pid).whole;
    const received = await reader.result;
    const { ticks, seconds } = received;
    const cpu = (1000 * (computedBy(server.pid).whole - before)) / ticks;
    const { rss } = usageOf(server.pid);
    return { ...received, perSecond: ticks / seconds, cpu, rss, ranOut: server.ranOut() };
  } finally {
    reader?.end();
    await server.stop();
  }
}
