import { describe, expect, it } from "vitest";
import { lots } from "../../../src/core/model/decimals.ts";
import { cents, HOUR, noon, opened, points, t } from "./builders.ts";

/** Sequences A to H of the semantics: hedging, EURUSD 1.10000 / 1.10010. */
describe("the worked sequences", () => {
  it("A: a market buy opens a position with the order's ticket", () => {
    const session = opened();
    const { outcome, events } = session.buy({ sl: 1.098, tp: 1.103 });
    expect(events).toEqual([
      "order 1001 started",
      "deal 501 buy in 0.1 @ 1.1001",
      "order 1001 filled",
      "position 1001 buy 0.1",
    ]);
    expect(outcome).toMatchObject({
      kind: "done",
      retcode: 10009,
      orders: [{ ticket: 1001n, state: "filled", price: points(1.1001), position: 1001n, remaining: 0 }],
      deals: [{ ticket: 501n, order: 1001n, position: 1001n, price: points(1.1001), volume: lots(0.1) }],
    });
    expect(session.position(1001)).toMatchObject({ identifier: 1001n, stopLoss: points(1.098), reason: "expert" });
  });

  it("B: a stop loss closes with an order of its own, at the tick that reached it", () => {
    const session = opened();
    session.buy({ sl: 1.098, tp: 1.103 });
    expect(session.tick(1.09795, 1.09805)).toEqual([
      "order 1002 started",
      "deal 502 sell out 0.1 @ 1.09795",
      "order 1002 filled",
      "position 1001 closed",
    ]);
    expect(session.order(1002)).toMatchObject({ reason: "stop_loss", position: 1001n, comment: "[sl 1.09800]" });
    expect(session.lastDeal).toMatchObject({
      reason: "stop_loss",
      profit: cents(-21.5),
      comment: "[sl 1.09800]",
      stopLoss: points(1.098),
    });
  });

  it("C: a buy stop fills at the ask that triggers it and keeps its own price", () => {
    const session = opened();
    session.buy({ sl: 1.098, tp: 1.103 });
    session.tick(1.09795, 1.09805);
    const placed = session.buy({ type: "stop", at: 1.101 });
    expect([placed.retcode, placed.events]).toEqual([10009, ["order 1003 placed"]]);
    expect(session.tick(1.10094, 1.10104)).toEqual([
      "deal 503 buy in 0.1 @ 1.10104",
      "order 1003 filled",
      "position 1003 buy 0.1",
    ]);
    expect(session.order(1003)).toMatchObject({ price: points(1.101), position: 1003n, type: "stop" });
  });

  it("D: a partial close keeps ticket, price and levels", () => {
    const session = opened();
    session.buy({ sl: 1.098, tp: 1.103 });
    const { events } = session.sell({ lots: 0.04, position: t(1001) });
    expect(events).toEqual([
      "order 1002 started",
      "deal 502 sell out 0.04 @ 1.1",
      "order 1002 filled",
      "position 1001 buy 0.06",
    ]);
    expect(session.position(1001)).toMatchObject({
      openPrice: 110_010_000,
      stopLoss: points(1.098),
      takeProfit: points(1.103),
    });
  });

  it("E: a netting reversal is one deal; the identifier stays, the ticket changes", () => {
    const session = opened({ account: { marginMode: "netting" } });
    session.buy({ sl: 1.09 });
    session.tick(1.1005, 1.1006);
    const { events } = session.sell({ lots: 0.25, tp: 1.09 });
    expect(events).toEqual([
      "order 1002 started",
      "deal 502 sell inout 0.25 @ 1.1005",
      "order 1002 filled",
      "position 1001 closed",
      "position 1002 sell 0.15",
    ]);
    expect(session.lastDeal.profit).toBe(cents(4));
    expect(session.position(1002)).toMatchObject({
      identifier: 1001n,
      side: "sell",
      volume: lots(0.15),
      openPrice: 110_050_000,
      takeProfit: points(1.09),
    });
    expect(session.position(1002)).not.toHaveProperty("stopLoss");
  });

  it("F: an order whose time has passed expires with the next tick", () => {
    const session = opened();
    const expireTime = (noon + HOUR) as typeof noon;
    session.buy({ type: "limit", at: 1.09, timeInForce: "specified", expireTime });
    expect(session.later(HOUR - 1).tick(1.1, 1.1001)).toEqual([]);
    expect(session.later(1).tick(1.1, 1.1001)).toEqual(["order 1001 expired"]);
    expect(session.order(1001)).toMatchObject({ doneTime: expireTime, comment: "expired [2025.01.07 13:00]" });
  });

  it("G: a pending order without money at its trigger is rejected", () => {
    const session = opened();
    session.buy({ type: "stop", at: 1.101, lots: 50 });
    expect(session.tick(1.1009, 1.101)).toEqual(["order 1001 rejected"]);
    expect(session.order(1001)).toMatchObject({ comment: "[10041 no money]" });
    expect(session.deals).toEqual([]);
  });

  it("H: instant execution beyond the deviation is requoted", () => {
    const session = opened({ symbol: { execution: "instant" } });
    session.tick(1.1001, 1.1002);
    const { outcome, events } = session.buy({ at: 1.1001, deviation: 5 });
    expect(outcome).toMatchObject({ kind: "refused", retcode: 10004, quote: { bid: 110_010, ask: 110_020 } });
    expect(events).toEqual([]);
  });
});

describe("the printed vectors", () => {
  it("15: a netting average has three more digits, cut and not rounded", () => {
    const session = opened({ account: { marginMode: "netting" } });
    session.tick(1.1004, 1.1005);
    session.buy({ lots: 0.01 });
    session.tick(1.1004, 1.10052);
    session.buy({ lots: 0.02 });
    expect(session.position(1001)?.openPrice).toBe(110_051_333);
    session.sell({ lots: 0.02 });
    expect(session.position(1001)?.openPrice).toBe(110_051_333);
    session.tick(1.1004, 1.10056);
    session.buy({ lots: 0.01 });
    expect(session.position(1001)?.openPrice).toBe(110_053_666);
  });

  it("16: closing by an opposite position makes two deals at each other's prices", () => {
    const session = opened();
    session.tick(1.1094, 1.10947);
    session.buy({ lots: 0.01 });
    session.tick(1.10964, 1.1097);
    session.sell({ lots: 0.02 });
    const { events, retcode } = session.buy({ position: t(1001), positionBy: t(1002) });
    expect(retcode).toBe(10009);
    expect(events).toEqual([
      "order 1003 started",
      "deal 503 sell out_by 0.01 @ 1.10964",
      "position 1001 closed",
      "deal 504 buy out_by 0.01 @ 1.10947",
      "order 1003 filled",
      "position 1002 sell 0.01",
    ]);
    expect(session.deals.slice(2).map((deal) => deal.profit)).toEqual([cents(0.17), 0]);
    expect(session.order(1003)).toMatchObject({
      type: "close_by",
      price: points(1.10964),
      volume: lots(0.01),
      position: 1001n,
      positionBy: 1002n,
    });
  });

  it("18: within the deviation instant execution deals at the current price", () => {
    const session = opened({ symbol: { execution: "instant" } });
    session.tick(1.08015, 1.0802);
    const { outcome } = session.sell({ at: 1.08018, deviation: 20 });
    expect(outcome).toMatchObject({ retcode: 10009, deals: [{ price: points(1.08015) }] });
  });
});
