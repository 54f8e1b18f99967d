import { describe, expect, it } from "vitest";
import { toBrokerTime } from "../../../src/core/model/broker-clock.ts";
import { lots, type Price } from "../../../src/core/model/decimals.ts";
import type { OrderType, Side } from "../../../src/core/model/order.ts";
import { TickRows } from "../../../src/core/model/tick-rows.ts";
import { asks, cents, draws, eurusd, HOUR, opened, points, type Session, t } from "./builders.ts";

const filledAt = (session: Session) => session.deals.map((deal) => deal.price);

describe("a pending order", () => {
  /** The market starts at 1.10000 / 1.10010; the level is 50 points off the side that counts. */
  it.each<[Side, OrderType, number, readonly [number, number], readonly [number, number]]>([
    ["buy", "limit", 1.0996, [1.0995, 1.09961], [1.0995, 1.0996]],
    ["sell", "limit", 1.1005, [1.10049, 1.1006], [1.1005, 1.1006]],
    ["buy", "stop", 1.1006, [1.1005, 1.10059], [1.1005, 1.1006]],
    ["sell", "stop", 1.0995, [1.09951, 1.0996], [1.0995, 1.0996]],
  ])("to %s at a %s of %d is triggered by its own side of the market", (side, type, at, before, reached) => {
    const session = opened();
    session.submit(asks(side, { type, at }));
    expect(session.tick(...before)).toEqual([]);
    expect(session.tick(...reached)).toHaveLength(3);
    expect(filledAt(session)).toEqual([points(side === "buy" ? reached[1] : reached[0])]);
  });

  it("gets the better price when a gap has jumped over its limit", () => {
    const session = opened();
    session.buy({ type: "limit", at: 1.099 });
    session.tick(1.0979, 1.098);
    expect(filledAt(session)).toEqual([points(1.098)]);
  });

  it("gets its own price from a broker without price improvement", () => {
    const session = opened({ settings: { priceImprovement: false } });
    session.buy({ type: "limit", at: 1.099 });
    session.tick(1.0979, 1.098);
    expect(filledAt(session)).toEqual([points(1.099)]);
  });

  it("pays for a gap that has jumped over its stop", () => {
    const session = opened({ settings: { priceImprovement: false } });
    session.buy({ type: "stop", at: 1.101 });
    session.tick(1.1049, 1.105);
    expect(filledAt(session)).toEqual([points(1.105)]);
  });

  it("may wait with its own stop already passed: it opens with one tick and closes with the next", () => {
    const session = opened();
    session.buy({ type: "limit", at: 1.099, sl: 1.098 });
    expect(session.tick(1.0969, 1.097).at(-1)).toBe("position 1001 buy 0.1");
    expect(session.tick(1.0969, 1.097).at(-1)).toBe("position 1001 closed");
  });

  it("goes through two stages as a stop-limit: first a limit, filled on a later tick", () => {
    const session = opened();
    session.buy({ type: "stop_limit", at: 1.101, limit: 1.1005, sl: 1.09, comment: "two" });
    session.later(HOUR);
    expect(session.tick(1.1009, 1.101)).toEqual(["order 1001 placed"]);
    expect(session.order(1001)).toMatchObject({
      type: "limit",
      price: points(1.1005),
      setupTime: session.now,
      stopLoss: points(1.09),
      comment: "two",
    });
    expect(session.order(1001)).not.toHaveProperty("stopLimitPrice");
    expect(session.tick(1.1005, 1.1006)).toEqual([]);
    expect(session.tick(1.1004, 1.1005)).toHaveLength(3);
  });

  it("does not execute its limit on the tick that has converted it", () => {
    const session = opened();
    session.sell({ type: "stop_limit", at: 1.099, limit: 1.0995 });
    expect(session.tick(1.0985, 1.0986)).toEqual(["order 1001 placed"]);
    expect(session.tick(1.0996, 1.0997)).toHaveLength(3);
    expect(filledAt(session)).toEqual([points(1.0996)]);
  });

  it("is triggered after older ones of its kind; stop-limits come first, then stops, then limits", () => {
    const session = opened();
    session.buy({ type: "limit", at: 1.099 });
    session.sell({ type: "stop", at: 1.099 });
    session.buy({ type: "limit", at: 1.0995 });
    session.sell({ type: "stop", at: 1.0995 });
    session.sell({ type: "stop_limit", at: 1.0995, limit: 1.2 });
    expect(session.tick(1.098, 1.0981)[0]).toBe("order 1005 placed");
    expect(session.deals.map((deal) => deal.order)).toEqual([1002n, 1004n, 1001n, 1003n]);
  });

  it("sets free what it holds itself when it is asked for money again", () => {
    const rate = { initial: 1, maintenance: 0 };
    const session = opened({ symbol: { marginRates: { buy: rate, sell: rate, pending: rate } } });
    session.buy({ type: "limit", at: 1.09, lots: 6 });
    expect(session.broker.valuation(session.now).freeMargin).toBe(cents(3460));
    expect(session.tick(1.0899, 1.09)).toContain("order 1001 filled");
  });

  it("can be changed as a whole", () => {
    const session = opened();
    session.buy({ type: "limit", at: 1.09, sl: 1.08, tp: 1.12 });
    const { retcode, events } = session.modify(1001, { at: 1.095, tp: 1.13, timeInForce: "day" });
    expect([retcode, events]).toEqual([10009, ["order 1001 placed"]]);
    expect(session.order(1001)).toMatchObject({ price: points(1.095), takeProfit: points(1.13), timeInForce: "day" });
    expect(session.order(1001)).not.toHaveProperty("stopLoss");
  });

  it("takes what crosses the market at once on an exchange, and is canceled for it as book-or-cancel", () => {
    const session = opened({ symbol: { execution: "exchange", fillingModes: ["fok", "ioc", "boc"] } });
    expect(session.buy({ type: "limit", at: 1.2 }).events).toEqual([
      "order 1001 placed",
      "deal 501 buy in 0.1 @ 1.1001",
      "order 1001 filled",
      "position 1001 buy 0.1",
    ]);
    expect(session.buy({ type: "limit", at: 1.2, filling: "boc" }).events).toEqual([
      "order 1002 placed",
      "order 1002 canceled",
    ]);
  });
});

