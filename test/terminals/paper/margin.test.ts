import { describe, expect, it } from "vitest";
import { lots, type Money, money } from "../../../src/core/model/decimals.ts";
import type { Side } from "../../../src/core/model/order.ts";
import type { CalcMode, SymbolSpec } from "../../../src/core/model/symbol.ts";
import { LegSum } from "../../../src/terminals/paper/leg-sum.ts";
import {
  type MarginLeg,
  type MarginTerms,
  marginToOpen as marginBeside,
  accountMargin as marginOfSymbols,
  orderMargin,
  type SymbolLegs,
} from "../../../src/terminals/paper/margin.ts";
import { marginRatesOf } from "../../../src/terminals/paper/symbols.ts";
import { atFullMargin, contract, fineAt, market, pair } from "./contracts.ts";

const hedging: MarginTerms = { leverage: 100, currencyDigits: 2, marginMode: "hedging" };
const netting: MarginTerms = { ...hedging, marginMode: "netting" };
const cents = (amount: number): Money => money(amount, 2);

/** `rate` defaults to 1: the margin currency is the account's. */
const leg = (spec: SymbolSpec, side: Side, volume: number, price: number, rate = 1): MarginLeg => ({
  spec,
  side,
  volume: lots(volume),
  price: fineAt(spec, price),
  rate,
});

const sidesOf = (legs: readonly MarginLeg[]) => ({
  buy: LegSum.of(legs.filter(({ side }) => side === "buy")),
  sell: LegSum.of(legs.filter(({ side }) => side === "sell")),
});

function symbolsOf(positions: readonly MarginLeg[], pendings: readonly MarginLeg[]): SymbolLegs[] {
  const specs = new Map([...positions, ...pendings].map(({ spec }) => [spec.name, spec]));
  return [...specs.values()].map((spec) => {
    const on = (legs: readonly MarginLeg[]) => sidesOf(legs.filter((leg) => leg.spec.name === spec.name));
    return { spec, positions: on(positions), pendings: on(pendings) };
  });
}

const accountMargin = (positions: readonly MarginLeg[], pendings: readonly MarginLeg[], terms: MarginTerms): Money =>
  marginOfSymbols(symbolsOf(positions, pendings), terms);

function marginToOpen(positions: readonly MarginLeg[], order: MarginLeg, terms: MarginTerms): Money {
  const { spec } = order;
  const beside = positions.filter((leg) => leg.spec.name === spec.name);
  return marginBeside({ spec, positions: sidesOf(beside), pendings: sidesOf([]) }, order, terms);
}

