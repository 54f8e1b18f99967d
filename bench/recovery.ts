/** How long a start takes over a long journal, and what it holds in memory afterwards. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeLongJournal } from "./long-journal.ts";
import { median } from "./median.ts";
import type { Size } from "./size.ts";
import { type Cell, printTable, progress } from "./table.ts";

interface Opened {
  readonly ms: number;
  readonly cpuMs: number;
  readonly heap: number;
  readonly buffers: number;
  readonly orders: number;
}

export async function benchRecovery({ journalledEvents, repeats }: Size): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "recovery-"));
  try {
    progress(`recovery: writing ${journalledEvents} events`);
    const events = writeLongJournal(folder, journalledEvents);
    const bytes = () => statSync(join(folder, "journal.db")).size / 2 ** 20;
    const before = bytes();
    const folded = rows("all events", folder, repeats);
    open(folder, "keep");
    const restored = rows("from a snapshot", folder, repeats);
    printTable(
      `Recovery of ${events.toLocaleString("en")} events, ${folded.orders.toLocaleString("en")} orders`,
      ["", "ms", "CPU ms", "heap MiB", "buffers MiB", "file MiB"],
      [
        [...folded.row, before],
        [...restored.row, bytes()],
      ],
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function rows(name: string, folder: string, repeats: number): { readonly row: Cell[]; readonly orders: number } {
  progress(`recovery: ${name} × ${repeats}`);
  const all = Array.from({ length: repeats }, () => open(folder));
  const of = (figure: (opened: Opened) => number) => median(all.map(figure));
  return {
    row: [
      ...[name, of(({ ms }) => ms), of(({ cpuMs }) => cpuMs)],
      ...[of(({ heap }) => heap / 2 ** 20), of(({ buffers }) => buffers / 2 ** 20)],
    ],
    orders: all[0]?.orders ?? 0,
  };
}

/** A process of its own each time, with the limits of memory of `npm start`. */
function open(folder: string, keep = ""): Opened {
  const flags = ["--expose-gc", "--max-semi-space-size=16"];
  const reader = join(import.meta.dirname, "recovery-reader.ts");
  return JSON.parse(execFileSync(process.execPath, [...flags, reader, folder, keep], { encoding: "utf8" })) as Opened;
}
