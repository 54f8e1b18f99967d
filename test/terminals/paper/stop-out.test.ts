import { describe, expect, it } from "vitest";
import { lots, type Money } from "../../../src/core/model/decimals.ts";
import { isStopOut } from "../../../src/terminals/paper/valuation.ts";
import { cents, demo, eurusd, opened, Session } from "./builders.ts";

describe("a stop-out", () => {
  const small = { settings: { initialBalance: 110_000 as Money } };

  it("closes the largest loss first and stops as soon as the level is passed", () => {
    const session = opened({ settings: { initialBalance: 80_000 as Money }, symbol: { marginHedged: 0 } });
    session.buy({ lots: 0.1 });
    session.buy({ lots: 0.4 });
    session.buy({ lots: 0.1 });
    const events = session.tick(1.09, 1.0901);
    expect(events).toEqual([
      "order 1004 started",
      "deal 504 sell out 0.4 @ 1.09",
      "order 1004 filled",
      "position 1002 closed",
    ]);
    expect(session.order(1004)).toMatchObject({ reason: "stop_out", comment: "[so 29.39%]" });
    expect(session.lastDeal.reason).toBe("stop_out");
  });

  it("does not happen at the level itself", () => {
    const session = opened({ ...small, account: { stopOutLevel: 50, stopOutMode: "money" } });
    session.buy({ lots: 0.1 });
    expect(session.tick(0.9951, 1.0)).toEqual([]);
    expect(session.broker.valuation(session.now)).toMatchObject({ equity: cents(50), marginCall: true });
    expect(session.tick(0.995, 1.0).at(-1)).toBe("position 1001 closed");
    expect(session.lastDeal.comment).toBe("[so 49.00]");
  });

  it("is announced by the margin call, which closes nothing", () => {
    const session = opened(small);
    session.buy({ lots: 0.5 });
    session.tick(1.0834, 1.0835);
    expect(session.broker.valuation(session.now).marginCall).toBe(true);
    expect(session.position(1001)).toBeDefined();
  });

  it("deletes pending orders that hold margin first, the largest first", () => {
    const rate = { initial: 1, maintenance: 0 };
    const session = opened({ ...small, symbol: { marginRates: { buy: rate, sell: rate, pending: rate } } });
    session.buy({ lots: 0.5 });
    session.buy({ type: "limit", at: 1.0, lots: 0.1 });
    session.buy({ type: "limit", at: 1.0, lots: 0.2 });
    expect(session.tick(1.083, 1.0831)).toEqual(["order 1003 canceled"]);
    expect(session.order(1003)?.comment).toMatch(/^\[so \d+\.\d\d%\]$/);
  });

  it("closes a position beyond the largest volume in pieces", () => {
    const symbol = { volumeMax: lots(0.3) };
    const session = opened({ ...small, symbol, account: { marginMode: "netting" } });
    session.buy({ lots: 0.3 });
    session.buy({ lots: 0.3 });
    session.tick(1.083, 1.0831);
    expect(session.deals.slice(2).map((deal) => deal.volume)).toEqual([lots(0.3), lots(0.3)]);
  });

  it("waits while a position cannot be valued", () => {
    const other = { ...eurusd, name: "GBPUSD", currencyBase: "GBP", currencyMargin: "GBP" };
    const symbols = [eurusd, other];
    const session = new Session({ settings: { ...small.settings, symbols } });
    session.tick(1.1, 1.1001);
    session.tick(1.3, 1.3001, "GBPUSD");
    session.buy({ lots: 0.4 });
    session.buy({ lots: 0.1, symbol: "GBPUSD" });
    const restarted = new Session({ settings: { ...small.settings, symbols } });
    for (const event of session.ledger.slice(1)) restarted.broker.restore(event);
    expect(restarted.tick(1.0765, 1.0766)).toEqual([]);
    expect(restarted.tick(1.3, 1.3001, "GBPUSD").at(-1)).toBe("position 1001 closed");
  });

  it("is never missed, however prices and conversion rates move", () => {
    const currencies = (base: string, profit: string) => ({
      name: base + profit,
      currencyBase: base,
      currencyMargin: base,
      currencyProfit: profit,
    });
    const pairs = [currencies("EUR", "USD"), currencies("GBP", "USD"), currencies("USD", "CHF")];
    const symbols = pairs.map((pair) => ({ ...eurusd, ...pair }));
    const account = { ...demo, currency: "EUR", leverage: 500 };
    let closed = 0;
    for (let seed = 1; seed <= 60; seed++) {
      let state = seed * 7919;
      const next = () => {
        state = (state * 48_271) % 2_147_483_647;
        return state / 2_147_483_647;
      };
      const session = new Session({ settings: { symbols, account, initialBalance: 200_000 as Money } });
      const mids = [1.1, 1.3, 0.9];
      for (let step = 0; step < 400; step++) {
        const which = Math.floor(next() * 3);
        const mid = (mids[which] ?? 1) + (next() - 0.5) * (next() < 0.02 ? 0.02 : 0.002);
        mids[which] = mid;
        session.tick(mid, mid + 0.0001, symbols[which]?.name);
        const symbol = symbols[Math.floor(next() * 3)]?.name ?? "EURUSD";
        if (next() < 0.1) session[next() < 0.5 ? "buy" : "sell"]({ symbol, lots: Math.ceil(next() * 200) / 100 });
        if (!session.broker.books.positions.size) continue;
        const valuation = session.broker.valuation(session.now);
        const quoted = valuation.positions.length > 0 && step > 20;
        expect(quoted && isStopOut(valuation, account), `seed ${seed} step ${step}`).toBe(false);
      }
      closed += session.deals.filter((deal) => deal.reason === "stop_out").length;
    }
    expect(closed).toBeGreaterThan(50);
  });
  it("comes, too, by the conversion rate alone", () => {
    const gbpusd = { ...eurusd, name: "GBPUSD", currencyBase: "GBP", currencyMargin: "GBP" };
    const account = { ...demo, currency: "EUR", leverage: 500 };
    const settings = { symbols: [eurusd, gbpusd], account, initialBalance: 200_000 as Money };
    const session = new Session({ settings });
    session.tick(1.1, 1.1001);
    session.tick(1.3, 1.3001, "GBPUSD");
    session.buy({ symbol: "GBPUSD", lots: 2 });
    expect(session.tick(1.29, 1.2901, "GBPUSD")).toEqual([]);
    let steps = 0;
    for (let ask = 110_000; session.broker.books.positions.size > 0; ask -= 20, steps++) {
      expect(isStopOut(session.broker.valuation(session.now), account), `at ${ask}`).toBe(false);
      session.tick((ask - 10) / 100_000, ask / 100_000);
    }
    expect(steps).toBeGreaterThan(20);
  });
});
