import { describe, expect, it } from "vitest";
import { type Bar, type Timeframe, timeframes } from "../../../src/core/model/bar.ts";
import { toBrokerTime } from "../../../src/core/model/broker-clock.ts";
import type { Price, Volume } from "../../../src/core/model/decimals.ts";
import type { BrokerTime, Instant } from "../../../src/core/model/ids.ts";
import { tickFlags } from "../../../src/core/model/tick.ts";
import { BarFold, inPeriods, periodEnd, periodOf, periodStart } from "../../../src/core/ticks/bars.ts";
import { anyTicks, barsOf, tickAt, utc } from "../../any-ticks.ts";

const broker = (text: string) => utc(text) as number as BrokerTime;
const iso = (time: number) => new Date(time).toISOString().slice(0, 16);

describe("a period", () => {
  it.each<[Timeframe, string, string, string]>([
    ["M1", "2024-03-06T13:59:59", "2024-03-06T13:59", "2024-03-06T14:00"],
    ["M6", "2024-03-06T13:59", "2024-03-06T13:54", "2024-03-06T14:00"],
    ["M20", "2024-03-06T13:59", "2024-03-06T13:40", "2024-03-06T14:00"],
    ["H1", "2024-03-06T13:59", "2024-03-06T13:00", "2024-03-06T14:00"],
    ["H4", "2024-03-06T13:59", "2024-03-06T12:00", "2024-03-06T16:00"],
    ["H8", "2024-03-06T23:59", "2024-03-06T16:00", "2024-03-07T00:00"],
    ["D1", "2024-03-06T23:59", "2024-03-06T00:00", "2024-03-07T00:00"],
    ["W1", "2024-03-09T23:59", "2024-03-03T00:00", "2024-03-10T00:00"],
    ["W1", "2024-03-10T00:00", "2024-03-10T00:00", "2024-03-17T00:00"],
    ["W1", "1969-12-31T00:00", "1969-12-28T00:00", "1970-01-04T00:00"],
    ["MN1", "2024-02-29T23:59", "2024-02-01T00:00", "2024-03-01T00:00"],
    ["MN1", "2024-12-31T23:59", "2024-12-01T00:00", "2025-01-01T00:00"],
  ])("%s of %s is from %s until %s on the broker's clock", (timeframe, at, start, end) => {
    expect(iso(periodStart(timeframe, broker(at)))).toBe(start);
    expect(iso(periodEnd(timeframe, broker(at)))).toBe(end);
  });

  const start = (timeframe: Timeframe, at: string) => {
    const time = utc(at);
    return iso(periodOf(timeframe, { time, brokerTime: toBrokerTime(time) }).time);
  };

  it("begins in UTC when the broker's clock showed its start, though the clock has changed since", () => {
    expect(start("D1", "2024-03-06T12:00")).toBe("2024-03-05T22:00");
    expect(start("W1", "2024-03-11T12:00")).toBe("2024-03-09T22:00"); // put forward on Sunday at 7:00 UTC
    expect(start("D1", "2024-11-03T12:00")).toBe("2024-11-02T21:00"); // put back on Sunday at 6:00 UTC
    expect(start("MN1", "2024-11-20T12:00")).toBe("2024-10-31T21:00");
  });

  it("begins as the tick's own clock says where that is not New York's", () => {
    const time = utc("2024-03-06T12:34");
    const tokyo = (time + 9 * 3_600_000) as BrokerTime;
    expect(iso(periodOf("D1", { time, brokerTime: tokyo }).time)).toBe("2024-03-05T15:00");
  });

  it("never begins after a tick in it, nor jumps back, all year round", () => {
    for (const timeframe of timeframes) {
      let before = Number.NEGATIVE_INFINITY;
      for (let time = utc("2024-01-01T00:00"); time < utc("2025-01-01T00:00"); time = (time + 59 * 60_000) as Instant) {
        const period = periodOf(timeframe, { time, brokerTime: toBrokerTime(time) });
        expect(period.time <= time && period.time >= before, `${timeframe} at ${iso(time)}`).toBe(true);
        before = period.time;
      }
    }
  });
});

