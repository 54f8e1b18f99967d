/** Recorded ticks at full speed: to one subscriber of every tick, and to nobody, beside a plain read of the same file. */
import { closeSync, existsSync, globSync, openSync, readSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Bridge, startBridge } from "./bridge.ts";
import { makeDay } from "./made-day.ts";
import { median } from "./median.ts";
import { startReader } from "./reader.ts";
import type { Size } from "./size.ts";
import { type Cell, printTable, progress } from "./table.ts";
import { computedBy, usageOf } from "./usage.ts";

/** Recordings lie beside the repository, never in it. */
const recordings = fileURLToPath(new URL("../../shared/data/ticks", import.meta.url));
/** A file so many times as long should not need more memory. */
const LONGER = 4;

interface Run {
  readonly ticks: number;
  readonly seconds: number;
  readonly complete: boolean;
  /** Seconds that the main thread, and all threads, have computed. */
  readonly main: number;
  readonly whole: number;
  readonly peak: number;
}

type Env = Readonly<Record<string, string>>;

export async function benchIngest(size: Size): Promise<void> {
  const rows: Cell[][] = [];
  const folder = await mkdtemp(join(tmpdir(), "mt5-bridge-bench-ingest-"));
  try {
    for (const ticks of [size.replayedTicks, LONGER * size.replayedTicks]) {
      const path = await makeDay(folder, ticks);
      const name = `${ticks.toLocaleString("en")} made-up ticks`;
      rows.push(plainRead(name, path));
      if (ticks === size.replayedTicks) rows.push(await figures(name, "one subscriber", toOne, [path], size));
      rows.push(await figures(name, "nobody", toNobody, [path], size));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const days = globSync("eurusd-2014-05-*-oanda-lean.csv.gz", { cwd: recordings }).toSorted();
  if (existsSync(recordings) && days.length > 0) {
    const paths = days.map((day) => join(recordings, day));
    const name = `${days.length} recorded days, gzip`;
    rows.push(await figures(name, "one subscriber", toOne, paths, size));
    rows.push(await figures(name, "nobody", toNobody, paths, size));
  } else rows.push([`recorded days: absent from ${recordings}`]);
  const each = ["ticks/s", "ticks/s of main thread", "ticks/s of CPU"];
  const headings = ["", "to", "ticks", "seconds", ...each, "complete", "peak RSS MiB"];
  printTable("Replay at PAPER_SPEED=max; every tick goes through the paper broker and into history", headings, rows);
}

/** In pieces of 64 KiB, its lines counted. */
function plainRead(name: string, path: string): Cell[] {
  const piece = Buffer.alloc(65_536);
  const file = openSync(path, "r");
  const began = performance.now();
  let lines = 0;
  for (let length = readSync(file, piece); length > 0; length = readSync(file, piece)) {
    for (let at = piece.indexOf(10); at >= 0 && at < length; at = piece.indexOf(10, at + 1)) lines++;
  }
  const seconds = (performance.now() - began) / 1000;
  closeSync(file);
  return [name, "a plain read", lines, seconds, lines / seconds];
}

async function figures(
  name: string,
  to: string,
  replay: (env: Env) => Promise<Run>,
  files: readonly string[],
  { repeats }: Size,
): Promise<Cell[]> {
  const runs: Run[] = [];
  for (let i = 0; i < repeats; i++) {
    progress(`ingest: ${name} to ${to}, run ${i + 1} of ${repeats}`);
    runs.push(await replay({ PAPER_REPLAY: files.join(","), PAPER_SPEED: "max" }));
  }
  const middle = (of: (one: Run) => number) => median(runs.map(of));
  return [
    name,
    to,
    middle(({ ticks }) => ticks),
    middle(({ seconds }) => seconds),
    middle(({ ticks, seconds }) => ticks / seconds),
    middle(({ ticks, main }) => ticks / main),
    middle(({ ticks, whole }) => ticks / whole),
    runs.every(({ complete }) => complete) ? "yes" : "NO",
    middle(({ peak }) => peak),
  ];
}

/** From the reader's request to its last tick. */
async function toOne(env: Env): Promise<Run> {
  const bridge = await startBridge("ingest to one", { ...env, PAPER_START: "first-subscriber" });
  const { port } = bridge;
  const before = computedBy(bridge.pid);
  const reader = startReader({ port, opening: "grpc", subscribers: 1, warmMs: 0, measureMs: "until quiet" });
  try {
    const { ticks, seconds, holes } = await reader.result;
    const { context } = await bridge.said("replay finished");
    return { ticks, seconds, complete: ticks === context["ticks"] && holes === 0, ...spent(bridge, before) };
  } finally {
    reader.end();
    await bridge.stop();
  }
}

/** From the ready line to the one that says that it is finished. */
async function toNobody(env: Env): Promise<Run> {
  const bridge = await startBridge("ingest to nobody", env);
  try {
    const before = computedBy(bridge.pid);
    const ready = await bridge.said("ready:");
    const { at, context } = await bridge.said("replay finished");
    const seconds = (at - ready.at) / 1000;
    return { ticks: Number(context["ticks"]), seconds, complete: true, ...spent(bridge, before) };
  } finally {
    await bridge.stop();
  }
}

function spent({ pid }: Bridge, before: ReturnType<typeof computedBy>): Pick<Run, "main" | "whole" | "peak"> {
  const { main, whole } = computedBy(pid);
  return { main: (main - before.main) / 1e6, whole: (whole - before.whole) / 1e6, peak: usageOf(pid).peak };
}
