import { describe, expect, it } from "vitest";
import { lots, money, type Price } from "../../../src/core/model/decimals.ts";
import type { Side } from "../../../src/core/model/order.ts";
import type { SwapMode, SymbolSpec } from "../../../src/core/model/symbol.ts";
import type { Conversion } from "../../../src/terminals/paper/conversion.ts";
import { nightSwap, type Weekday } from "../../../src/terminals/paper/swap.ts";
import { at, contract, fineAt, market, pair } from "./contracts.ts";

const [sunday, monday, wednesday, friday, saturday]: Weekday[] = [0, 1, 3, 5, 6];
const dollars = market("USD");

interface Night {
  readonly side: Side;
  readonly volume: number;
  readonly on?: Weekday | undefined;
  readonly open?: number;
  readonly price?: number;
  readonly days?: number;
  readonly conversion?: Conversion;
}

function night(spec: SymbolSpec, { side, volume, on, open, price, days, conversion }: Night) {
  const held = {
    side,
    volume: lots(volume),
    openPrice: fineAt(spec, open ?? 1),
    currentPrice: at(spec, price ?? 1),
  };
  return nightSwap(spec, held, on ?? 1, conversion ?? dollars, days);
}

/** The night's money in cents. */
function cents(spec: SymbolSpec, position: Night): number | undefined {
  const swap = night(spec, position);
  return swap.kind === "money" ? money(swap.amount, 2) : undefined;
}

describe("a night's swap", () => {
  it("in points is the value of so many points, threefold for the night to Thursday", () => {
    const eurusd = contract("EURUSD", { swapLong: -6.8 });
    expect(cents(eurusd, { side: "buy", volume: 1, on: wednesday })).toBe(-2040);
    expect(cents(eurusd, { side: "buy", volume: 1, on: monday })).toBe(-680);
  });

  it("is credited where it is positive: a short gold position earns 46.42", () => {
    expect(cents(contract("XAUUSD", { swapShort: 46.42 }), { side: "sell", volume: 1 })).toBe(4642);
  });

  it("in points does not depend on the price", () => {
    const gold = contract("XAUUSD");
    const of = (open: number) => cents(gold, { side: "buy", volume: 0.16, open, price: open });
    expect(of(2926)).toBe(of(2986));
  });

  it("in points of a future counts by the tick value", () => {
    const future = contract("US500", {
      calcMode: "futures",
      swapMode: "points",
      tickValue: 12.5,
      tickSize: 25 as Price,
      swapLong: -4,
    });
    expect(cents(future, { side: "buy", volume: 1 })).toBe(-200);
  });

  it("as interest is a part of the year's percentage of the value now", () => {
    const coin = contract("BTCUSD", { swapLong: -25 });
    const held: Night = { side: "buy", volume: 1, open: 70000, price: 78737.5 };
    expect(cents(coin, held)).toBe(-5468);
    expect(cents(coin, { ...held, days: 365 })).toBe(-5393);
    expect(cents({ ...coin, swapMode: "interest_open" }, held)).toBe(-4861);
  });

  it("as interest on a currency pair is on the base currency, sold at the bid and bought at the ask", () => {
    const eurusd = contract("EURUSD", { swapMode: "interest_current", swapLong: -3.6, swapShort: -3.6 });
    const conversion = market("USD", [eurusd, 1.1, 1.2]);
    expect(cents(eurusd, { side: "buy", volume: 1, conversion })).toBe(-1100);
    expect(cents(eurusd, { side: "sell", volume: 1, conversion })).toBe(-1200);
  });

  it("as interest follows the contract of futures and bonds", () => {
    const terms = { swapMode: "interest_current", swapLong: 3.6, digits: 2 } as const;
    const future = contract("US500", { ...terms, calcMode: "futures", tickValue: 12.5, tickSize: 25 as Price });
    expect(cents(future, { side: "buy", volume: 1, price: 5000 })).toBe(2500); // 50 a unit: 250,000
    const bond = contract("US500", { ...terms, calcMode: "exch_bonds", contractSize: 10, faceValue: 1000 });
    expect(cents(bond, { side: "buy", volume: 1, price: 98 })).toBe(98); // 9800
  });

  it("as money per lot of an index is threefold for the weekend", () => {
    expect(cents(contract("US500"), { side: "buy", volume: 2, on: friday })).toBe(-912);
  });

  it("as money converts from its currency at the worse side", () => {
    const eurjpy = pair("EUR", "JPY", { currencyMargin: "GBP", swapLong: 10, swapShort: -10 });
    const conversion = market(
      "USD",
      [contract("EURUSD"), 1.1, 1.2],
      [contract("GBPUSD"), 1.3, 1.4],
      [contract("USDJPY"), 100, 125],
    );
    const of = (swapMode: SwapMode) =>
      (["buy", "sell"] as const).map((side) => cents({ ...eurjpy, swapMode }, { side, volume: 1, conversion }));
    expect(of("currency_symbol")).toEqual([1100, -1200]);
    expect(of("currency_margin")).toEqual([1300, -1400]);
    expect(of("currency_profit")).toEqual([8, -10]);
    expect(of("currency_deposit")).toEqual([1000, -1000]);
  });

  it("by reopening is a shift of the price, a debit raising what was bought", () => {
    const spec = contract("EURUSD", { swapMode: "reopen_current", swapLong: -6, swapShort: -2 });
    expect(night(spec, { side: "buy", volume: 1, on: wednesday })).toEqual({
      kind: "reopen",
      from: "close",
      shift: 18,
    });
    expect(night({ ...spec, swapMode: "reopen_bid" }, { side: "sell", volume: 1 })).toEqual({
      kind: "reopen",
      from: "bid",
      shift: -2,
    });
  });

  it("is none on weekends, in disabled mode, and at a rate of 0", () => {
    const eurusd = contract("EURUSD");
    for (const on of [saturday, sunday])
      expect(night(eurusd, { side: "buy", volume: 1, on })).toEqual({ kind: "none" });
    expect(night({ ...eurusd, swapMode: "disabled" }, { side: "buy", volume: 1 })).toEqual({ kind: "none" });
    expect(night({ ...eurusd, swapLong: 0 }, { side: "buy", volume: 1 })).toEqual({ kind: "none" });
  });

  it("that cannot be converted names the currency", () => {
    expect(night(contract("USDJPY"), { side: "buy", volume: 1 })).toEqual({ kind: "unconvertible", currency: "JPY" });
  });

  it("too small for a cent is nothing", () => {
    expect(cents(contract("EURUSD", { swapLong: -0.4 }), { side: "buy", volume: 0.01 })).toBe(0);
  });
});
