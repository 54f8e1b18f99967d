import { describe, expect, it } from "vitest";
import type { AccountInfo, PositionValue } from "../../../src/core/model/account.ts";
import { type Money, money, type Price, toMoney } from "../../../src/core/model/decimals.ts";
import { type AccountAlias, type Instant, ticket } from "../../../src/core/model/ids.ts";
import { isMarginCall, isStopOut, valuationOf } from "../../../src/terminals/paper/valuation.ts";

const account: AccountInfo = {
  alias: "paper" as AccountAlias,
  login: 1n,
  server: "Paper",
  name: "Paper",
  company: "Paper",
  currency: "USD",
  currencyDigits: 2,
  leverage: 100,
  tradeMode: "demo",
  marginMode: "hedging",
  stopOutMode: "percent",
  marginCallLevel: 50,
  stopOutLevel: 30,
  limitOrders: 0,
  live: false,
};

const cents = (amount: number): Money => money(amount, 2);
const open = (profit: number): PositionValue => ({
  position: ticket(1),
  price: 1 as Price,
  profit: cents(profit),
});

function value(
  amounts: { balance: number; margin: number; credit?: number; positions?: readonly PositionValue[] },
  terms: Partial<AccountInfo> = {},
) {
  const { balance, margin, credit = 0, positions = [] } = amounts;
  const holdings = {
    time: 0 as Instant,
    balance: cents(balance),
    credit: cents(credit),
    margin: cents(margin),
    profit: positions.reduce((sum, { profit }) => sum + profit, 0) as Money,
    positions,
  };
  return valuationOf(holdings, { ...account, ...terms });
}

describe("an account's value", () => {
  it("is what a terminal printed for one of a hundred thousand", () => {
    const valuation = value({ balance: 99511.4, margin: 98.18, positions: [open(41.82)] });
    expect([valuation.equity, valuation.freeMargin].map((amount) => toMoney(amount, 2))).toEqual([99553.22, 99455.04]);
    expect(valuation.marginLevel).toBeCloseTo(101398.67590140559, 9);
  });

  it("is what a terminal printed for one deep in loss", () => {
    const valuation = value({ balance: 101300.53, margin: 51193.67, positions: [open(-32981)] });
    expect([valuation.equity, valuation.freeMargin].map((amount) => toMoney(amount, 2))).toEqual([68319.53, 17125.86]);
    expect(valuation.marginLevel).toBeCloseTo(133.4530812, 7);
  });

  it("has level 0 and no margin call while no margin is used", () => {
    const valuation = value({ balance: 0, margin: 0, positions: [open(-5)] });
    expect([valuation.marginLevel, valuation.marginCall, isStopOut(valuation, account)]).toEqual([0, false, false]);
  });
});

describe("the levels", () => {
  const judged = (equity: number, terms: Partial<AccountInfo> = {}) => {
    const valuation = value({ balance: equity, margin: 100, positions: [open(0)] }, terms);
    const by = { ...account, ...terms };
    return { call: isMarginCall(valuation, by), flagged: valuation.marginCall, out: isStopOut(valuation, by) };
  };

  it("in percent: a call at 50 or below, a stop-out below 30", () => {
    expect(judged(50.01)).toEqual({ call: false, flagged: false, out: false });
    expect(judged(50)).toEqual({ call: true, flagged: true, out: false });
    expect(judged(30)).toEqual({ call: true, flagged: true, out: false });
    expect(judged(29.99)).toEqual({ call: true, flagged: true, out: true });
  });

  it("in money: the same, of the equity", () => {
    const inMoney = { stopOutMode: "money", marginCallLevel: 500, stopOutLevel: 300 } as const;
    expect(judged(500.01, inMoney).call).toBe(false);
    expect(judged(500, inMoney)).toEqual({ call: true, flagged: true, out: false });
    expect(judged(299.99, inMoney).out).toBe(true);
  });

  it("in money count for a fully covered account too, but not for one with nothing open", () => {
    const inMoney = { ...account, stopOutMode: "money", stopOutLevel: 300 } as const;
    expect(isStopOut(value({ balance: 10, margin: 0, positions: [open(0)] }), inMoney)).toBe(true);
    expect(isStopOut(value({ balance: 10, margin: 0 }), inMoney)).toBe(false);
  });
});
