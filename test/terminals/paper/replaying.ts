/** Replays for tests: files on the disk for as long as a test runs, and what comes out of them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import type { Instant } from "../../../src/core/model/ids.ts";
import type { SymbolSpec } from "../../../src/core/model/symbol.ts";
import type { SourceTick } from "../../../src/core/model/tick.ts";
import type { Clock } from "../../../src/core/ports/clock.ts";
import { ReplayMarket, type ReplaySettings } from "../../../src/terminals/paper/replay-market.ts";
import { contract, pair } from "./contracts.ts";
import { Notes } from "./scripted.ts";

export const known: readonly SymbolSpec[] = [
  pair("EUR", "USD"),
  pair("GBP", "USD"),
  pair("AUD", "USD"),
  pair("EUR", "GBP"),
  pair("USD", "JPY"),
  contract("XAUUSD", { digits: 3 }),
  contract("BTCUSD"),
];

/** A clock on which a sleep takes no time but its own: nobody has to advance it. */
export class EagerClock implements Clock {
  time: number;
  readonly sleeps: number[] = [];

  constructor(time = Date.UTC(2030, 0, 1)) {
    this.time = time;
  }

  now(): Instant {
    return this.time as Instant;
  }

  async sleep(ms: number): Promise<void> {
    this.sleeps.push(ms);
    this.time += ms;
  }

  after(): () => void {
    return () => undefined;
  }
}

/** A file in a folder of the test's own; the path. */
export function file(name: string, content: string | Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), "replay-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

export interface Replayed {
  readonly market: ReplayMarket;
  readonly ticks: readonly SourceTick[];
  readonly notes: readonly string[];
  readonly clock: EagerClock;
}

export async function replay(
  files: string | readonly string[],
  settings: Partial<ReplaySettings> = {},
  symbols: readonly SymbolSpec[] = known,
): Promise<Replayed> {
  const notes = new Notes();
  const clock = new EagerClock();
  const named = typeof files === "string" ? [files] : files;
  const market = await ReplayMarket.open({ files: named, speed: "max", ...settings }, symbols, clock, notes);
  const ticks: SourceTick[] = [];
  for await (const batch of market.batches(new AbortController().signal)) for (const tick of batch) ticks.push(tick);
  return { market, ticks, notes: notes.lines, clock };
}

/** "2014-05-02T00:00:00.277Z 1.38694/1.38705" in points. */
export const said = (tick: SourceTick | undefined): string =>
  tick === undefined ? "none" : `${new Date(tick.time).toISOString()} ${tick.bid}/${tick.ask}`;