describe("a position's levels", () => {
  it.each<[Side, "sl" | "tp", number, readonly [number, number], readonly [number, number]]>([
    ["buy", "sl", 1.098, [1.09801, 1.09811], [1.098, 1.0981]],
    ["buy", "tp", 1.102, [1.10199, 1.1021], [1.102, 1.1021]],
    ["sell", "sl", 1.102, [1.1018, 1.10199], [1.1019, 1.102]],
    ["sell", "tp", 1.098, [1.0979, 1.09801], [1.0979, 1.098]],
  ])("of a %s: the %s is reached by the side it closes at", (side, name, at, before, reached) => {
    const session = opened();
    session.submit(asks(side, { [name]: at }));
    expect(session.tick(...before)).toEqual([]);
    expect(session.tick(...reached).at(-1)).toBe("position 1001 closed");
    expect(session.lastDeal.reason).toBe(name === "sl" ? "stop_loss" : "take_profit");
    expect(session.order(1002)?.comment).toBe(`[${name} ${at.toFixed(5)}]`);
  });

  it("are reached on both sides at once when the spread opens, oldest position first", () => {
    const session = opened();
    session.buy({ sl: 1.099, tp: 1.102 });
    session.sell({ sl: 1.102, tp: 1.099 });
    session.tick(1.0989, 1.1021);
    expect(session.deals.slice(2)).toMatchObject([
      { position: 1001n, reason: "stop_loss" },
      { position: 1002n, reason: "stop_loss" },
    ]);
  });

  it("share the depth of the tick that reaches them", () => {
    const session = opened({ settings: { depth: lots(0.1) } });
    session.buy({ sl: 1.09 });
    session.tick(1.1, 1.1001);
    session.buy({ sl: 1.09 });
    expect(session.tick(1.0899, 1.09).at(-1)).toBe("position 1001 closed");
    expect(session.tick(1.0899, 1.09).at(-1)).toBe("position 1002 closed");
  });

  it("improve a take profit over a gap, or give the level where the broker does not", () => {
    const prices = [true, false].map((priceImprovement) => {
      const session = opened({ settings: { priceImprovement } });
      session.buy({ tp: 1.102 });
      session.tick(1.105, 1.1051);
      return session.lastDeal.price;
    });
    expect(prices).toEqual([points(1.105), points(1.102)]);
  });

  it("stay when nothing can be dealt, and take what can", () => {
    const session = opened({ settings: { depth: lots(0.04) } });
    session.buy({ lots: 0.04, sl: 1.09 });
    session.tick(1.1, 1.1001);
    session.sell({ lots: 0.04 });
    session.tick(1.0899, 1.09);
    expect(session.position(1001)).toBeUndefined();
  });

  it("close a large position piece by piece as the depth allows", () => {
    const session = opened({ settings: { depth: lots(0.04) }, symbol: { execution: "exchange" } });
    session.buy({ lots: 0.1, sl: 1.09, filling: "return" });
    session.tick(1.1, 1.1001);
    session.tick(1.1, 1.1001);
    expect(session.position(1001)?.volume).toBe(lots(0.1));
    const left = [1, 2, 3].map(() => {
      session.tick(1.0899, 1.09);
      return session.position(1001)?.volume;
    });
    expect(left).toEqual([lots(0.06), lots(0.02), undefined]);
    expect(session.deals.filter((deal) => deal.reason === "stop_loss")).toHaveLength(3);
  });

  it("watch the last price on an exchange, and close at the bid", () => {
    const session = opened({
      symbol: { calcMode: "exch_stocks", currencyMargin: "USD", execution: "exchange", contractSize: 1 },
    });
    session.buy({ sl: 1.099 });
    const tick = (last: number) => ({ ...session.tickOf(1.0985, 1.0995), last: points(last) });
    expect(session.broker.ticks(TickRows.of([tick(1.0991)]))).toMatchObject([{ events: [] }]);
    session.broker.ticks(TickRows.of([tick(1.099)]));
    expect(session.lastDeal).toMatchObject({ entry: "out", price: points(1.0985) });
  });
});

