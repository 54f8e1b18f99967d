import { describe, expect, it } from "vitest";
import { lots, toLots, toPrice } from "../../../src/core/model/decimals.ts";
import { Conversion } from "../../../src/terminals/paper/conversion.ts";
import { orderMargin } from "../../../src/terminals/paper/margin.ts";
import { marketOf, sessions } from "../../../src/terminals/paper/sessions.ts";
import { defaultSymbols, swapRatesOf, symbolsAt } from "../../../src/terminals/paper/symbols.ts";
import { at, contract, fineAt } from "./contracts.ts";

const prices: Readonly<Record<string, number>> = {
  EURUSD: 1.1,
  GBPUSD: 1.3,
  USDJPY: 150,
  AUDUSD: 0.65,
  XAUUSD: 4000,
  US500: 6800,
  NAS100: 25_000,
  BTCUSD: 100_000,
};
const quote = (name: string) => at(contract(name), prices[name] ?? 0);
const conversion = new Conversion(defaultSymbols, { bid: quote, ask: quote }, "USD");

describe("the default symbols", () => {
  it("are four pairs, gold, two indices and a coin", () => {
    expect(defaultSymbols.map(({ name }) => name)).toEqual(Object.keys(prices));
  });

  it("have the typical digits, contract sizes and tick values on a dollar account", () => {
    const row = (name: string) => {
      const spec = contract(name);
      const tick = conversion.tickValue(spec)?.profit ?? 0;
      return [spec.digits, toPrice(spec.tickSize, spec.digits), spec.contractSize, Number(tick.toFixed(6))];
    };
    expect(row("EURUSD")).toEqual([5, 0.00001, 100_000, 1]);
    expect(row("USDJPY")).toEqual([3, 0.001, 100_000, 0.666667]);
    expect(row("XAUUSD")).toEqual([2, 0.01, 100, 1]);
    expect(row("US500")).toEqual([2, 0.01, 1, 0.01]);
    expect(row("BTCUSD")).toEqual([2, 0.01, 1, 0.01]);
  });

  it("can each be traded, in the least volume, with a hundredth of 10,000 dollars at 1:100", () => {
    const terms = { leverage: 100, currencyDigits: 2, marginMode: "hedging" } as const;
    for (const spec of defaultSymbols) {
      const price = fineAt(spec, prices[spec.name] ?? 0);
      const rate = conversion.marginRate(spec, "buy", price);
      expect(rate, spec.name).toBeDefined();
      const margin = orderMargin({ spec, side: "buy", volume: spec.volumeMin, price, rate: rate ?? 0 }, terms);
      expect(margin, spec.name).toBeGreaterThan(0);
      expect(margin, spec.name).toBeLessThanOrEqual(33_000); // bitcoin: 330 dollars
    }
  });

  it("allow every order, both FOK and IOC, and a grid that the bounds are on", () => {
    for (const spec of defaultSymbols) {
      expect([spec.execution, spec.fillingModes, spec.orderModes.length]).toEqual(["market", ["fok", "ioc"], 7]);
      expect(toLots(spec.volumeMax) % 1, spec.name).toBe(0);
      expect(spec.volumeMin % spec.volumeStep, spec.name).toBe(0);
    }
  });

  it("take other margin rates for indices and coins", () => {
    const rate = (name: string) =>
      symbolsAt({ index: 0.1 }).find((spec) => spec.name === name)?.marginRates.buy.initial;
    expect([rate("US500"), rate("NAS100"), rate("BTCUSD"), rate("EURUSD")]).toEqual([0.1, 0.1, 0.33, 1]);
    expect(contract("US500").marginRates.sell.initial).toBe(0.05);
  });

  it("count three nights at once: pairs and gold on Wednesday, the others on Friday", () => {
    expect(contract("XAUUSD").swapRates).toEqual([0, 1, 1, 3, 1, 1, 0]);
    expect(contract("BTCUSD").swapRates).toEqual([0, 1, 1, 1, 1, 3, 0]);
    expect(swapRatesOf(7)).toEqual([0, 1, 1, 1, 1, 1, 0]);
  });

  it("have the volumes of retail accounts", () => {
    expect([contract("EURUSD").volumeMin, contract("EURUSD").volumeMax]).toEqual([lots(0.01), lots(100)]);
    expect([contract("US500").volumeMin, contract("US500").volumeStep]).toEqual([lots(0.1), lots(0.1)]);
  });
});

describe("the sessions", () => {
  const day = 86_400;
  const clock = (hour: number, minute: number) => hour * 3600 + minute * 60;

  it("of currencies run from Monday 00:05 to Friday 23:55 without a break", () => {
    const whole = [{ from: 0, to: day }];
    expect(contract("EURUSD").tradeSessions).toEqual([
      [],
      [{ from: clock(0, 5), to: day }],
      whole,
      whole,
      whole,
      [{ from: 0, to: clock(23, 55) }],
      [],
    ]);
  });

  it("of metals and indices break every day, of coins never", () => {
    const [sunday, monday, , , , , saturday] = contract("XAUUSD").tradeSessions;
    expect([sunday, monday, saturday]).toEqual([[], [{ from: clock(1, 5), to: clock(23, 55) }], []]);
    expect(contract("US500").quoteSessions[5]).toEqual([{ from: clock(1, 0), to: clock(23, 55) }]);
    for (const sessionsOfDay of contract("BTCUSD").tradeSessions) expect(sessionsOfDay).toEqual([{ from: 0, to: day }]);
  });

  it("follow the kind of market that a specification shows", () => {
    for (const spec of defaultSymbols) expect(sessions[marketOf(spec)], spec.name).toBe(spec.tradeSessions);
  });
});
