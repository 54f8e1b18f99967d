import { describe, expect, it } from "vitest";
import type { SymbolSpec } from "../../../src/core/model/symbol.ts";
import { at, contract, fineAt, market, pair } from "./contracts.ts";

const eurusd = contract("EURUSD");
const usdjpy = contract("USDJPY");
const eurjpy = pair("EUR", "JPY");
const gbpjpy = pair("GBP", "JPY");

describe("a profit in another currency", () => {
  const dollars = market("USD", [pair("GBP", "USD"), 1.25, 1.26], [usdjpy, 111.38, 111.387]);

  it("is worth itself in its own currency, without any quote", () => {
    expect(market("USD").profitRate(eurusd, 5)).toBe(1);
  });

  it("is sold at the bid and a loss bought at the ask of a direct pair", () => {
    const eurgbp = pair("EUR", "GBP");
    expect(dollars.profitRate(eurgbp, 10)).toBe(1.25);
    expect(dollars.profitRate(eurgbp, -10)).toBe(1.26);
  });

  it("is divided by the ask and a loss by the bid of an inverse pair", () => {
    expect(dollars.profitRate(eurjpy, 10)).toBe(1 / 111.387);
    expect(dollars.profitRate(eurjpy, -10)).toBe(1 / 111.38);
  });

  it("goes through the dollar where there is no pair, each step at the worse side", () => {
    const pounds = market("GBP", [pair("GBP", "USD"), 1.25, 1.26], [usdjpy, 111.38, 111.387]);
    expect(pounds.profitRate(eurjpy, 10)).toBeCloseTo(1 / 111.387 / 1.26, 12);
    expect(pounds.profitRate(eurjpy, -10)).toBeCloseTo(1 / 111.38 / 1.25, 12);
  });

  it("is undefined without a way, never a guess", () => {
    expect(market("USD").profitRate(eurjpy, 10)).toBeUndefined();
    expect(market("GBP", [usdjpy, 111.38, 111.387]).profitRate(eurjpy, 10)).toBeUndefined();
    expect(market("GBP", [usdjpy, 111.38, 111.387]).tickValue(eurjpy)).toBeUndefined();
  });

  it("converts by the deal when the traded symbol is itself the pair", () => {
    expect(dollars.profitRate(usdjpy, 10, at(usdjpy, 110))).toBe(1 / 110);
    expect(dollars.profitRate(usdjpy, -10, at(usdjpy, 110))).toBe(1 / 110);
    expect(dollars.profitRate(eurjpy, 10, at(eurjpy, 130))).toBe(1 / 111.387); // EURJPY is not
    expect(dollars.profitToDeposit(usdjpy, -220, at(usdjpy, 110))).toBeCloseTo(-2, 12);
  });

  it("is in pounds where the symbol is quoted in pence", () => {
    expect(dollars.profitRate(contract("US500", { currencyProfit: "GBX" }), 10)).toBe(0.0125);
  });
});

describe("the pair that converts", () => {
  const named = (name: string, changes: Partial<SymbolSpec> = {}) => pair("GBP", "USD", { name, ...changes });

  it("has the traded symbol's suffix, else comes first in the alphabet", () => {
    const conversion = market(
      "USD",
      [named("GBPUSD.r"), 1.3, 1.3],
      [named("GBPUSD"), 1.1, 1.1],
      [named("GBPUSDm"), 1.2, 1.2],
    );
    const rateFor = (name: string) => conversion.profitRate(pair("EUR", "GBP", { name }), 1);
    expect([rateFor("EURGBP"), rateFor("EURGBPm"), rateFor("EURGBP.r"), rateFor("EURGBP.x")]).toEqual([
      1.1, 1.2, 1.3, 1.1,
    ]);
    const index = contract("US500", { name: "UK100.r", currencyProfit: "GBP" });
    expect(conversion.profitRate(index, 1)).toBe(1.3);
  });

  it("is calculated as forex", () => {
    const cfd = market("USD", [named("GBPUSD", { calcMode: "cfd_leverage" }), 1.1, 1.1]);
    expect(cfd.profitRate(gbpjpy, 1)).toBeUndefined();
    expect(cfd.rate("GBP", "bid")).toBeUndefined();
    expect(market("USD", [named("GBPUSD", { calcMode: "forex_no_leverage" }), 1.1, 1.1]).rate("GBP", "bid")).toBe(1.1);
  });

  it("has quotes", () => {
    const conversion = market("USD", [named("GBPUSD"), 0, 0], [named("GBPUSD.r"), 1.3, 1.3]);
    expect(conversion.rate("GBP", "bid")).toBe(1.3);
  });
});

describe("the rate of margin", () => {
  const conversion = market("USD", [eurusd, 1.099, 1.0991]);

  it("is the ask for buys and the bid for sells", () => {
    expect(conversion.marginRate(eurjpy, "buy")).toBe(1.0991);
    expect(conversion.marginRate(eurjpy, "sell")).toBe(1.099);
  });

  it("is the deal's own price when the traded symbol is the pair", () => {
    expect(conversion.marginRate(eurusd, "buy", fineAt(eurusd, 1.05))).toBe(1.05);
    expect(conversion.marginRate(eurjpy, "buy", fineAt(eurjpy, 130))).toBe(1.0991);
    const chf = market("CHF", [pair("USD", "CHF"), 0.9, 0.9001]);
    expect(chf.marginRate(pair("USD", "CHF"), "sell", fineAt(pair("USD", "CHF"), 0.91))).toBe(0.91);
    expect(conversion.marginRate(usdjpy, "buy", fineAt(usdjpy, 150))).toBe(1);
  });
});

describe("the tick value", () => {
  it("of EURJPY on a dollar account is 0.89777 winning and 0.89783 losing", () => {
    const value = market("USD", [usdjpy, 111.38, 111.387]).tickValue(eurjpy);
    expect(value?.profit).toBeCloseTo(0.89777, 5);
    expect(value?.loss).toBeCloseTo(0.89783, 5);
  });

  it("of EURUSD on a euro account is a dollar in euros, at the worse side", () => {
    const value = market("EUR", [eurusd, 1.09137, 1.09152]).tickValue(eurusd);
    expect(value?.profit).toBeCloseTo(1 / 1.09152, 12);
    expect(value?.loss).toBeCloseTo(1 / 1.09137, 12);
  });

  it("of a future is the configured one", () => {
    const future = contract("US500", { calcMode: "futures", tickValue: 12.5 });
    expect(market("USD").tickValue(future)).toEqual({ profit: 12.5, loss: 12.5 });
  });
});
