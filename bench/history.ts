/** What was recorded, read back: a day of ticks and its bars, page by page, by one client. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startBridge } from "./bridge.ts";
import { runClient } from "./client.ts";
import type { ListerResult, ListerTask } from "./lister.ts";
import { makeDay } from "./made-day.ts";
import { median } from "./median.ts";
import type { Size } from "./size.ts";
import { type Cell, printTable, progress } from "./table.ts";

const names: Readonly<Record<ListerTask["list"], string>> = {
  ticks: "ListTicks",
  columns: "ListTicks, columns",
  M1: "ListBars, M1",
  H1: "ListBars, H1",
};

const isOfBars = (list: ListerTask["list"]): boolean => list === "M1" || list === "H1";

export async function benchHistory({ replayedTicks, repeats }: Size): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "mt5-bridge-bench-history-"));
  try {
    progress(`history: recording ${replayedTicks} ticks`);
    const recording = await makeDay(folder, replayedTicks);
    const bridge = await startBridge("history", { PAPER_REPLAY: recording, PAPER_SPEED: "max" });
    try {
      await bridge.said("replay finished");
      const { port, pid } = bridge;
      const rows: Cell[][] = [];
      for (const list of Object.keys(names) as ListerTask["list"][]) {
        progress(`history: ${list} × ${repeats}`);
        const task: ListerTask = { port, pid, list, times: repeats };
        const runs = await runClient<ListerResult[]>("lister.ts", task);
        const middle = (of: (run: ListerResult) => number) => median(runs.map(of));
        const whole = runs.every(({ rows }) => isOfBars(list) || rows === replayedTicks);
        rows.push([
          names[list],
          middle(({ rows }) => rows),
          middle(({ pages }) => pages),
          isOfBars(list) ? undefined : whole ? "yes" : "NO",
          middle(({ ms }) => ms),
          middle(({ rows, ms }) => (1000 * rows) / ms),
          middle(({ rows, main }) => (1e6 * rows) / main),
          middle(({ rows, whole }) => (1e6 * rows) / whole),
        ]);
      }
      const headings = ["", "rows", "pages", "all", "ms", "rows/s", "rows/s of main thread", "rows/s of CPU"];
      printTable(`History of ${replayedTicks.toLocaleString("en")} ticks, read back over gRPC`, headings, rows);
    } finally {
      await bridge.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
