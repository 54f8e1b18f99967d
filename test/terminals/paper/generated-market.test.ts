import { describe, expect, it } from "vitest";
import type { SymbolSpec } from "../../../src/core/model/symbol.ts";
import type { SourceTick } from "../../../src/core/model/tick.ts";
import { GeneratedMarket, type GeneratedSettings } from "../../../src/terminals/paper/generated-market.ts";
import { inSession } from "../../../src/terminals/paper/opening-hours.ts";
import { normals, seeded } from "../../../src/terminals/paper/seeded.ts";
import { defaultSymbols } from "../../../src/terminals/paper/symbols.ts";
import { contract, pair } from "./contracts.ts";
import { EagerClock } from "./replaying.ts";

const monday = Date.UTC(2025, 0, 6, 12);
const MINUTE = 60_000;

async function generated(
  settings: Partial<GeneratedSettings>,
  seconds: number,
  symbols: readonly SymbolSpec[] = defaultSymbols,
  clock = new EagerClock(monday),
): Promise<SourceTick[]> {
  const end = clock.time + seconds * 1000;
  const ticks: SourceTick[] = [];
  for await (const batch of new GeneratedMarket({ seed: 1, ...settings }, symbols, clock).batches(
    new AbortController().signal,
  )) {
    if (batch.length > 1000) expect.fail(`a batch of ${batch.length}`);
    for (const tick of batch) if (tick.time < end) ticks.push(tick);
    if (clock.time >= end) return ticks;
  }
  return ticks;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  const together = a.map((value, i) => (value - meanA) * ((b[i] as number) - meanB));
  return mean(together) / (deviation(a) * deviation(b));
}

/** What `of` tells of each tick, by periods of so many milliseconds. */
function grouped(ticks: readonly SourceTick[], period: number, of: (tick: SourceTick) => number): number[][] {
  const groups: number[][] = [];
  for (const tick of ticks) {
    const at = Math.floor((tick.time - monday) / period);
    const group = groups[at] ?? [];
    groups[at] = group;
    group.push(of(tick));
  }
  return Array.from(groups, (group) => group ?? []);
}

/** Logarithmic returns of a symbol's middle price over periods of so many milliseconds. */
function returns(ticks: readonly SourceTick[], symbol: string, period: number): number[] {
  const closes: number[] = [];
  for (const tick of ticks)
    if (tick.symbol === symbol) closes[Math.floor((tick.time - monday) / period)] = (tick.bid + tick.ask) / 2;
  for (let i = 1; i < closes.length; i++) closes[i] ??= closes[i - 1] as number;
  return closes.slice(1).map((close, i) => Math.log(close / (closes[i] ?? close)));
}

/** Nothing depends on when the market began. */
const sequence = (ticks: readonly SourceTick[], start: number) =>
  ticks.map(({ symbol, time, bid, ask, flags }) => `${symbol} ${time - start} ${bid} ${ask} ${flags}`);

describe("chance from a seed", () => {
  it("gives the same numbers to the same seed, and others to others", () => {
    const some = (seed: number | string) =>
      Array.from(
        { length: 5 },
        (
          (chance) => () =>
            chance.next()
        )(seeded(seed)),
      );
    expect(some(7)).toEqual(some("7"));
    expect(some(7)).not.toEqual(some(8));
  });

  it("is uniform between 0 and 1, 1 excluded", () => {
    const chance = seeded(3);
    const values = Array.from({ length: 100_000 }, () => chance.next());
    expect(mean(values)).toBeCloseTo(0.5, 2);
    expect(deviation(values)).toBeCloseTo(Math.sqrt(1 / 12), 2);
    expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
  });

  it("can be drawn normally", () => {
    const draw = normals(seeded(3));
    const values = Array.from({ length: 100_000 }, draw);
    expect(mean(values)).toBeCloseTo(0, 1);
    expect(deviation(values)).toBeCloseTo(1, 1);
  });
});

