/**
 * What must hold whatever happens: random requests and prices, from a seed that the
 * failing test names.
 */
import { describe, expect, it } from "vitest";
import type { MarginMode } from "../../../src/core/model/account.ts";
import { fine, lots, type Money, type Price, roundHalfAway } from "../../../src/core/model/decimals.ts";
import type { Instant } from "../../../src/core/model/ids.ts";
import type { Filling, OrderType, Side, TimeInForce } from "../../../src/core/model/order.ts";
import { TickRows } from "../../../src/core/model/tick-rows.ts";
import type { LedgerEvent } from "../../../src/terminals/paper/books.ts";
import { isActive } from "../../../src/terminals/paper/books.ts";
import { PaperBroker } from "../../../src/terminals/paper/broker.ts";
import { LegSum } from "../../../src/terminals/paper/leg-sum.ts";
import { eurusd, HOUR, Session, settingsWith, t, type Variations } from "./builders.ts";

/** Small, fast and good enough to stir a test (mulberry32). */
function random(seed: number) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const brokers = (marginMode: MarginMode, slippage = 3): Variations => ({
  account: { marginMode, limitOrders: 20, stopOutLevel: 90 },
  symbol: {
    execution: "exchange",
    fillingModes: ["fok", "ioc", "boc"],
    swapMode: "points",
    swapLong: -6.8,
    swapShort: 3.98,
    gtcMode: "daily_excluding_stops",
    marginHedged: 50_000,
  },
  settings: { depth: lots(0.5), slippage, commissionPerLot: 3.5, initialBalance: 150_000 as Money },
});

/** A few weeks at a broker where everything happens. */
function anyLife(seed: number, marginMode: MarginMode, slippage?: number): Session {
  const next = random(seed);
  const pick = <T>(...choices: readonly T[]): T => choices[Math.floor(next() * choices.length)] as T;
  const session = new Session(brokers(marginMode, slippage), { next });
  let mid = 110_000;
  const near = () => (mid + Math.round((next() - 0.5) * 400)) / 100_000;
  const maybe = () => (next() < 0.4 ? near() : undefined);
  const some = () => Math.floor(next() * 60) + 1001;
  const held = () => pick(...session.broker.books.positions.keys(), t(some()));

  for (let step = 0; step < 150; step++) {
    session.later(Math.floor(next() * 4 * HOUR));
    const what = next();
    const side = pick<Side>("buy", "sell");
    const volume = Math.ceil(next() * 90) / 100;
    if (what < 0.5) {
      mid += Math.round((next() - 0.5) * 300);
      session.tick(mid / 100_000, (mid + 10) / 100_000);
    } else if (what < 0.85) {
      const [at, limit, sl, tp] = [maybe(), maybe(), maybe(), maybe()];
      const expireTime = (session.now + Math.floor(next() * 48 * HOUR)) as Instant;
      const by = next() < 0.15 ? { position: held(), ...(next() < 0.4 && { positionBy: held() }) } : {};
      session[side]({
        lots: volume,
        type: pick<OrderType>("market", "market", "limit", "stop", "stop_limit"),
        filling: pick<Filling | "auto">("auto", "fok", "ioc", "return", "boc"),
        timeInForce: pick<TimeInForce>("gtc", "day", "specified", "specified_day"),
        expireTime,
        ...(at !== undefined && { at }),
        ...(limit !== undefined && { limit }),
        ...(sl !== undefined && { sl }),
        ...(tp !== undefined && { tp }),
        ...by,
      });
    } else if (what < 0.9) session.cancel(some());
    else if (what < 0.95)
      session.modify(Number(pick(...session.broker.books.orders.keys(), t(some()))), { at: near() });
    else session.protect(Number(held()), { sl: near(), tp: near() });
  }
  return session;
}

/** The books, and what would come next. */
const standing = ({ books }: PaperBroker) => ({
  balance: books.balance,
  credit: books.credit,
  day: books.day,
  orders: [...books.orders],
  positions: [...books.positions],
  pastOrders: [...books.pastOrders],
  deals: books.deals,
  holdings: structuredClone(books.of("EURUSD")),
  pendings: books.pendings,
  nextOrder: books.nextOrder,
  nextDeal: books.nextDeal,
  marginRates: [...books.positions.keys()].map((ticket) => books.marginRate(ticket)),
});

const sumOf = ({ volume, price, rate }: LegSum) => ({ volume, price, rate });

function folded(ledger: readonly LedgerEvent[], variations: Variations): PaperBroker {
  const broker = new PaperBroker(settingsWith(variations), { next: () => 0 });
  for (const event of structuredClone(ledger)) broker.restore(event);
  return broker;
}

/** Lives already led, for the tests that only look at them. */
const lives = new Map<string, Session>();

function life(seed: number, marginMode: MarginMode): Session {
  const known = lives.get(`${marginMode} ${seed}`) ?? anyLife(seed, marginMode);
  lives.set(`${marginMode} ${seed}`, known);
  return known;
}

const seeds = Array.from({ length: 150 }, (_, seed) => seed);

