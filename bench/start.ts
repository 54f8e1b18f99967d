/** How long until the bridge is ready, and what it needs at rest. */
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type Bridge, compiled, sources, startBridge } from "./bridge.ts";
import { median } from "./median.ts";
import type { Size } from "./size.ts";
import { type Cell, printTable, progress } from "./table.ts";
import { usageOf } from "./usage.ts";

export async function benchStart(size: Size): Promise<void> {
  const rows: Cell[][] = [["src/main.ts", ...(await figures("start src", sources, size))]];
  if (existsSync(compiled)) rows.push(["dist/src/main.js", ...(await figures("start dist", compiled, size))]);
  else rows.push(["dist/src/main.js", undefined, undefined, undefined, undefined, "not built: npm run build"]);
  printTable(
    "Start and rest, 24 ticks a second, nobody connected",
    ["", "ready ms", "slowest ms", "RSS MiB", "CPU %", ""],
    rows,
  );
}

async function figures(name: string, main: string, { starts, restMs }: Size): Promise<Cell[]> {
  progress(`${name} × ${starts}`);
  const times: number[] = [];
  let last: Bridge | undefined;
  for (let i = 0; i < starts; i++) {
    await last?.stop();
    last = await startBridge(name, {}, main);
    times.push(last.readyMs);
  }
  if (last === undefined) return [];
  await delay(restMs / 2);
  const before = usageOf(last.pid);
  await delay(restMs / 2);
  const { rss, cpu } = usageOf(last.pid);
  await last.stop();
  return [
    median(times),
    Math.max(...times),
    rss,
    (100_000 * (cpu - before.cpu)) / (restMs / 2),
    `after ${restMs / 1000} s`,
  ];
}
