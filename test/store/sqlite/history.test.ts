import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Bar, type Timeframe, timeframes } from "../../../src/core/model/bar.ts";
import type { Price } from "../../../src/core/model/decimals.ts";
import type { Instant } from "../../../src/core/model/ids.ts";
import type { Tick } from "../../../src/core/model/tick.ts";
import { TickRows } from "../../../src/core/model/tick-rows.ts";
import type { HistoryRange } from "../../../src/core/ports/history.ts";
import { type HistoryOptions, openTickHistory, type StoredHistory } from "../../../src/store/sqlite/history.ts";
import { anyTicks, barsOf, numbers, tickAt, utc } from "../../any-ticks.ts";

const DAY = 86_400_000;
let folder: string;
let history: StoredHistory;
let notes: string[];

const open = async (options: Partial<HistoryOptions> = {}) => {
  const observer = { note: (severity: string, _: string, message: string) => notes.push(`${severity}: ${message}`) };
  history = await openTickHistory({ folder, specs: [], observer, ...options });
};

const reopen = async (options: Partial<HistoryOptions> = {}) => {
  await history.close();
  await open(options);
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "history-"));
  notes = [];
  await open();
});
afterEach(async () => {
  await history.close();
  rmSync(folder, { recursive: true, force: true });
});

const all = (symbol: string): HistoryRange => ({
  symbol,
  from: Number.NEGATIVE_INFINITY as Instant,
  to: Number.POSITIVE_INFINITY as Instant,
  limit: 1_000_000,
  newest: false,
  skip: 0,
});

/** In handfuls, as they come from a terminal. */
function record(ticks: readonly Tick[], seed = 1): void {
  const below = numbers(seed);
  for (let from = 0; from < ticks.length; ) {
    const to = from + 1 + below(500);
    history.record(TickRows.of(ticks.slice(from, to)));
    from = to;
  }
}

/** As objects. */
const ticksIn = async (range: HistoryRange): Promise<readonly Tick[]> => [...(await history.ticks(range))];

/** Page by page until nothing more comes, as a caller does who knows only the last row. */
async function paged<Row extends { time: Instant }>(
  range: HistoryRange,
  read: (range: HistoryRange) => Promise<readonly Row[]>,
): Promise<Row[]> {
  const rows: Row[] = [];
  let page = range;
  for (;;) {
    const got = await read(page);
    if (got.length === 0) return rows;
    const edge = (page.newest ? got[0] : got.at(-1))?.time as Instant;
    const atEdge = got.filter((row) => row.time === edge).length;
    if (page.newest) rows.unshift(...got);
    else rows.push(...got);
    const sameEdge = edge === (page.newest ? page.to : page.from);
    page = { ...page, ...(page.newest ? { to: edge } : { from: edge }), skip: atEdge + (sameEdge ? page.skip : 0) };
  }
}

