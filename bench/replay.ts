/** Recorded ticks at full speed: to one subscriber of every tick, and to nobody. */
import { existsSync, globSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startBridge } from "./bridge.ts";
import { makeDay } from "./made-day.ts";
import { median } from "./median.ts";
import { startReader } from "./reader.ts";
import type { Size } from "./size.ts";
import { type Cell, printTable, progress } from "./table.ts";
import { usageOf } from "./usage.ts";

/** Recordings lie beside the repository, never in it. */
const recordings = fileURLToPath(new URL("../../shared/data/ticks", import.meta.url));

interface Run {
  readonly ticks: number;
  readonly seconds: number;
  readonly complete: boolean;
  readonly cpu: number;
  readonly peak: number;
}

export async function benchReplay(size: Size): Promise<void> {
  const rows: Cell[][] = [];
  const folder = await mkdtemp(join(tmpdir(), "mt5-bridge-bench-replay-"));
  try {
    const made = await makeDay(folder, size.replayedTicks);
    rows.push(...(await figures(`${size.replayedTicks.toLocaleString("en")} made-up ticks, CSV`, [made], size)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const days = globSync("eurusd-2014-05-*-oanda-lean.csv.gz", { cwd: recordings }).toSorted();
  if (existsSync(recordings) && days.length > 0) {
    const paths = days.map((day) => join(recordings, day));
    rows.push(...(await figures(`${days.length} recorded days, gzip`, paths, size)));
  } else rows.push([`recorded days: absent from ${recordings}`]);
  const headings = ["", "to", "ticks", "seconds", "ticks/s", "complete", "CPU s", "peak RSS MiB"];
  printTable("Replay at PAPER_SPEED=max; every tick goes through the paper broker and into history", headings, rows);
}

async function figures(name: string, files: readonly string[], { repeats }: Size): Promise<Cell[][]> {
  const env = { PAPER_REPLAY: files.join(","), PAPER_SPEED: "max" };
  const rows: Cell[][] = [];
  for (const [to, run] of [
    ["one subscriber", toOne],
    ["nobody", toNobody],
  ] as const) {
    const runs: Run[] = [];
    for (let i = 0; i < repeats; i++) {
      progress(`replay of ${name} to ${to}, run ${i + 1} of ${repeats}`);
      runs.push(await run(env));
    }
    const middle = (of: (one: Run) => number) => median(runs.map(of));
    rows.push([
      name,
      to,
      middle(({ ticks }) => ticks),
      middle(({ seconds }) => seconds),
      middle(({ ticks, seconds }) => ticks / seconds),
      runs.every(({ complete }) => complete) ? "yes" : "NO",
      middle(({ cpu }) => cpu),
      middle(({ peak }) => peak),
    ]);
  }
  return rows;
}

async function toOne(env: Readonly<Record<string, string>>): Promise<Run> {
  const bridge = await startBridge("replay to one", { ...env, PAPER_START: "first-subscriber" });
  const before = usageOf(bridge.pid);
  const { port } = bridge;
  const client = startReader({ port, opening: "grpc", subscribers: 1, warmMs: 0, measureMs: "until quiet" });
  try {
    const { ticks, seconds, holes } = await client.result;
    const { context } = await bridge.said("replay finished");
    const { cpu, peak } = usageOf(bridge.pid);
    const complete = ticks === context["ticks"] && holes === 0;
    return { ticks, seconds, complete, cpu: cpu - before.cpu, peak };
  } finally {
    client.end();
    await bridge.stop();
  }
}

async function toNobody(env: Readonly<Record<string, string>>): Promise<Run> {
  const bridge = await startBridge("replay to nobody", env);
  try {
    const before = usageOf(bridge.pid);
    const ready = await bridge.said("ready:");
    const { at, context } = await bridge.said("replay finished");
    const { cpu, peak } = usageOf(bridge.pid);
    return {
      ticks: Number(context["ticks"]),
      seconds: (at - ready.at) / 1000,
      complete: true,
      cpu: cpu - before.cpu,
      peak,
    };
  } finally {
    await bridge.stop();
  }
}
