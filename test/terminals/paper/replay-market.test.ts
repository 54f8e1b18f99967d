import { readFileSync, truncateSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { SourceTick } from "../../../src/core/model/tick.ts";
import { RowWriter } from "../../../src/core/model/tick-rows.ts";
import { merged } from "../../../src/terminals/paper/merge.ts";
import { ReplayMarket } from "../../../src/terminals/paper/replay-market.ts";
import { timeZone } from "../../../src/terminals/paper/time-zone.ts";
import { EagerClock, file, known, replay, said } from "./replaying.ts";
import { Notes } from "./scripted.ts";

const day = "eurusd-2014-05-02.csv";
const midnight = Date.UTC(2014, 4, 2);
const into = (ticks: readonly SourceTick[]) => ticks.map(({ time }) => time - midnight);
const thousands = (count: number) => Array.from({ length: count }, (_, i) => `${i},1.3,1.${4 + (i % 2)}`).join("\n");

describe("a replay", () => {
  it("passes crossed and repeated quotes as recorded, counts them, and flags what changed", async () => {
    const { ticks, market } = await replay(file(day, "1,1.3,1.4\n1,1.3,1.4\n2,1.5,1.4\n3,1.5,1.5\n4,1.5,1.5\n"));
    expect(ticks.map(({ flags }) => flags)).toEqual([6, 0, 2, 4, 0]);
    expect(market.tally()).toEqual({ ticks: 5, malformed: 0, crossed: 1, repeated: 1, late: 0 });
  });

  it("delivers a late stamp in its place, at its predecessor's time", async () => {
    const { ticks, market } = await replay(file(day, "5,1.1,1.4\n3,1.2,1.4\n4,1.3,1.4\n6,1.4,1.5\n"));
    expect(into(ticks)).toEqual([5, 5, 5, 6]);
    expect(ticks.map(({ bid }) => bid)).toEqual([110_000, 120_000, 130_000, 140_000]);
    expect(market.tally().late).toBe(2);
  });

  it.each([
    ["x,1.3,1.4", "the time is not a number"],
    ["2,1.3", "a comma is missing"],
    ["2,1.3,1.4,9", '",9" is too much'],
    ["2,,1.4", "the bid is not a number"],
    ["2,0,1.4", "the bid is not a positive price"],
    ["2,1.3,-1.4", "the ask is negative"],
    ["2,1.3.1,1.4", 'a comma was expected, not ".1,1.4"'],
    ["2,1e3,1.4", 'a comma was expected, not "e3,1.4"'],
    ["86400000,1.3,1.4", "the time is past the day's end"],
    ["2,1.30000000000000000000001,1.4", "the bid has too many digits"],
  ])("names file, line and reason of the malformed line %s", async (line, reason) => {
    const path = file(day, `1,1.3,1.4\n\n${line}\n3,1.3,1.4`);
    const { ticks, notes, market } = await replay(path);
    expect(into(ticks)).toEqual([1, 3]);
    expect(market.tally().malformed).toBe(1);
    expect(notes).toContain(`warn replay: ${path}, line 3: ${reason}`);
    await expect(replay(path, { strict: true })).rejects.toThrow(`${path}, line 3: ${reason}`);
  });

  it.each([70_000, 700_000])("passes over a line of %d bytes, and keeps those around it", async (length) => {
    const path = file(day, `1,1.3,1.4\n${"9".repeat(length)}\n3,1.3,1.4\nx\n`);
    const { ticks, notes } = await replay(path);
    expect(into(ticks)).toEqual([1, 3]);
    expect(notes).toContain(`warn replay: ${path}, line 2: it is longer than 65536 bytes`);
    expect(notes).toContain(`warn replay: ${path}, line 4: the time is not a number`);
  });

  it("says of many malformed lines the first ten, then how many more", async () => {
    const { notes, ticks } = await replay(file(day, `1,1.3,1.4\n${"rubbish\n".repeat(25)}2,1.3,1.4\n`));
    expect(ticks.length).toBe(2);
    expect(notes.filter((note) => note.startsWith("warn")).length).toBe(11);
    expect(notes.some((note) => note.endsWith("15 more malformed, 25 in all"))).toBe(true);
  });

  it("delivers what comes before the end of a packed file that is cut off, and says so", async () => {
    const path = file(`${day}.gz`, gzipSync(thousands(50_000)));
    truncateSync(path, Math.floor(readFileSync(path).length / 2));
    const { ticks, notes } = await replay(path);
    expect(ticks.length).toBeGreaterThan(1000);
    expect(ticks.length).toBeLessThan(50_000);
    expect(into(ticks)).toEqual(ticks.map((_, i) => i));
    expect(notes).toContain(`error replay: ${path}: it is cut off; the ticks before that are replayed`);
    await expect(replay(path, { strict: true })).rejects.toThrow(`${path}: it is cut off`);
  });

  it("loses no line where two chunks meet", async () => {
    const { ticks } = await replay(file(day, thousands(40_000)), { strict: true });
    expect(into(ticks)).toEqual(ticks.map((_, i) => i));
    expect(ticks.length).toBe(40_000);
  });

  it("merges files by time; at the same time the first listed goes first", async () => {
    const euro = file(day, "1,1.1,1.2\n3,1.1,1.3\n5,1.1,1.2\n");
    const pound = file("gbpusd-2014-05-02.csv", "1,1.5,1.6\n2,1.5,1.7\n3,1.5,1.6\n9,1.5,1.7\n");
    const order = (ticks: readonly SourceTick[]) =>
      ticks.map(({ symbol, time }) => `${symbol[0]}${time - midnight}`).join(" ");
    expect(order((await replay([euro, pound])).ticks)).toBe("E1 G1 G2 E3 G3 E5 G9");
    expect(order((await replay([pound, euro])).ticks)).toBe("G1 E1 G2 G3 E3 E5 G9");
  });

  it("tells its progress every few seconds", async () => {
    const notes = new Notes();
    const clock = new EagerClock();
    const market = await ReplayMarket.open({ files: [file(day, thousands(5000))], speed: "max" }, known, clock, notes);
    for await (const _ of market.batches(new AbortController().signal)) clock.time += 2000;
    expect(notes.lines.filter((line) => line === "info replay: replaying").length).toBe(1);
  });

  it("stops when it is told to, and starts from the beginning when asked again", async () => {
    const market = await ReplayMarket.open(
      { files: [file(day, thousands(5000))], speed: "max" },
      known,
      new EagerClock(),
      new Notes(),
    );
    const stop = new AbortController();
    let count = 0;
    for await (const batch of market.batches(stop.signal)) {
      count += batch.length;
      stop.abort();
    }
    expect(count).toBe(1000);
    const again = [];
    for await (const batch of market.batches(new AbortController().signal)) again.push(...batch);
    expect(again.length).toBe(5000);
  });
});

describe("a replay's pace", () => {
  const pace = (lines: string, speed: number) => replay(file(day, lines), { speed });

  it("keeps the recorded gaps, divided by the speed", async () => {
    const { clock, ticks, market } = await pace("0,1.3,1.4\n1000,1.3,1.5\n1000,1.3,1.4\n61000,1.3,1.5\n", 2);
    expect(ticks.length).toBe(4);
    expect(market.patient).toBe(false);
    expect(clock.sleeps).toEqual([500, 30_000]);
  });

  it("takes a minute at most over a closed market, and any time over an open one", async () => {
    const hours = 3_600_000;
    expect((await pace(`0,1.3,1.4\n${9 * 60_000},1.3,1.5\n${10 * hours},1.3,1.6`, 1)).clock.sleeps).toEqual([
      540_000, 60_000,
    ]);
    expect((await pace(`0,1.3,1.4\n${hours},1.3,1.5\n`, 3600)).clock.sleeps).toEqual([1000]);
  });

  it("waits for its readers at full speed", async () => {
    const { clock, market } = await replay(file(day, "0,1.3,1.4\n80000000,1.3,1.5\n"));
    expect([market.patient, clock.sleeps]).toEqual([true, []]);
  });

  it("has the first tick's time before it begins, then the last delivered one's", async () => {
    const market = await ReplayMarket.open(
      { files: [file(day, "rubbish\n7,1.3,1.4\n9,1.3,1.5")], speed: "max" },
      known,
      new EagerClock(),
      new Notes(),
    );
    expect(market.now()).toBe(midnight + 7);
    for await (const _ of market.batches(new AbortController().signal));
    expect(market.now()).toBe(midnight + 9);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("is refused at a speed of %d", async (speed) => {
    await expect(pace("0,1.3,1.4\n", speed)).rejects.toThrow(/speed is a positive number or "max"/);
  });
});

describe("a recording's symbol", () => {
  const line = "0,1.3,1.4\n";

  it.each([
    ["eurusd-2014-05-02.csv", "EURUSD"],
    ["LEAN/gbpusd/20140502_quote.csv", "GBPUSD"],
    ["EURUSD/usdjpy_2014-05-02.csv", "USDJPY"],
  ])("of %s is found in its name: %s", async (name, symbol) => {
    expect((await replay(file(name, line))).ticks[0]?.symbol).toBe(symbol);
  });

  it("may be named before or behind the path, whatever the file is called", async () => {
    const path = file("eurusd-2014-05-02.csv", line);
    expect((await replay(`GBPUSD=${path}`)).ticks[0]?.symbol).toBe("GBPUSD");
    expect((await replay(`${path}@gbpusd`)).ticks[0]?.symbol).toBe("GBPUSD");
  });

  it.each([
    ["EURSEK=", "", "its symbol EURSEK is not known; known are EURUSD, GBPUSD"],
    ["", "@EURSEK", "its symbol EURSEK is not known; known are EURUSD, GBPUSD"],
  ])("is refused when it is unknown (%sfile%s)", async (before, behind, reason) => {
    await expect(replay(`${before}${file(day, line)}${behind}`)).rejects.toThrow(new RegExp(`${day}: ${reason}`));
  });

  it("is asked for when nothing tells it", async () => {
    const path = file("20140502_ticks.csv", line);
    await expect(replay(path)).rejects.toThrow(/20140502_ticks.csv: its name has no known symbol.*write SYMBOL=/);
  });
});

describe("a file that cannot be replayed", () => {
  it("is named at the start: a missing one, a folder, none at all", async () => {
    await expect(replay("/nowhere/eurusd.csv")).rejects.toThrow(
      "cannot replay /nowhere/eurusd.csv: there is no such file",
    );
    await expect(replay("/")).rejects.toThrow("cannot replay /: it is not a file");
    await expect(replay([])).rejects.toThrow("a replay needs at least one file");
  });
});

describe("a time zone", () => {
  const utc = (zone: string, ...reading: [number, number, number, number]) =>
    new Date(timeZone(zone)(Date.UTC(...reading))).toISOString();

  it.each([
    ["UTC", "2024-07-01T12:00:00.000Z"],
    ["UTC-5", "2024-07-01T17:00:00.000Z"],
    ["UTC+5:30", "2024-07-01T06:30:00.000Z"],
    ["broker", "2024-07-01T09:00:00.000Z"],
    ["America/New_York", "2024-07-01T16:00:00.000Z"],
  ])("%s turns noon of a summer's day into %s", (zone, expected) => expect(utc(zone, 2024, 6, 1, 12)).toBe(expected));

  it("means the later of an hour that occurs twice, and passes over one that does not occur", () => {
    expect(utc("America/New_York", 2024, 10, 3, 1)).toBe("2024-11-03T06:00:00.000Z");
    expect(utc("America/New_York", 2024, 2, 10, 2)).toBe("2024-03-10T07:00:00.000Z");
  });

  it("of all files or of one format's replaces the format's own", async () => {
    const path = file(day, "0,1.3,1.4\n");
    expect(said((await replay(path, { timeZone: "UTC-5" })).ticks[0])).toMatch(/^2014-05-02T05:00/);
    expect(said((await replay(path, { timeZone: "UTC-5", timeZones: { lean: "UTC-6" } })).ticks[0])).toMatch(
      /^2014-05-02T06:00/,
    );
  });

  it("that nobody knows is refused", async () => {
    await expect(replay(file(day, "0,1.3,1.4\n"), { timeZone: "Mars/Phobos" })).rejects.toThrow(
      /unknown time zone "Mars\/Phobos"/,
    );
  });
});

describe("merged streams", () => {
  const symbols = [{ name: "EURUSD" }];
  const rows = (...times: number[]) => {
    const writer = new RowWriter(symbols, times.length);
    for (const time of times) writer.add(0, time, time, 1, 2, 0, 0, 6);
    return writer.take();
  };

  it("are not opened before they start", async () => {
    const opened: number[] = [];
    const source = (starts: number, ...times: number[]) => ({
      starts,
      async *batches() {
        opened.push(starts);
        yield rows(...times);
      },
    });
    const stream = merged([source(5, 5, 6), source(1, 1, 2), source(3, 4)], 10);
    expect([...((await stream.next()).value ?? [])].map(({ time }) => time)).toEqual([1, 2]);
    expect(opened).toEqual([1]);
    const rest = [];
    for await (const batch of stream) for (const { time } of batch) rest.push(time);
    expect(rest).toEqual([4, 5, 6]);
  });

  it("are closed when the reader leaves", async () => {
    let closed = 0;
    const source = {
      starts: 0,
      async *batches() {
        try {
          for (let time = 0; ; time++) yield rows(time);
        } finally {
          closed++;
        }
      },
    };
    for await (const _ of merged([source, source], 10)) break;
    expect(closed).toBe(2);
  });
});