describe("the recorded ticks", () => {
  it("read back as they were, symbol by symbol, at once and after a restart", async () => {
    const euro = anyTicks(1, 10_000);
    const gold = anyTicks(2, 300, "XAUUSD");
    record(gold);
    record(euro);
    expect(await ticksIn(all("EURUSD"))).toEqual(euro);
    expect(await ticksIn(all("XAUUSD"))).toEqual(gold);
    expect(await ticksIn(all("USDJPY"))).toEqual([]);
    await reopen();
    expect(await ticksIn(all("EURUSD"))).toEqual(euro);
    expect(await ticksIn(all("XAUUSD"))).toEqual(gold);
  });

  it("are stored once, however often a replay starts over, and whatever was stopped where", async () => {
    for (let seed = 0; seed < 4; seed++) {
      const symbol = `S${seed}`;
      const below = numbers(seed);
      const ticks = anyTicks(seed, 6000, symbol);
      for (let life = 0; life < 3; life++) {
        record(ticks.slice(0, below(ticks.length)), seed);
        await reopen();
      }
      record(ticks, seed);
      expect(await ticksIn(all(symbol)), `seed ${seed}`).toEqual(ticks);
      for (const timeframe of ["M1", "H4"] as const) {
        expect(await history.bars(all(symbol), timeframe), `seed ${seed}`).toEqual(barsOf(ticks, timeframe));
      }
    }
  });

  it("never go back in time", async () => {
    const at = utc("2024-03-06T10:00");
    const later = tickAt((at + 5) as Instant, { sequence: 1 });
    const same = tickAt((at + 5) as Instant, { sequence: 3 });
    record([later, tickAt(at, { sequence: 2 }), same]);
    expect(await ticksIn(all("EURUSD"))).toEqual([later, same]);
  });

  it("leave out what is no whole number", async () => {
    record([tickAt(utc("2024-03-06T10:00"), { bid: Number.NaN as Price })]);
    record([tickAt(utc("2024-03-06T10:00"), { bid: 0.5 as Price })]);
    expect(await ticksIn(all("EURUSD"))).toEqual([]);
  });

  it("answer any range, from either end, in pages of any size", async () => {
    const ticks = anyTicks(4, 9000);
    record(ticks);
    for (let seed = 0; seed < 40; seed++) {
      const below = numbers(seed);
      const [a, b] = [ticks[below(9000)]?.time ?? 0, ticks[below(9000)]?.time ?? 0];
      const edges = { from: (Math.min(a, b) - below(2)) as Instant, to: (Math.max(a, b) + below(2)) as Instant };
      const range = { ...all("EURUSD"), ...edges, limit: 300 + below(3000), newest: below(2) === 1 };
      const inRange = ticks.filter((tick) => tick.time >= range.from && tick.time <= range.to);
      const first = range.newest ? inRange.slice(-range.limit) : inRange.slice(0, range.limit);
      expect(await ticksIn(range), `seed ${seed}`).toEqual(first);
      expect(await paged(range, (page) => ticksIn(page)), `seed ${seed}`).toEqual(inRange);
    }
  });

  it("are skipped at the range's first moment only", async () => {
    const at = utc("2024-03-06T10:00");
    const ticks = [0, 0, 7, 7, 9].map((ms, n) => tickAt((at + ms) as Instant, { sequence: n + 1 }));
    record(ticks);
    expect(await ticksIn({ ...all("EURUSD"), from: at, skip: 5 })).toEqual(ticks.slice(2));
    expect(await ticksIn({ ...all("EURUSD"), from: (at + 1) as Instant, skip: 1 })).toEqual(ticks.slice(2));
    expect(await ticksIn({ ...all("EURUSD"), to: (at + 8) as Instant, skip: 1, newest: true })).toEqual(
      ticks.slice(0, 4),
    );
  });

  it("page through many ticks of one millisecond", async () => {
    const at = utc("2024-03-06T10:00");
    const ticks = Array.from({ length: 10_000 }, (_, n) => tickAt(at, { sequence: n + 1, place: n + 1 }));
    record(ticks);
    for (const newest of [false, true]) {
      const range = { ...all("EURUSD"), from: at, to: at, limit: 700, newest };
      expect(await paged(range, (page) => ticksIn(page))).toEqual(ticks);
    }
    await reopen();
    record([...ticks, tickAt(at, { sequence: 10_001 })]);
    expect(await ticksIn(all("EURUSD"))).toHaveLength(10_001);
  });

  it("know the newest of each symbol", async () => {
    const [euro, gold] = [anyTicks(1, 5000), anyTicks(2, 10, "XAUUSD")];
    record(euro);
    record(gold);
    const newest = [euro.at(-1), gold.at(-1)];
    expect(await history.latest()).toEqual(newest);
    await reopen();
    expect(await history.latest()).toEqual(newest);
  });
});

describe("the bars from history", () => {
  const within = (bars: readonly Bar[], range: HistoryRange) =>
    bars.filter((bar) => bar.time >= range.from && bar.time <= range.to);

  it("are the bars that were seen live, of every timeframe, in any range and page", async () => {
    for (let seed = 0; seed < 4; seed++) {
      const symbol = `S${seed}`;
      const ticks = anyTicks(seed, 5000, symbol);
      record(ticks, seed);
      const below = numbers(seed);
      for (const timeframe of timeframes) {
        const bars = barsOf(ticks, timeframe);
        const [a, b] = [ticks[below(5000)]?.time ?? 0, ticks[below(5000)]?.time ?? 0];
        const edges = { from: Math.min(a, b) as Instant, to: Math.max(a, b) as Instant };
        for (const newest of [false, true]) {
          const range: HistoryRange = { ...all(symbol), ...edges, newest };
          const case_ = `seed ${seed} ${timeframe} ${newest}`;
          expect(await history.bars({ ...all(symbol), newest }, timeframe), case_).toEqual(bars);
          expect(await history.bars(range, timeframe), case_).toEqual(within(bars, range));
          const limit = Math.max(1, Math.ceil(bars.length / 4));
          expect(await paged({ ...range, limit }, (page) => history.bars(page, timeframe)), case_).toEqual(
            within(bars, range),
          );
        }
      }
    }
  });

  it("go on after a restart in the middle of a minute", async () => {
    const ticks = anyTicks(7, 3000);
    for (let from = 0; from < 3000; from += 250) {
      record(ticks.slice(0, from + 250));
      await reopen();
    }
    for (const timeframe of timeframes) {
      expect(await history.bars(all("EURUSD"), timeframe)).toEqual(barsOf(ticks, timeframe));
    }
  });

  it("are whole when the clock is put back within them", async () => {
    const from = utc("2024-11-02T20:00"); // put back on Sunday, 2024-11-03, at 6:00 UTC
    const ticks = Array.from({ length: 600 }, (_, n) => tickAt((from + 300_000 * n) as Instant));
    record(ticks);
    for (const timeframe of ["H4", "D1", "W1"] as const) {
      const bars = barsOf(ticks, timeframe);
      for (const { time } of bars) {
        for (const newest of [false, true]) {
          const range = { ...all("EURUSD"), to: time, newest };
          expect(await history.bars(range, timeframe)).toEqual(within(bars, range));
        }
      }
    }
    const day = (await history.bars(all("EURUSD"), "D1")).find((bar) => bar.time === utc("2024-11-02T21:00"));
    expect(day?.tickVolume).toBe(25 * 12);
  });

  it("are drawn from the last price where the symbol says so", async () => {
    const ticks = [3, 6, 9].flatMap((seed) => anyTicks(seed, 500, "GAZP", utc(`2024-0${seed}-01T10:00`)));
    await reopen({ specs: [{ name: "GAZP", chartMode: "last" }] });
    record(ticks);
    expect(await history.bars(all("GAZP"), "M5")).toEqual(barsOf(ticks, "M5", "last"));
  });

  it("are drawn so of a symbol that came later, too", async () => {
    const specs: HistoryOptions["specs"][number][] = [];
    await reopen({ specs });
    specs.push({ name: "GAZP", chartMode: "last" });
    const ticks = anyTicks(3, 500, "GAZP", utc("2024-03-01T10:00"));
    record(ticks);
    expect(await history.bars(all("GAZP"), "M5")).toEqual(barsOf(ticks, "M5", "last"));
  });
});