describe("a generated market", () => {
  it("is the same for the same seed, whenever it begins and however its clock moves", async () => {
    const other = new EagerClock(monday + 12_345_000);
    const sluggish = new EagerClock(monday);
    sluggish.sleep = async (ms) => {
      sluggish.time += ms + 700;
    };
    const [first, second, third] = [
      sequence(await generated({ seed: "a" }, 120), monday),
      sequence(await generated({ seed: "a" }, 120, defaultSymbols, other), monday + 12_345_000),
      sequence(await generated({ seed: "a" }, 120, defaultSymbols, sluggish), monday),
    ];
    expect(first.length).toBeGreaterThan(1000);
    expect(second).toEqual(first);
    expect(third).toEqual(first);
    expect(sequence(await generated({ seed: "b" }, 120), monday)).not.toEqual(first);
  });

  it("keeps every promise of a quote: on the grid, above zero, ask above bid, something changed, time not falling", async () => {
    const coarse = contract("US500", { tickSize: 25 as SymbolSpec["tickSize"] });
    const penny = contract("US500", { name: "PENNY", digits: 0, contractSize: 1 });
    const symbols = [...defaultSymbols.filter(({ name }) => name !== "US500"), coarse, penny];
    for (const seed of [1, 2, 3]) {
      const ticks = await generated({ seed, rate: 2000 }, 30, symbols);
      const last = new Map<string, SourceTick>();
      let time = 0;
      for (const tick of ticks) {
        const spec = symbols.find(({ name }) => name === tick.symbol) as SymbolSpec;
        const before = last.get(tick.symbol);
        const flags = (tick.bid === before?.bid ? 0 : 2) | (tick.ask === before?.ask ? 0 : 4);
        const fine =
          tick.bid > 0 && tick.ask > tick.bid && tick.bid % spec.tickSize === 0 && tick.ask % spec.tickSize === 0;
        if (!fine || flags === 0 || flags !== tick.flags || tick.time < time)
          expect.fail(`seed ${seed}: ${JSON.stringify(tick)}`);
        last.set(tick.symbol, tick);
        time = tick.time;
      }
      expect(last.size).toBe(symbols.length);
    }
  });

  it("starts at prices people know, crosses in agreement with their legs", async () => {
    const symbols = [...defaultSymbols, pair("EUR", "GBP"), pair("AUD", "JPY")];
    const ticks = await generated({ rate: 200 }, 60, symbols);
    const middle = (name: string) => {
      const last = ticks.findLast(({ symbol }) => symbol === name) as SourceTick;
      const { digits } = symbols.find((spec) => spec.name === name) as SymbolSpec;
      return (last.bid + last.ask) / 2 / 10 ** digits;
    };
    expect(middle("EURUSD")).toBeCloseTo(1.085, 1);
    expect(middle("XAUUSD") / 2035).toBeCloseTo(1, 1);
    expect(middle("EURGBP") / (middle("EURUSD") / middle("GBPUSD"))).toBeCloseTo(1, 3);
    expect(middle("AUDJPY") / (middle("AUDUSD") * middle("USDJPY"))).toBeCloseTo(1, 3);
  });

  it("goes on from the last ticks it is given", async () => {
    const [tick] = await generated({}, 10, [contract("EURUSD")]);
    const resume = [{ ...(tick as SourceTick), bid: 140_000, ask: 140_009 } as SourceTick];
    const [next] = await generated({ resume }, 10, [contract("EURUSD")]);
    expect(Math.abs((next as SourceTick).bid - 140_000)).toBeLessThan(100);
  });

  it("is no metronome: gaps vary more than those of independent ticks, and bursts come in clusters", async () => {
    const ticks = await generated({ rate: 30 }, 3600);
    const gaps = ticks.slice(1).map(({ time }, i) => time - (ticks[i] as SourceTick).time);
    expect(deviation(gaps) / mean(gaps)).toBeGreaterThan(1.1);
    const perSecond = grouped(ticks, 1000, () => 1).map((group) => group.length);
    expect(deviation(perSecond) ** 2 / mean(perSecond)).toBeGreaterThan(2);
    expect(ticks.length / 3600).toBeGreaterThan(29);
    expect(ticks.length / 3600).toBeLessThan(31);
  });

  it("moves together where things hang together", async () => {
    const ticks = await generated({ rate: 40, seed: 8 }, 4 * 3600);
    const minutes = (symbol: string) => returns(ticks, symbol, MINUTE);
    expect(correlation(minutes("EURUSD"), minutes("GBPUSD"))).toBeGreaterThan(0.4);
    expect(correlation(minutes("EURUSD"), minutes("USDJPY"))).toBeLessThan(-0.25);
    expect(correlation(minutes("US500"), minutes("NAS100"))).toBeGreaterThan(0.5);
  });

  it("has calm hours and storms: large moves follow large moves, and the spread widens with them", async () => {
    const ticks = await generated({ rate: 24, seed: 9 }, 6 * 3600);
    const moves = returns(ticks, "EURUSD", 10_000).map(Math.abs);
    expect(correlation(moves.slice(1), moves.slice(0, -1))).toBeGreaterThan(0.15);
    const returnsBySeed = returns(ticks, "EURUSD", 10_000);
    expect(Math.abs(correlation(returnsBySeed.slice(1), returnsBySeed.slice(0, -1)))).toBeLessThan(0.1);

    const euro = ticks.filter(({ symbol }) => symbol === "EURUSD");
    const spreads = grouped(euro, MINUTE, ({ bid, ask }) => ask - bid);
    const perMinute = returns(ticks, "EURUSD", MINUTE).map(Math.abs);
    expect(correlation(perMinute, spreads.slice(1).map(mean))).toBeGreaterThan(0.3);
    const all = spreads.flat().sort((a, b) => a - b);
    expect(all.at(-1) as number).toBeGreaterThan(3 * (all[all.length >> 1] as number));
  });

  it("moves as far in an hour at any rate", async () => {
    const reach = async (rate: number) => {
      const logs: number[] = [];
      for (let seed = 0; seed < 8; seed++) {
        logs.push(Math.log(deviation(returns(await generated({ rate, seed }, 600), "EURUSD", 5000))));
      }
      return Math.exp(mean(logs));
    };
    const ratio = (await reach(200)) / (await reach(20));
    expect(ratio).toBeGreaterThan(0.6);
    expect(ratio).toBeLessThan(1.7);
  });

  it("gives a hundred thousand ticks a second when asked, in batches of a thousand at most", async () => {
    const ticks = await generated({ rate: 100_000 }, 10);
    expect(ticks.length).toBeGreaterThan(950_000);
    expect(ticks.length).toBeLessThan(1_050_000);
  });

  it("gives three ticks a second and symbol when not asked", async () => {
    const ticks = await generated({}, 600);
    expect(ticks.length / 600 / defaultSymbols.length).toBeGreaterThan(2.8);
    expect(ticks.length / 600 / defaultSymbols.length).toBeLessThan(3.2);
  });

  it("does not make up for hours in which the machine slept", async () => {
    const clock = new EagerClock(monday);
    let slept = false;
    clock.sleep = async (ms) => {
      clock.time += ms + (slept ? 0 : 3 * 3_600_000);
      slept = true;
    };
    const ticks = await generated({}, 3 * 3600 + 60, defaultSymbols, clock);
    expect(ticks.length).toBeLessThan(3000);
  });

  it("lets everyone else have a turn after each full batch, when it catches up", async () => {
    const clock = new EagerClock(monday);
    const said: string[] = [];
    clock.sleep = async (ms) => {
      said.push(ms === 0 ? "turn" : "sleep");
      clock.time = Math.max(clock.time + ms, monday + 3000);
    };
    for await (const batch of new GeneratedMarket({ seed: 1, rate: 10_000 }, defaultSymbols, clock).batches(
      new AbortController().signal,
    )) {
      said.push(batch.length === 1000 ? "full" : "batch");
      if (clock.time > monday + 3000) break;
    }
    expect(said.filter((what) => what === "full").length).toBeGreaterThan(10);
    for (const [i, what] of said.entries()) if (what === "full") expect(said[i + 1]).toBe("turn");
  });

  it("goes on when the clock is set back, its ticks' times not falling", async () => {
    const clock = new EagerClock(monday);
    const stop = new AbortController();
    const times: number[] = [];
    for await (const batch of new GeneratedMarket({ seed: 1 }, defaultSymbols, clock).batches(stop.signal)) {
      for (const { time } of batch) times.push(time);
      if (times.length > 100 && clock.time > monday) clock.time = monday - 3_600_000;
      if (times.length > 300) stop.abort();
    }
    expect(times.every((time, i) => i === 0 || time >= (times[i - 1] as number))).toBe(true);
  });

  it("quotes within sessions only, when asked to, and is otherwise always open", async () => {
    const saturday = Date.UTC(2025, 0, 4, 12);
    const fx = [contract("EURUSD"), contract("XAUUSD")];
    const open = await generated({}, 60, fx, new EagerClock(saturday));
    expect(open.length).toBeGreaterThan(100);

    const ticks = await generated({ sessions: true, rate: 1 }, 3 * 86_400, fx, new EagerClock(saturday));
    expect(ticks.length).toBeGreaterThan(10_000);
    for (const { symbol, brokerTime } of ticks) {
      if (!inSession(contract(symbol).quoteSessions, brokerTime))
        expect.fail(`${symbol} ${new Date(brokerTime).toISOString()}`);
    }
    expect(new Date((ticks[0] as SourceTick).brokerTime).toISOString()).toMatch(/^2025-01-06T00:05/);
  });

  it("ends when it is told to, even while it sleeps", async () => {
    const stop = new AbortController();
    const clock = {
      now: () => monday as SourceTick["time"],
      sleep: async () => stop.abort(),
      after: () => () => undefined,
    };
    let batches = 0;
    for await (const _ of new GeneratedMarket({ seed: 1 }, defaultSymbols, clock).batches(stop.signal)) batches++;
    expect(batches).toBe(1); // the opening prices
  });

  it("opens with a price of every symbol", async () => {
    const ticks = await generated({ rate: 1 }, 1);
    expect(ticks.slice(0, defaultSymbols.length).map((tick) => tick.symbol)).toEqual(
      defaultSymbols.map((spec) => spec.name),
    );
  });

  it.each([0, -1, Number.NaN, 100_001])("refuses a rate of %d", (rate) => {
    expect(() => new GeneratedMarket({ seed: 1, rate }, defaultSymbols, new EagerClock())).toThrow(/rate is above 0/);
  });
});
