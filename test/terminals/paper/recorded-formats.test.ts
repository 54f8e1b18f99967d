import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import type { SourceTick } from "../../../src/core/model/tick.ts";
import { describeRecorded, recorded, recording } from "../../recorded.ts";
import { file, known, replay, said } from "./replaying.ts";

const ticksOf = (name: string) => `${recorded}/ticks/${name}`;
const sameMoment = (ticks: readonly SourceTick[]) => ticks.filter(({ time }, i) => time === ticks[i - 1]?.time).length;
const noSpread = (ticks: readonly SourceTick[]) => ticks.filter(({ bid, ask }) => bid === ask).length;

describeRecorded("recorded ticks", () => {
  it.each([
    ["eurusd-2014-05-02-oanda-lean.csv.gz", 49_341, "2014-05-02T00:00:00.277Z 138694/138705", "2014-05-02T20:59:58"],
    ["xauusd-2014-05-02-oanda-lean.csv.gz", 265_015, "2014-05-02T00:00:00.046Z 1284065/1284405", "2014-05-02T20:59:58"],
    ["eurusd-2014-05-02-fxcm-lean.csv.gz", 96_406, "2014-05-02T05:00:00.611Z 138626/138627", "2014-05-02T20:59:11"],
    ["eurusd-2014-05-08-fxcm-lean.csv.gz", 167_466, "2014-05-08T05:00:17", "2014-05-09T04:59:59"],
    ["eurusd-2019-02-04-00h-dukascopy.bi5", 3733, "2019-02-04T00:00:00.994Z 114543/114545", "2019-02-04T00:59:59.808Z"],
    ["eurusd-2019-02-04-10h-dukascopy.bi5", 8438, "2019-02-04T10:00:00.043Z 114452/114457", "2019-02-04T10:59:59.879Z"],
    ["eurusd-2019-02-04-23h-dukascopy.bi5", 2633, "2019-02-04T23:00:00.080Z 114352/114364", "2019-02-04T23:59:57.992Z"],
    ["eurusd-2026-07-13-12h-dukascopy.json.gz", 3551, "2026-07-13T12:00:00.093Z 114273/114277", "2026-07-13T12:59:57"],
    [
      "btcusd-2023-02-20-12h-dukascopy.json.gz",
      8523,
      "2023-02-20T12:00:00.084Z 2484940/2492150",
      "2023-02-20T12:59:58",
    ],
    ["eurusd-2020-01-01-histdata-ticks.csv.gz", 9500, "2020-01-01T22:00:00.065Z 112120/112172", "2020-01-02T04:00:52"],
    ["usdjpy-2013-01-01-truefx.csv.gz", 1000, "2013-01-01T22:00:00.295Z 86655/86728", "2013-01-01T22:35:13.494Z"],
    [
      "btcusd-2026-03-07T090342-mt5-vantage.json.gz",
      694,
      "2026-03-07T07:03:42.978Z 6760699/6762405",
      "2026-03-07T07:07:13",
    ],
    [
      "eurusd-2025-10-10T174911-mt5-vantage.json.gz",
      130,
      "2025-10-10T14:49:11.449Z 115742/115755",
      "2025-10-10T14:50:23",
    ],
  ])("of %s are %i, none dropped", async (name, count, first, last) => {
    const { ticks, market } = await replay(ticksOf(name), { strict: true });
    expect(ticks.length).toBe(count);
    expect(market.tally().ticks).toBe(count);
    expect(said(ticks[0]).startsWith(first), said(ticks[0])).toBe(true);
    expect(said(ticks.at(-1)).startsWith(last), said(ticks.at(-1))).toBe(true);
    expect(ticks.every(({ time }, i) => i === 0 || time >= (ticks[i - 1] as SourceTick).time)).toBe(true);
    expect(market.now()).toBe(ticks.at(-1)?.time);
  });

  it("of MetaTrader's own export are on the broker's clock, with the flags it wrote", async () => {
    const { ticks } = await replay(`EURGBP=${ticksOf("unnamed-2022-11-10-mt5-export-sample.tsv")}`, { strict: true });
    expect(ticks.length).toBe(7);
    expect(ticks[0]).toMatchObject({
      symbol: "EURGBP",
      time: Date.UTC(2022, 10, 10, 13, 0, 0, 17),
      brokerTime: Date.UTC(2022, 10, 10, 15, 0, 0, 17),
      bid: 86_682,
      ask: 86_712,
      last: 0,
      volume: 0,
      flags: 6,
    });
  });

  it("keep crossed quotes and zero spreads, and count what is crossed", async () => {
    const { ticks, market } = await replay(ticksOf("eurusd-2014-05-02-fxcm-lean.csv.gz"));
    expect(market.tally()).toMatchObject({ crossed: 12_061, late: 0, malformed: 0 });
    expect(noSpread(ticks)).toBe(13_004);
    expect(ticks.filter(({ bid, ask }) => ask < bid).length).toBe(12_061);
  });

  it("keep quotes of the same millisecond", async () => {
    expect(sameMoment((await replay(ticksOf("eurusd-2014-05-02-oanda-lean.csv.gz"))).ticks)).toBe(277);
    expect(sameMoment((await replay(ticksOf("usdjpy-2013-01-01-truefx.csv.gz"))).ticks)).toBe(7);
  });

  it("of twelve days are one market in time order, whatever order they are listed in", async () => {
    const days = ["01", "02", "04", "05", "06", "07", "08", "09", "11", "12", "13", "14"].reverse();
    const { ticks, market } = await replay(days.map((day) => ticksOf(`eurusd-2014-05-${day}-oanda-lean.csv.gz`)));
    expect(ticks.length).toBe(462_738);
    expect(market.tally().late).toBe(0);
    expect(ticks.every(({ time }, i) => i === 0 || time >= (ticks[i - 1] as SourceTick).time)).toBe(true);
  });

  it("of two charts of one terminal agree", async () => {
    const long = (await replay(ticksOf("eurusd-2025-10-10T174911-mt5-vantage.json.gz"))).ticks;
    const short = (await replay(ticksOf("eurusd-2025-10-10T174919-mt5-vantage.json.gz"))).ticks;
    expect(short.length).toBe(119);
    expect(long).toEqual(expect.arrayContaining([...short]));
  });

  it("with more decimals than the symbol has are rounded, and that is said once", async () => {
    const gold = { digits: 2 };
    const symbols = known.map((spec) => (spec.name === "XAUUSD" ? { ...spec, ...gold } : spec));
    const { ticks, notes } = await replay(ticksOf("xauusd-2014-05-02-oanda-lean.csv.gz"), {}, symbols);
    expect(ticks.length).toBe(265_015);
    expect(ticks[0]).toMatchObject({ bid: 128_407, ask: 128_441 });
    expect(notes.filter((note) => note.includes("more decimals than XAUUSD has digits (2)")).length).toBe(1);
  });

  it("end with an error, not with invented ticks, where an LZMA stream is cut off", async () => {
    const whole = recording("ticks/eurusd-2019-02-04-00h-dukascopy.bi5");
    const half = file("eurusd-2019-02-04-00h.bi5", whole.subarray(0, whole.length / 2));
    const { ticks, notes } = await replay(half);
    expect(ticks).toEqual([]);
    expect(notes.join("\n")).toMatch(/error .*the LZMA stream is (cut off|damaged)/);
    await expect(replay(half, { strict: true })).rejects.toThrow(/LZMA stream/);
  });
});