describe("the margin of one order", () => {
  const eurusd = contract("EURUSD");

  it("is a hundredth of the base currency at 1:100, for 0.1 lot of four pairs", () => {
    const [gbpusd, usdjpy, eurjpy] = [contract("GBPUSD"), contract("USDJPY"), pair("EUR", "JPY")];
    const conversion = market("USD", [eurusd, 1.099, 1.0991], [gbpusd, 1.227, 1.2273], [usdjpy, 107.3, 107.31]);
    const needed = (spec: SymbolSpec, price: number) => {
      const rate = conversion.marginRate(spec, "buy", fineAt(spec, price));
      return orderMargin(leg(spec, "buy", 0.1, price, rate), hedging);
    };
    expect(needed(eurusd, 1.0991)).toBe(cents(109.91));
    expect(needed(gbpusd, 1.2273)).toBe(cents(122.73));
    expect(needed(usdjpy, 107.31)).toBe(cents(100));
    expect(needed(eurjpy, 117.94)).toBe(cents(109.91));
  });

  it("is leveraged and at the price in CFD leverage mode", () => {
    expect(orderMargin(leg(contract("XAUUSD"), "buy", 0.01, 1899.97), hedging)).toBe(cents(19));
  });

  it("is converted, then multiplied by the margin rate", () => {
    const rated = contract("EURUSD", { marginRates: marginRatesOf(1.15) });
    expect(orderMargin(leg(eurusd, "buy", 1, 1.279, 1.279), hedging)).toBe(cents(1279));
    expect(orderMargin(leg(rated, "buy", 1, 1.279, 1.279), hedging)).toBe(cents(1470.85));
  });

  it("of gold is the same as forex in ounces as as CFD in dollars", () => {
    const ounces = contract("XAUUSD", { calcMode: "forex", currencyMargin: "XAU" });
    const rate = market("USD", [ounces, 4615.81, 4615.91]).marginRate(ounces, "buy");
    const terms = { ...hedging, leverage: 500 };
    expect(orderMargin(leg(ounces, "buy", 1, 4615.91, rate), terms)).toBe(cents(923.18));
    expect(orderMargin(leg(contract("XAUUSD"), "buy", 1, 4615.91), terms)).toBe(cents(923.18));
  });

  it("is the notional in the CFD and index modes at rate 1, and a part of it at the typical rate", () => {
    expect(orderMargin(leg(atFullMargin("BTCUSD"), "buy", 0.1, 78737.5), hedging)).toBe(cents(7873.75));
    expect(orderMargin(leg(atFullMargin("US500"), "buy", 1, 6800.5), hedging)).toBe(cents(6800.5));
    expect(orderMargin(leg(contract("US500"), "buy", 1, 6800.5), hedging)).toBe(cents(340.03)); // 340.025
  });

  it.each([
    ["forex", 20], // 2 lots of 1000 units at 1:100
    ["forex_no_leverage", 2000],
    ["cfd", 100_000],
    ["cfd_index", 100_000], // a tick value of one unit's tick
    ["cfd_leverage", 1000],
    ["futures", 0],
    ["exch_stocks", 100_000],
    ["exch_stocks_moex", 100_000],
    ["exch_futures", 0],
    ["exch_futures_forts", 0],
    ["exch_options", 100_000],
    ["exch_options_margin", 100_000],
    ["exch_bonds", 400_000], // 50 % of a face value of 400, 2 lots of 1000
    ["exch_bonds_moex", 400_000],
    ["serv_collateral", 0],
  ] satisfies [CalcMode, number][])("follows its mode's formula: %s", (calcMode, expected) => {
    const spec = atFullMargin("US500", { calcMode, contractSize: 1000, faceValue: 400 });
    expect(orderMargin(leg(spec, "buy", 2, 50), hedging)).toBe(cents(expected));
  });

  it("is the fixed one where the symbol has it, divided by the leverage in the leveraged modes only", () => {
    const fixed = (calcMode: CalcMode) =>
      orderMargin(leg(atFullMargin("US500", { calcMode, marginInitial: 100_000 }), "buy", 0.5, 50), hedging);
    expect([fixed("forex"), fixed("cfd_leverage")]).toEqual([cents(500), cents(500)]);
    expect([fixed("futures"), fixed("cfd"), fixed("cfd_index")]).toEqual([50_000, 50_000, 50_000].map(cents));
    expect(fixed("serv_collateral")).toBe(0);
  });

  it("of a pending order is free unless the symbol has a rate for it", () => {
    const order = leg(eurusd, "buy", 1, 1.1, 1.1);
    expect(orderMargin(order, hedging, "pending")).toBe(0);
    const rated = { ...eurusd, marginRates: { ...eurusd.marginRates, pending: { initial: 0.5, maintenance: 0 } } };
    expect(orderMargin({ ...order, spec: rated }, hedging, "pending")).toBe(cents(550));
  });
});

