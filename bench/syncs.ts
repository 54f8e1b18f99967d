/** What the disk takes for one event: the floor under every durable order. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Latencies, type Spread } from "./latencies.ts";

const event = Buffer.alloc(256, "x");

/** Appends and syncs, one after the other, where the bridges keep their data. */
export function syncs(ms: number): Spread & { readonly perSecond: number } {
  const folder = mkdtempSync(join(tmpdir(), "mt5-bench-"));
  const file = openSync(join(folder, "events"), "a");
  const latencies = new Latencies();
  try {
    const end = performance.now() + ms;
    for (let began = performance.now(); began < end; ) {
      writeSync(file, event);
      fdatasyncSync(file);
      const now = performance.now();
      latencies.add(now - began);
      began = now;
    }
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
  const { spread } = latencies;
  return { ...spread, perSecond: (spread.count * 1000) / ms };
}