describe("a format", () => {
  it("LEAN has its day in the file's name, and cuts a millisecond's fraction off", async () => {
    const { ticks } = await replay(file("20140502_EURUSD_quote.csv", "46.9042,1.38694,1.38705\n86399999.9,1.3,1.4\n"));
    expect(ticks.map(said)).toEqual([
      "2014-05-02T00:00:00.046Z 138694/138705",
      "2014-05-02T23:59:59.999Z 130000/140000",
    ]);
  });

  it("LEAN of FXCM is on New York winter time", async () => {
    const { ticks } = await replay(file("eurusd-2014-07-02-fxcm.csv", "0,1.38694,1.38705\n"));
    expect(said(ticks[0])).toBe("2014-07-02T05:00:00.000Z 138694/138705");
  });

  it("LEAN without a day in its name is refused", async () => {
    await expect(replay(file("eurusd.csv", "0,1.3,1.4\n"))).rejects.toThrow(/eurusd\.csv: a LEAN file needs its date/);
  });

  it("HistData is on New York winter time all year", async () => {
    const { ticks } = await replay(file("DAT_ASCII_EURUSD_T_202007.csv", "20200701 170000065,1.121200,1.121720,0\r\n"));
    expect(ticks.map(said)).toEqual(["2020-07-01T22:00:00.065Z 112120/112172"]);
  });

  it("TrueFX comes as given out and as saved again", async () => {
    const given = file("x.csv", "EUR/USD,20130101 22:00:00.295,1.31950,1.31957\n");
    const saved = file("EURUSD.csv", "timestamp,bid,ask\n2013-01-01 17:00:00.295999-05:00,1.3195,1.31957\n");
    expect((await replay(given)).ticks.map(said)).toEqual(["2013-01-01T22:00:00.295Z 131950/131957"]);
    expect((await replay(saved)).ticks.map(said)).toEqual(["2013-01-01T22:00:00.295Z 131950/131957"]);
  });

  it("MetaTrader's export leaves out what did not change, and may have deals", async () => {
    const head = "<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\t<FLAGS>";
    const rows = [
      "2022.07.10\t15:00:00.017\t0.86682\t0.86712\t\t\t6",
      "2022.07.10\t15:00:01.017\t\t0.86713\t0.867\t0.25\t28",
    ];
    const { ticks } = await replay(file("EURGBP_2022.tsv", `\uFEFF${head}\r\n${rows.join("\r\n")}`), { strict: true });
    expect(ticks.map(said)).toEqual(["2022-07-10T12:00:00.017Z 86682/86712", "2022-07-10T12:00:01.017Z 86682/86713"]);
    expect(ticks[1]).toMatchObject({ last: 86_700, volume: 25_000_000, flags: 28 });
  });

  it("of a recorder names its symbol, and is on the broker's clock", async () => {
    const tick = {
      time_msc: Date.UTC(2025, 0, 7, 14),
      bid: 1.1,
      ask: 1.1001,
      last: 0,
      real_volume: 0,
      tick_flags: "ASK",
    };
    const text = JSON.stringify({
      metadata: { symbol: "EURUSD" },
      ticks: [tick, { ...tick, bid: -1 }, 7, { ...tick, time_msc: "x" }],
    });
    const { ticks, notes, market } = await replay(file("a.json", text));
    expect(ticks.map(said)).toEqual(["2025-01-07T12:00:00.000Z 110000/110010"]);
    expect(ticks[0]?.flags).toBe(4);
    expect(market.tally().malformed).toBe(3);
    expect(notes.join("\n")).toMatch(/a\.json, tick 2: the bid is not a positive price[\s\S]*tick 3: it is no object/);
  });

  it("Dukascopy's JSON adds up steps", async () => {
    const hour = { timestamp: Date.UTC(2026, 0, 5, 12), multiplier: 1e-5, ask: 1.1, bid: 1.0999 };
    const steps = { times: [5, 10], asks: [0, 3], bids: [0, -2] };
    const { ticks } = await replay(file("eurusd.json", JSON.stringify({ ...hour, ...steps })));
    expect(ticks.map(said)).toEqual([
      "2026-01-05T12:00:00.005Z 109990/110000",
      "2026-01-05T12:00:00.015Z 109988/110003",
    ]);
    const uneven = file("eurusd.json", JSON.stringify({ ...hour, ...steps, asks: [0] }));
    await expect(replay(uneven, { strict: true })).rejects.toThrow(/its lists differ in length/);
  });

  it("Dukascopy's empty hour is one without ticks", async () => {
    const path = file("EURUSD/2019/01/04/10h_ticks.bi5", "");
    const { ticks, market } = await replay(path);
    expect([ticks.length, new Date(market.now()).toISOString()]).toEqual([0, "2019-02-04T10:00:00.000Z"]);
  });

  it("is told by the content: a packed file needs no special name", async () => {
    const { ticks } = await replay(file("eurusd-2014-05-02", gzipSync("1,1.3,1.4\n2,1.3,1.5")));
    expect(ticks.length).toBe(2);
  });

  it.each([
    ["nothing at all", "", "it is empty"],
    ["noise", "\u0000\u0001\u0002hello", "its format is none of dukascopy-bi5, mt5-export"],
    ["UTF-16", Buffer.from("\uFEFF<DATE>\t<TIME>", "utf16le"), "it is UTF-16 text"],
  ])("is not found in %s", async (_what, content, reason) => {
    await expect(replay(file("eurusd-2014-05-02.csv", content))).rejects.toThrow(
      new RegExp(`eurusd-2014-05-02.csv: ${reason}`),
    );
  });
});