describe.each<MarginMode>(["hedging", "netting"])("a %s account, whatever happens", (marginMode) => {
  it("has of its positions the sums that adding them up anew would give", () => {
    for (const seed of seeds) {
      const { books } = life(seed, marginMode).broker;
      const { legs, positions } = books.of("EURUSD");
      for (const side of ["buy", "sell"] as const) {
        const anew = new LegSum();
        for (const { ticket, side: its, volume, openPrice } of positions) {
          if (its === side) anew.add({ volume, price: openPrice, rate: books.marginRate(ticket) });
        }
        expect(sumOf(legs[side]), `seed ${seed}, ${side}`).toEqual(sumOf(anew));
      }
    }
  });

  it("stands after the fold over what the ledger keeps where it stood before", () => {
    for (const seed of seeds) {
      const { broker, kept, now } = life(seed, marginMode);
      const restarted = folded(kept, brokers(marginMode));
      expect(standing(restarted), `seed ${seed}`).toEqual(standing(broker));
      expect(restarted.valuation(now).margin, `seed ${seed}`).toBe(broker.valuation(now).margin);
    }
  });

  it("goes on after a restart as if there had been none", () => {
    for (const seed of seeds.slice(0, 30)) {
      const session = anyLife(seed, marginMode, 0);
      const restarted = folded(session.ledger, brokers(marginMode, 0));
      session.later(30 * HOUR);
      const ticks = [1.1, 1.08, 1.12, 1.1].map((bid) => session.tickOf(bid, bid + 0.0001));
      expect(restarted.ticks(TickRows.of(ticks)), `seed ${seed}`).toEqual(session.broker.ticks(TickRows.of(ticks)));
    }
  });

  it("has the balance that its deals add up to", () => {
    for (const seed of seeds) {
      const { broker } = life(seed, marginMode);
      let sum = 0;
      for (const { profit, swap, commission, fee } of broker.books.deals) sum += profit + swap + commission + fee;
      expect(broker.books.balance, `seed ${seed}`).toBe(sum);
    }
  });

  it("has the positions that its deals add up to", () => {
    for (const seed of seeds) {
      const { broker, deals } = life(seed, marginMode);
      let sum = 0;
      for (const { type, volume } of deals) sum += type === "buy" ? volume : -volume;
      for (const { side, volume } of broker.books.positions.values()) sum -= side === "buy" ? volume : -volume;
      expect(sum, `seed ${seed}`).toBe(0);
      if (marginMode === "netting") expect(broker.books.positions.size, `seed ${seed}`).toBeLessThan(2);
    }
  });

  it("never fills an order beyond its volume, and its deals are what is missing of it", () => {
    for (const seed of seeds) {
      const { broker, deals } = life(seed, marginMode);
      const filled = Map.groupBy(deals, (deal) => deal.order);
      for (const order of [...broker.books.orders.values(), ...broker.books.pastOrders.values()]) {
        let dealt = 0;
        for (const deal of filled.get(order.ticket) ?? []) dealt += deal.volume;
        if (order.type === "close_by") dealt /= 2;
        expect([order.remaining >= 0, dealt], `seed ${seed} order ${order.ticket}`).toEqual([
          true,
          order.volume - order.remaining,
        ]);
        expect(isActive(order), `seed ${seed} order ${order.ticket}`).toBe(order.doneTime === undefined);
      }
    }
  });

  it("gives every order and every deal its own number, in the order in which they came", () => {
    for (const seed of seeds) {
      const { broker } = life(seed, marginMode);
      expect(broker.books.deals.map((deal) => deal.ticket)).toEqual(broker.books.deals.map((_, i) => t(500 + i)));
      const orders = [...broker.books.orders.keys(), ...broker.books.pastOrders.keys()].sort((a, b) =>
        a < b ? -1 : 1,
      );
      expect(orders, `seed ${seed}`).toEqual(orders.map((_, i) => t(1001 + i)));
    }
  });

  it("does everything there is to do, or these tests would prove nothing", () => {
    const seen = new Set<string>();
    for (const seed of seeds) {
      const { broker } = life(seed, marginMode);
      for (const deal of broker.books.deals) seen.add(deal.entry).add(deal.reason);
      for (const order of broker.books.pastOrders.values()) seen.add(order.state).add(order.type);
    }
    const either = marginMode === "hedging" ? ["out_by", "close_by"] : ["inout"];
    for (const each of [
      "in",
      "out",
      "stop_loss",
      "take_profit",
      "stop_out",
      "filled",
      "canceled",
      "expired",
      "rejected",
    ]) {
      expect(seen, each).toContain(each);
    }
    for (const each of [...either, "limit", "stop", "market"]) expect(seen, each).toContain(each);
  });
});

describe("the average of a position", () => {
  it("lies between the prices of its deals", () => {
    for (const seed of seeds) {
      const next = random(seed);
      const session = new Session({ account: { marginMode: "netting" }, symbol: eurusd });
      const prices: number[] = [];
      for (let i = 0; i < 5; i++) {
        const ask = 110_000 + Math.floor(next() * 1000);
        session.tick((ask - 10) / 100_000, ask / 100_000);
        session.buy({ lots: Math.ceil(next() * 20) / 100 });
        prices.push(fine(ask as Price));
      }
      const average = session.position(1001)?.openPrice ?? 0;
      expect(average, `seed ${seed}`).toBeGreaterThanOrEqual(Math.min(...prices));
      expect(average, `seed ${seed}`).toBeLessThanOrEqual(Math.max(...prices));
      expect(roundHalfAway(average), `seed ${seed}`).toBe(average);
    }
  });
});

describe("history", () => {
  it("forgets the oldest beyond its limit, and says that it is not whole", () => {
    const session = new Session({ settings: { historyLimit: 8 } });
    session.tick(1.1, 1.1001);
    for (let i = 0; i < 20; i++) session.later(HOUR).buy({ lots: 0.01 });
    const { broker, now } = session;
    const asked = 77 as Instant;
    const whole = broker.snapshot(0 as Instant, now, asked);
    expect([whole.completeUntil, whole.pastOrders.length, whole.deals.length]).toEqual([0, 8, 9]);
    const recent = broker.snapshot((now - 4 * HOUR) as Instant, now, asked);
    expect([recent.completeUntil, recent.pastOrders.length, recent.deals.length]).toEqual([asked, 5, 5]);
    expect(broker.books.positions.size).toBe(20);
  });
});