describe("slippage", () => {
  const slippage = { settings: { slippage: 7 }, symbol: { tickSize: 2 as Price } };

  it("worsens market orders, stops and stop losses, in whole ticks", () => {
    const session = opened(slippage, draws(0.99));
    session.buy({ sl: 1.098 });
    session.tick(1.09794, 1.09804);
    session.sell({ type: "stop", at: 1.097 });
    session.tick(1.0969, 1.097);
    expect(filledAt(session)).toEqual([points(1.10016), points(1.09788), points(1.09684)]);
  });

  it("leaves limits and take profits alone", () => {
    const session = opened(slippage, draws(0.99));
    session.buy({ type: "limit", at: 1.099, tp: 1.1 });
    session.tick(1.0989, 1.099);
    session.tick(1.1, 1.1001);
    expect(filledAt(session)).toEqual([points(1.099), points(1.1)]);
  });

  it("does not occur in instant execution, which deals at the price or asks again", () => {
    const session = opened({ ...slippage, symbol: { execution: "instant" } }, draws(0.99));
    session.buy({ at: 1.1001 });
    expect(filledAt(session)).toEqual([points(1.1001)]);
  });
});

describe("outside its sessions", () => {
  const morning = [{ from: 0, to: 12.5 * 3600 }];
  const tradeSessions = [morning, morning, morning, morning, morning, morning, morning] as const;

  it("a symbol's prices move and nothing else", () => {
    const session = opened({ settings: { sessions: true }, symbol: { ...eurusd, tradeSessions } });
    session.buy({ sl: 1.098 });
    session.buy({ type: "limit", at: 1.099 });
    session.later(HOUR);
    expect(session.tick(1.09, 1.0901)).toEqual([]);
    expect(session.broker.valuation(session.now).profit).toBe(cents(-101));
    expect(session.later(12 * HOUR).tick(1.09, 1.0901)).toHaveLength(7);
  });

  it("nothing is stopped out", () => {
    const session = opened({ settings: { sessions: true }, symbol: { ...eurusd, tradeSessions } });
    session.buy({ lots: 9 });
    expect(session.later(HOUR).tick(1.08, 1.0801)).toEqual([]);
    expect(
      session
        .later(12 * HOUR)
        .tick(1.08, 1.0801)
        .at(-1),
    ).toBe("position 1001 closed");
  });
});

