import { describe, expect, it } from "vitest";
import type { Instant } from "../../../src/core/model/ids.ts";
import { cents, eurusd, HOUR, noon, opened, points, Session, t } from "./builders.ts";

const DAY = 24 * HOUR;
/** From noon on the broker's clock to its midnight. */
const MIDNIGHT = 12 * HOUR;
const swaps = { swapMode: "points", swapLong: -6.8, swapShort: 3.98 } as const;

describe("the swap", () => {
  it("is added at the broker's midnight, thrice in the night of Wednesday, and booked with the closing deal", () => {
    const session = opened({ symbol: swaps });
    session.buy({ lots: 1 });
    const nights = ["Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Mon"].map((_, night) => {
      const before = session.position(1001)?.swap ?? 0;
      session.now = (noon + MIDNIGHT + night * DAY) as Instant;
      session.tick(1.1, 1.1001);
      return ((session.position(1001)?.swap ?? 0) - before) / 100;
    });
    expect(nights).toEqual([-6.8, -20.4, -6.8, -6.8, 0, 0, -6.8]);
    session.sell({ lots: 1, position: t(1001) });
    expect(session.lastDeal).toMatchObject({ swap: cents(-47.6), profit: cents(-10) });
    expect(session.balance).toBe(10_000 - 47.6 - 10);
  });

  it("comes with the day's first tick, told as a change of the position, and only once", () => {
    const session = opened({ symbol: swaps });
    session.sell({ lots: 1 });
    expect(session.later(MIDNIGHT - 1).tick(1.1, 1.1001)).toEqual([]);
    expect(session.later(1).tick(1.1, 1.1001)).toEqual(["position 1001 sell 1"]);
    expect(session.later(1).tick(1.1, 1.1001)).toEqual([]);
    expect(session.position(1001)).toMatchObject({ swap: cents(3.98), updateTime: noon });
  });

  it("of every night is caught up after an absence, of no night twice after a restart", () => {
    const session = opened({ symbol: swaps });
    session.buy({ lots: 1 });
    const restarted = new Session({ symbol: swaps });
    for (const event of session.ledger) if (event.type !== "deal") restarted.broker.restore(event);
    restarted.now = (noon + MIDNIGHT + 2 * DAY) as Instant;
    restarted.tick(1.1, 1.1001);
    expect(restarted.position(1001)?.swap).toBe(cents(-34));
    restarted.tick(1.1, 1.1001);
    expect(restarted.position(1001)?.swap).toBe(cents(-34));
  });

  it("is not charged for a night before the position was there, even if no tick has begun the day", () => {
    const session = opened({ symbol: swaps });
    session.later(MIDNIGHT + HOUR).buy({ lots: 1 });
    session.tick(1.1, 1.1001);
    expect(session.position(1001)?.swap).toBe(0);
  });

  it("can be a new price instead of money: the position is closed and opened again with its ticket", () => {
    const session = opened({ symbol: { ...swaps, swapMode: "reopen_current", swapLong: -6 } });
    session.buy({ lots: 1, sl: 1.05 });
    session.tick(1.102, 1.1021);
    expect(session.later(MIDNIGHT).tick(1.102, 1.1021)).toEqual([
      "deal 502 sell out 1 @ 1.102",
      "deal 503 buy in 1 @ 1.10206",
      "position 1001 buy 1",
    ]);
    expect(session.position(1001)).toMatchObject({ openPrice: 110_206_000, stopLoss: points(1.05) });
    expect(session.balance).toBe(10_190);
  });
});

describe("an order of the day", () => {
  it("expires with the first tick of the next", () => {
    const session = opened();
    session.buy({ type: "limit", at: 1.09, timeInForce: "day" });
    expect(session.later(MIDNIGHT - 1).tick(1.1, 1.1001)).toEqual([]);
    expect(session.later(1).tick(1.1, 1.1001)).toEqual(["order 1001 expired"]);
  });

  it("of a named day lives to the end of that day", () => {
    const session = opened();
    const expireTime = (noon + DAY) as Instant;
    session.buy({ type: "limit", at: 1.09, timeInForce: "specified_day", expireTime });
    expect(session.later(DAY + MIDNIGHT - 1).tick(1.1, 1.1001)).toEqual([]);
    expect(session.later(1).tick(1.1, 1.1001)).toEqual(["order 1001 expired"]);
  });

  it("that is due and over at once is over", () => {
    const session = opened();
    session.buy({ type: "limit", at: 1.09, timeInForce: "day" });
    session.later(MIDNIGHT);
    expect(session.tick(1.08, 1.0801)).toEqual(["order 1001 expired"]);
  });

  it("waits for the next session when its time falls into a closed market", () => {
    const tradeSessions = eurusd.tradeSessions.map(() => [{ from: 3600, to: 86_400 }]) as never;
    const session = opened({ settings: { sessions: true }, symbol: { tradeSessions } });
    session.buy({ type: "limit", at: 1.09, timeInForce: "day" });
    expect(session.later(MIDNIGHT).tick(1.1, 1.1001)).toEqual([]);
    expect(session.later(HOUR).tick(1.1, 1.1001)).toEqual(["order 1001 expired"]);
  });

  it.each([
    ["daily", ["order 1002 expired"], undefined],
    ["daily_excluding_stops", ["order 1002 expired"], points(1.05)],
    ["gtc", [], points(1.05)],
  ] as const)("is, in GTC mode %s, what the day leaves of pendings and stops", (gtcMode, expired, stopLoss) => {
    const session = opened({ symbol: { gtcMode } });
    session.buy({ sl: 1.05 });
    session.buy({ type: "limit", at: 1.09 });
    expect(session.later(MIDNIGHT).tick(1.1, 1.1001)).toEqual(expect.arrayContaining([...expired]));
    expect(session.position(1001)?.stopLoss).toBe(stopLoss);
    expect(session.broker.books.orders.size).toBe(expired.length === 0 ? 1 : 0);
  });
});