describe("a bar", () => {
  const minute = utc("2024-03-06T10:00");
  const at = (seconds: number, fields?: Parameters<typeof tickAt>[1]) =>
    tickAt((minute + seconds * 1000) as Instant, fields);
  const bid = (value: number) => ({ bid: value as Price });

  it("has the first, highest, lowest and last price, its nominal start, and the smallest spread", () => {
    const ticks = [at(7, bid(105)), at(9, bid(109)), at(20, { ...bid(101), ask: 104 as Price }), at(59, bid(103))];
    expect(barsOf(ticks, "M1")).toEqual([
      {
        symbol: "EURUSD",
        timeframe: "M1",
        time: minute,
        brokerTime: minute + 2 * 3_600_000,
        ...{ open: 105, high: 109, low: 101, close: 103 },
        ...{ tickVolume: 4, spread: 3, realVolume: 0, final: false },
      },
    ]);
  });

  it("is final once a tick of a later period comes, and not before", () => {
    const fold = new BarFold("EURUSD", "M5", "bid");
    expect(fold.running).toBeUndefined();
    expect(fold.add(at(0, bid(105)))).toBeUndefined();
    expect(fold.add(at(299, bid(106)))).toBeUndefined();
    expect(fold.add(at(300, bid(107)))).toMatchObject({ time: minute, close: 106, final: true });
    expect(fold.running).toMatchObject({ time: minute + 300_000, open: 107, tickVolume: 1, final: false });
  });

  it("does not exist where there are no ticks", () => {
    const bars = barsOf([at(0), at(600)], "M1");
    expect(bars.map((bar) => bar.time)).toEqual([minute, minute + 600_000]);
  });

  it("counts the ticks that changed its price, and the first of a minute whatever it changed", () => {
    const askOnly = { flags: tickFlags.ask };
    expect(barsOf([at(0, askOnly), at(1, askOnly), at(2), at(3, askOnly)], "M1")[0]?.tickVolume).toBe(2);
    expect(barsOf([at(0, bid(1)), at(1, { ...bid(2), ...askOnly })], "M1")[0]?.tickVolume).toBe(2);
    expect(barsOf([at(0), at(1, askOnly), at(61, askOnly)], "H1")[0]?.tickVolume).toBe(2);
  });

  it("is drawn from the last price where the symbol says so", () => {
    const deal = { last: 50 as Price, volume: 2e8 as Volume, flags: tickFlags.last | tickFlags.volume };
    const ticks = [at(0), at(1, deal), at(2, { ...deal, flags: tickFlags.bid }), at(3, { ...deal, last: 60 as Price })];
    const [bar] = barsOf(ticks, "M1", "last");
    expect(bar).toMatchObject({ open: 50, high: 60, low: 50, close: 60, tickVolume: 2, realVolume: 4e8 });
  });

  it("does not fall to zero when quotes are withdrawn", () => {
    const [bar] = barsOf([at(0, bid(105)), at(1, { bid: 0 as Price, ask: 0 as Price })], "M1");
    expect(bar).toMatchObject({ low: 105, close: 105, tickVolume: 1, spread: 10 });
  });

  it("keeps a negative spread of crossed quotes", () => {
    expect(barsOf([at(0, { ...bid(105), ask: 103 as Price })], "M1")[0]?.spread).toBe(-2);
  });

  it("is not changed by ticks from before its period", () => {
    const fold = new BarFold("EURUSD", "M5", "bid");
    fold.add(at(600, bid(105)));
    const running = fold.running;
    expect(fold.add(at(599, bid(1)))).toBeUndefined();
    expect(fold.running).toEqual(running);
  });

  it("goes on from where it was left", () => {
    const ticks = anyTicks(5, 600);
    for (const timeframe of ["M1", "H4", "W1"] as const) {
      for (const cut of [1, 77, 300, 599]) {
        const before = new BarFold("EURUSD", timeframe, "bid");
        const minutes = new BarFold("EURUSD", "M1", "bid");
        const closed: (Bar | undefined)[] = [];
        for (const tick of ticks.slice(0, cut)) {
          closed.push(before.add(tick));
          minutes.add(tick);
        }
        const [bar, minute] = [before.running, minutes.running];
        if (bar === undefined || minute === undefined) throw new Error("no running bar");
        const after = new BarFold("EURUSD", timeframe, "bid", { bar, minute: minute.time });
        for (const tick of ticks.slice(cut)) closed.push(after.add(tick));
        const bars = [...closed.filter((one) => one !== undefined), after.running];
        expect(bars, `${timeframe} cut at ${cut}`).toEqual(barsOf(ticks, timeframe));
      }
    }
  });

  it("is what the minutes within it add up to, in whatever order they are read", () => {
    for (let seed = 0; seed < 40; seed++) {
      const ticks = anyTicks(seed, 1500);
      for (const chart of ["bid", "last"] as const) {
        const minutes = barsOf(ticks, "M1", chart);
        for (const timeframe of timeframes) {
          const bars = barsOf(ticks, timeframe, chart);
          expect([...inPeriods(minutes, timeframe)], `seed ${seed} ${timeframe}`).toEqual(bars);
          const backwards = [...inPeriods(minutes.toReversed(), timeframe, "newest first")];
          expect(backwards.toReversed(), `seed ${seed} ${timeframe} backwards`).toEqual(bars);
        }
      }
    }
  });
});