describe("the history's limits", () => {
  const bytesUsed = async () => {
    await history.close();
    const db = new DatabaseSync(join(folder, "history.db"));
    const sql =
      "SELECT (page_count - freelist_count) * page_size AS bytes FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    const [bytes] = Object.values(db.prepare(sql).get() ?? {});
    db.close();
    return Number(bytes);
  };
  const range = (timeframe: Timeframe) => history.bars(all("EURUSD"), timeframe);

  it("let ticks older than the days it covers go, and bars with their month", async () => {
    await reopen({ maxDays: 10 });
    const ticks = [
      ...anyTicks(1, 5000, "EURUSD", utc("2024-01-15T00:00")),
      ...anyTicks(2, 5000, "EURUSD", utc("2024-03-20T00:00")),
    ];
    const kept = ticks.filter((tick) => tick.time >= (ticks.at(-1)?.time ?? 0) - 10 * DAY);
    expect(kept.length).toBeGreaterThan(1000);
    record(ticks);
    await reopen({ maxDays: 10 });
    const left = await ticksIn(all("EURUSD"));
    expect(left.slice(-kept.length)).toEqual(kept);
    expect(left.length).toBeLessThan(kept.length + 4096); // whole blocks go
    const months = barsOf(ticks, "MN1").filter((bar) => bar.time > utc("2024-02-15T00:00"));
    expect(await range("MN1")).toEqual(months);
  });

  it("let the oldest ticks go when the file is full, and keep the minutes", async () => {
    const maxBytes = 128 * 1024;
    const from = utc("2024-03-06T10:00");
    const ticks = Array.from({ length: 100_000 }, (_, n) =>
      tickAt((from + 50 * n + (n % 7)) as Instant, { bid: (100_000 + (n % 977)) as Price }),
    );
    await reopen({ maxBytes });
    record(ticks);
    await reopen({ maxBytes });
    const left = await ticksIn(all("EURUSD"));
    expect(left.length).toBeGreaterThan(10_000);
    expect(left.length).toBeLessThan(90_000);
    expect(left).toEqual(ticks.slice(-left.length));
    expect(await range("M1")).toEqual(barsOf(ticks, "M1"));
    expect(await bytesUsed()).toBeLessThan(maxBytes);
  });

  it("let the oldest months of minutes go when these fill the file", async () => {
    const maxBytes = 512 * 1024;
    const from = utc("2024-01-06T10:00");
    const ticks = Array.from({ length: 20_000 }, (_, n) => tickAt((from + 420_000 * n) as Instant));
    await reopen({ maxBytes });
    record(ticks);
    await reopen({ maxBytes });
    const months = barsOf(ticks, "MN1");
    const left = await range("MN1");
    expect(left.length).toBeGreaterThan(0);
    expect(left.length).toBeLessThan(months.length);
    expect(left).toEqual(months.slice(-left.length));
    expect((await ticksIn(all("EURUSD"))).length).toBeGreaterThan(10_000);
    expect(await bytesUsed()).toBeLessThan(maxBytes);
  });

  it("bound what waits, and say what was left out", async () => {
    const at = utc("2024-03-06T10:00");
    const batch = Array.from({ length: 4096 }, (_, n) => tickAt((at + n) as Instant));
    for (let n = 0; n < 300; n++) {
      history.record(TickRows.of(batch.map((tick) => ({ ...tick, time: (tick.time + 4096 * n) as Instant })))); // the thread's answers cannot come in between
    }
    await history.room();
    expect(notes).toEqual([
      expect.stringMatching(/^warn: .*leaves ticks out/),
      expect.stringMatching(/^warn: .*caught up/),
    ]);
    const recorded = (await range("M1")).reduce((sum, bar) => sum + bar.tickVolume, 0);
    expect(recorded).toBe(257 * 4096); // 256 waiting, and the one that was not yet handed over
    record([tickAt((at + DAY) as Instant)]);
    expect((await history.latest())[0]?.time).toBe(at + DAY);
  });
});