describe("a batch of ticks", () => {
  it("is cut where something has happened, so that a price comes before what it set off", () => {
    const session = opened();
    session.buy({ type: "limit", at: 1.099 });
    const ticks = TickRows.of([1.1, 1.099, 1.098].map((ask) => session.tickOf(ask - 0.0001, ask)));
    const episodes = session.broker.ticks(ticks);
    expect(episodes.map(({ ticks, events }) => [ticks.length, events.length])).toEqual([
      [2, 3],
      [1, 0],
    ]);
  });

  it("is passed on as it is when nothing has happened", () => {
    const session = opened();
    const ticks = TickRows.of([session.tickOf(1.1, 1.1001), session.tickOf(1.1, 1.1002)]);
    expect(session.broker.ticks(ticks)[0]?.ticks).toBe(ticks);
  });

  it("may speak of symbols that the broker does not know", () => {
    const session = opened();
    expect(session.tick(1, 2, "NOPE")).toEqual([]);
    expect(toBrokerTime(session.now)).toBeGreaterThan(session.now);
  });
});

describe("partial fills", () => {
  const exchange = { settings: { depth: lots(0.1) }, symbol: { execution: "exchange" } } as const;

  it("RETURN: the rest of a market order is dealt on later ticks, into one position", () => {
    const session = opened(exchange);
    const { retcode, events } = session.buy({ lots: 0.25, filling: "return", sl: 1.09 });
    expect([retcode, events.slice(-2)]).toEqual([10010, ["order 1001 partial", "position 1001 buy 0.1"]]);
    expect(session.tick(1.1, 1.1002).slice(-2)).toEqual(["order 1001 partial", "position 1001 buy 0.2"]);
    expect(session.tick(1.1, 1.1003).slice(-2)).toEqual(["order 1001 filled", "position 1001 buy 0.25"]);
    expect(session.position(1001)).toMatchObject({ openPrice: 110_018_000, stopLoss: points(1.09) });
    expect(session.tick(1.1, 1.1003)).toEqual([]);
  });

  it("IOC: the rest is canceled", () => {
    const session = opened(exchange);
    const { events } = session.buy({ lots: 0.25, filling: "ioc" });
    expect(events).toContain("order 1001 canceled");
    expect(session.order(1001)).toMatchObject({ remaining: lots(0.15), state: "canceled" });
  });

  it("FOK: all or nothing", () => {
    const session = opened(exchange);
    const { outcome, events } = session.buy({ lots: 0.25, filling: "fok" });
    expect(events).toEqual(["order 1001 started", "order 1001 canceled"]);
    expect(outcome).toMatchObject({ kind: "done", retcode: 10007, deals: [], orders: [{ state: "canceled" }] });
  });

  it("a pending limit stays with what it has not got", () => {
    const session = opened(exchange);
    session.buy({ type: "limit", at: 1.099, lots: 0.15 });
    expect(session.tick(1.0989, 1.099)).toContain("order 1001 partial");
    expect(session.tick(1.0999, 1.1)).toEqual([]);
    expect(session.cancel(1001).events).toEqual(["order 1001 canceled"]);
    expect(session.order(1001)).toMatchObject({ remaining: lots(0.05), state: "canceled" });
  });

  it("a stop that has begun is a market order for the rest, wherever the price goes", () => {
    const session = opened(exchange);
    session.buy({ type: "stop", at: 1.101, lots: 0.15 });
    session.tick(1.1009, 1.101);
    expect(session.tick(1.0999, 1.1)).toContain("order 1001 filled");
  });

  it("the rest opens a position of the same number again when the first one was closed", () => {
    const session = opened(exchange);
    session.buy({ type: "limit", at: 1.099, lots: 0.15 });
    session.tick(1.0989, 1.099);
    session.sell({ position: t(1001) });
    expect(session.tick(1.0989, 1.099).at(-1)).toBe("position 1001 buy 0.05");
  });

  it("what is left of a closing order goes with its position", () => {
    const session = opened(exchange);
    session.buy({ sl: 1.09 });
    session.sell({ lots: 0.05 });
    session.sell({ position: t(1001), filling: "return" });
    expect(session.tick(1.0899, 1.09)).toContain("position 1001 closed");
    expect(session.tick(1.0899, 1.09)).toEqual([]);
    expect(session.order(1003)).toMatchObject({ state: "canceled", remaining: lots(0.05) });
  });
});
