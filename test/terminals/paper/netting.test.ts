import { describe, expect, it } from "vitest";
import { lots, type Money } from "../../../src/core/model/decimals.ts";
import { asks, cents, opened, points, t } from "./builders.ts";

const netting = { account: { marginMode: "netting" } } as const;

describe("a netting account", () => {
  it("has one position per symbol, grown by deals of its side", () => {
    const session = opened(netting);
    session.buy();
    session.buy({ lots: 0.2 });
    expect(session.broker.books.positions.size).toBe(1);
    expect(session.position(1001)?.volume).toBe(lots(0.3));
    expect(session.order(1002)?.position).toBe(1001n);
  });

  it("replaces both stops with those of the order that adds, none included", () => {
    const session = opened(netting);
    session.buy({ sl: 1.09, tp: 1.12 });
    session.buy({ tp: 1.13 });
    expect(session.position(1001)).toMatchObject({ takeProfit: points(1.13) });
    expect(session.position(1001)).not.toHaveProperty("stopLoss");
  });

  it("keeps stops and price when a part is closed, and takes magic and comment of the last deal", () => {
    const session = opened(netting);
    session.buy({ sl: 1.09, comment: "first" });
    const order = asks("sell", { lots: 0.04, comment: "second" });
    session.submit(order);
    expect(session.lastDeal).toMatchObject({ entry: "out", profit: cents(-0.4), position: 1001n });
    expect(session.position(1001)).toMatchObject({
      volume: lots(0.06),
      openPrice: 110_010_000,
      stopLoss: points(1.09),
      magic: order.magic,
      comment: "second",
    });
  });

  it("is flat when all of it is sold", () => {
    const session = opened(netting);
    session.buy();
    expect(session.sell().events.at(-1)).toBe("position 1001 closed");
  });

  it("closes by ticket, too, and never beyond", () => {
    const session = opened(netting);
    session.buy();
    expect(session.sell({ lots: 0.2, position: t(1001) }).retcode).toBe(10038);
    expect(session.sell({ lots: 0.1, position: t(1001) }).retcode).toBe(10009);
  });

  it("is reversed by a pending order as by a market order", () => {
    const session = opened(netting);
    session.buy();
    session.sell({ type: "stop", at: 1.099, lots: 0.3, sl: 1.11 });
    expect(session.tick(1.099, 1.0991)).toEqual([
      "deal 502 sell inout 0.3 @ 1.099",
      "order 1002 filled",
      "position 1001 closed",
      "position 1002 sell 0.2",
    ]);
    expect(session.position(1002)).toMatchObject({ identifier: 1001n, stopLoss: points(1.11) });
    session.tick(1.11, 1.1101);
    expect(session.lastDeal).toMatchObject({ position: 1001n, reason: "stop_loss" });
  });

  it("pays commission for what a reversal opens, not for what it closes", () => {
    const session = opened({ ...netting, settings: { commissionPerLot: 5 } });
    session.buy();
    session.sell({ lots: 0.25 });
    expect(session.deals.map((deal) => deal.commission)).toEqual([cents(-0.5), cents(-0.75)]);
  });

  it("realises the swap with what is closed: a share of it with a part, all with a reversal", () => {
    const session = opened(netting);
    session.buy();
    const [position] = session.broker.books.positions.values();
    if (position === undefined) throw new Error("no position");
    session.broker.restore({ type: "position", marginRate: 1, position: { ...position, swap: -101 as Money } });
    session.sell({ lots: 0.05 });
    session.sell({ lots: 0.2 });
    expect(session.deals.map((deal) => deal.swap)).toEqual([0, -51, -50]);
  });
});

describe("a hedging account", () => {
  it("opens a position with every order, opposite ones beside each other", () => {
    const session = opened();
    session.buy();
    session.buy();
    session.sell();
    expect([...session.broker.books.positions.keys()]).toEqual([1001n, 1002n, 1003n]);
  });

  it("charges commission when it opens and none when it closes", () => {
    const session = opened({ settings: { commissionPerLot: 5 } });
    session.buy();
    session.sell({ position: t(1001) });
    expect(session.deals.map((deal) => deal.commission)).toEqual([cents(-0.5), 0]);
    expect(session.balance).toBe(10_000 - 0.5 - 1);
  });

  it("keeps a position's own stops when another is closed by it, whole legs in one go", () => {
    const session = opened();
    session.buy({ sl: 1.09 });
    session.sell();
    const { events } = session.buy({ position: t(1001), positionBy: t(1002) });
    expect(events).toEqual([
      "order 1003 started",
      "deal 503 sell out_by 0.1 @ 1.1",
      "position 1001 closed",
      "deal 504 buy out_by 0.1 @ 1.1001",
      "order 1003 filled",
      "position 1002 closed",
    ]);
    expect(session.balance).toBe(9_999);
  });

  it("realises with a close-by each position's own share of its swap", () => {
    const session = opened();
    session.buy({ lots: 0.1 });
    session.sell({ lots: 0.4 });
    for (const position of [...session.broker.books.positions.values()]) {
      const swap = (position.side === "buy" ? -100 : 200) as Money;
      session.broker.restore({ type: "position", marginRate: 1, position: { ...position, swap } });
    }
    session.buy({ position: t(1001), positionBy: t(1002) });
    expect(session.deals.slice(2).map((deal) => deal.swap)).toEqual([-100, 50]);
    expect(session.position(1002)?.swap).toBe(150);
  });

  it("changes a position's stops without a deal", () => {
    const session = opened();
    session.buy();
    const { retcode, events } = session.protect(1001, { sl: 1.09, tp: 1.12 });
    expect([retcode, events]).toEqual([10009, ["position 1001 buy 0.1"]]);
    expect(session.position(1001)).toMatchObject({ stopLoss: points(1.09), takeProfit: points(1.12) });
  });

  it("says beforehand what an order needs and what would be left", () => {
    const session = opened({ settings: { commissionPerLot: 5 } });
    expect(session.broker.check(asks("buy").request, session.now)).toEqual({
      retcode: 0,
      message: "Done",
      marginNeeded: cents(110.01),
      margin: cents(110.01),
      equity: cents(9_999.5),
      freeMargin: cents(9_889.49),
      marginLevel: (999_950 / 11_001) * 100,
    });
  });
});