describe("a history in trouble", () => {
  const another = () => openTickHistory({ folder, specs: [] });

  it("refuses a second opener, and says why", async () => {
    await expect(another()).rejects.toThrow(/history\.db is in use/);
  });

  it("is whole after its thread was killed: bars and ticks agree", async () => {
    await history.close();
    let thread: Worker | undefined;
    process.once("worker", (worker) => {
      thread = worker;
    });
    await open();
    const ticks = Array.from({ length: 1_200_000 }, (_, n) =>
      tickAt((utc("2024-03-06T10:00") + 20 * n) as Instant, { bid: (100_000 + (n % 977)) as Price, sequence: n + 1 }),
    );
    for (let from = 0; from < ticks.length; from += 10_000) {
      history.record(TickRows.of(ticks.slice(from, from + 10_000)));
      await history.room();
    }
    await history.latest();
    await thread?.terminate();
    expect(notes).toEqual([expect.stringMatching(/^error: .*thread ended.*no more ticks/)]);
    history.record(TickRows.of(ticks.slice(0, 1)));
    await expect(ticksIn(all("EURUSD"))).rejects.toMatchObject({ fault: "internal" });
    await reopen();
    const left = (await history.bars(all("EURUSD"), "M1")).reduce((sum, bar) => sum + bar.tickVolume, 0);
    expect(left).toBeGreaterThanOrEqual(1_200_000 - 257 * 4096); // no more is ever uncommitted
    expect(await history.bars(all("EURUSD"), "H1")).toEqual(barsOf(ticks.slice(0, left), "H1"));
    expect((await history.latest())[0]).toEqual(ticks[left - 1]);
    history.record(TickRows.of(ticks.slice(1_000_000))); // the source begins again, somewhere
    expect(await history.bars(all("EURUSD"), "H1")).toEqual(barsOf(ticks, "H1"));
  });

  const spoil = async (number: number) => {
    await history.close();
    const db = new DatabaseSync(join(folder, "history.db"));
    const row = db.prepare("SELECT ticks FROM blocks WHERE number = ?").get(number);
    const [stored] = Object.values(row ?? {});
    const bytes = Uint8Array.from(stored as Uint8Array);
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    db.prepare("UPDATE blocks SET ticks = ? WHERE number = ?").run(bytes, number);
    db.close();
    await open();
  };

  it("names a damaged block, and gives everything else", async () => {
    const ticks = anyTicks(1, 15_000);
    record(ticks);
    await spoil(2);
    await expect(ticksIn(all("EURUSD"))).rejects.toThrow(/block 2 .*checksum/);
    const after = ticks.slice(3 * 4096);
    const fields = { from: after[0]?.time as Instant };
    expect((await ticksIn({ ...all("EURUSD"), ...fields })).slice(-after.length)).toEqual(after);
    expect(await history.bars(all("EURUSD"), "H1")).toEqual(barsOf(ticks, "H1"));
  });

  it("goes on recording after a damaged newest block, and says so", async () => {
    const ticks = anyTicks(1, 5000);
    record(ticks.slice(0, 4500));
    await spoil(2);
    expect(notes).toEqual([expect.stringMatching(/^error: the newest ticks of EURUSD cannot be read/)]);
    record(ticks);
    const fresh = ticks.slice(4500);
    const from = ((ticks[4499]?.time ?? 0) + 1) as Instant;
    expect(await ticksIn({ ...all("EURUSD"), from })).toEqual(fresh.filter((tick) => tick.time >= from));
    expect(await history.bars(all("EURUSD"), "H1")).toEqual(barsOf(ticks, "H1"));
  });

  it("leaves one file behind when it is closed", async () => {
    record(anyTicks(1, 5000));
    await history.close();
    expect(readdirSync(folder)).toEqual(["history.db"]);
    expect(statSync(join(folder, "history.db")).size).toBeLessThan(400_000);
    await expect(history.latest()).rejects.toThrow(/closed/);
    record(anyTicks(1, 1));
  });
});