describe("the account's margin, positions of both directions", () => {
  const terms = { ...hedging, leverage: 500 };
  const sides = { ...marginRatesOf(2), sell: { initial: 4, maintenance: 0 } };
  const spec = contract("EURUSD", { marginHedged: 100_000, marginRates: sides });
  // the margin currency converts at the price each position was opened at
  const sells = [1, 2, 3].map(() => leg(spec, "sell", 1, 1.11943, 1.11943));
  const buys = [1, 2].map(() => leg(spec, "buy", 1, 1.11953, 1.11953));

  it("is the covered part at the mean rate plus the uncovered part at the larger leg's: 1343.36 + 895.54", () => {
    expect(accountMargin([...sells, ...buys], [], terms)).toBe(cents(2238.9));
  });

  it("does not depend on the order of the positions", () => {
    const mixed = [sells[0], buys[0], sells[1], buys[1], sells[2]].filter((each) => each !== undefined);
    expect(accountMargin(mixed, [], terms)).toBe(cents(2238.9));
  });

  it("is free for the covered part when the hedged margin is 0, and half with half the contract", () => {
    const hedge = (marginHedged: number) => {
      const half = contract("EURUSD", { marginHedged });
      return accountMargin([leg(half, "buy", 1, 1.1, 1.1), leg(half, "sell", 1, 1.1, 1.1)], [], hedging);
    };
    expect([hedge(0), hedge(50_000), hedge(100_000)]).toEqual([cents(0), cents(550), cents(1100)]);
  });

  it("is the average price's in one direction, and pending orders come on top", () => {
    const rates = { ...marginRatesOf(1), pending: { initial: 1, maintenance: 0 } };
    const silver = contract("XAUUSD", { name: "XAGUSD", digits: 3, contractSize: 5000, marginRates: rates });
    const positions = [15.43, 15.43, 15.44].map((price) => leg(silver, "buy", 1, price));
    expect(accountMargin(positions, [], hedging)).toBe(cents(2315));
    expect(accountMargin(positions, [leg(silver, "buy", 1, 15.412)], hedging)).toBe(cents(3085.6));
  });

  it("is the larger leg alone where the symbol says so, pending orders counted with their side", () => {
    const rates = { ...marginRatesOf(1), pending: { initial: 1, maintenance: 0 } };
    const larger = contract("EURUSD", { marginHedgedUseLeg: true, marginRates: rates });
    const positions = [leg(larger, "buy", 2, 1.1), leg(larger, "sell", 1, 1.1)];
    expect(accountMargin(positions, [], hedging)).toBe(cents(2000));
    expect(accountMargin(positions, [leg(larger, "sell", 1.5, 1.1)], hedging)).toBe(cents(2500));
  });

  it("holds fixed maintenance for the rest and fixed hedged margin for what is covered", () => {
    const fixed = contract("US500", {
      calcMode: "futures",
      marginInitial: 1000,
      marginMaintenance: 500,
      marginHedged: 500,
      marginRates: marginRatesOf(1),
    });
    const [bought, sold] = [leg(fixed, "buy", 1, 100), leg(fixed, "sell", 2, 100)];
    expect(marginToOpen([bought], sold, hedging)).toBe(cents(2000));
    expect(accountMargin([bought, sold], [], hedging)).toBe(cents(1000));
  });

  it("adds symbols up, each by itself", () => {
    const [gold, eurusd] = [contract("XAUUSD"), contract("EURUSD")];
    const positions = [leg(gold, "buy", 1, 2000), leg(eurusd, "sell", 1, 1.1, 1.1), leg(gold, "buy", 1, 2010)];
    expect(accountMargin(positions, [], hedging)).toBe(cents(4010 + 1100));
    expect(accountMargin([], [], hedging)).toBe(0);
  });

  it("uses the maintenance rate for positions and the initial rate for orders", () => {
    const side = { initial: 2, maintenance: 0.5 };
    const eased = contract("XAUUSD", { marginRates: { ...marginRatesOf(1), buy: side } });
    expect(accountMargin([leg(eased, "buy", 1, 2000)], [], hedging)).toBe(cents(1000));
    expect(orderMargin(leg(eased, "buy", 1, 2000), hedging)).toBe(cents(4000));
  });
});

describe("the margin to open an order", () => {
  const gold = contract("XAUUSD");
  const bought = leg(gold, "buy", 1, 2000);

  it("is the order's own beside nothing, and beside other symbols", () => {
    expect(marginToOpen([], bought, hedging)).toBe(cents(2000));
    expect(marginToOpen([leg(contract("EURUSD"), "sell", 9, 1.1)], bought, hedging)).toBe(cents(2000));
  });

  it("is nothing for what a position of the other direction covers", () => {
    expect(marginToOpen([bought], leg(gold, "sell", 1, 2000), hedging)).toBe(0);
    expect(marginToOpen([bought], leg(gold, "sell", 3, 2000), hedging)).toBe(cents(4000));
    const free = contract("XAUUSD", { marginHedged: 0 });
    expect(marginToOpen([leg(free, "buy", 1, 2000)], leg(free, "sell", 0.5, 2000), hedging)).toBe(0);
  });

  it("on a netting account is that of the position that results", () => {
    expect(marginToOpen([bought], leg(gold, "sell", 1, 2000), netting)).toBe(0);
    expect(marginToOpen([bought], leg(gold, "sell", 3, 2000), netting)).toBe(cents(2000));
    expect(marginToOpen([bought], leg(gold, "buy", 1, 2000), netting)).toBe(cents(2000));
  });
});
