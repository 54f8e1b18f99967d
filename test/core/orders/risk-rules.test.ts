import { describe, expect, it } from "vitest";
import { Holdings } from "../../../src/core/accounts/holdings.ts";
import type { PositionValue } from "../../../src/core/model/account.ts";
import type { Deal } from "../../../src/core/model/deal.ts";
import { lots, type Money, type Price } from "../../../src/core/model/decimals.ts";
import {
  type BrokerTime,
  type Instant,
  magicOf,
  type OrderNumber,
  orderId,
  type StrategyId,
  ticket,
} from "../../../src/core/model/ids.ts";
import type { Order, OrderRequest, Stage } from "../../../src/core/model/order.ts";
import type { Position } from "../../../src/core/model/position.ts";
import { OrderBook } from "../../../src/core/orders/order-book.ts";
import { refusal, type Standing } from "../../../src/core/orders/risk.ts";
import { LimitSets, type LimitsDraft, readLimits } from "../../../src/core/orders/risk-limits.ts";
import { tickAt } from "../../any-ticks.ts";
import { demo, eurusd, noon } from "../../terminals/paper/builders.ts";
import { draft } from "../desk.ts";
import { worth } from "../scripted-terminal.ts";
import { standing } from "../standing.ts";

const seven = 7 as StrategyId;
const usdjpy = { ...eurusd, name: "USDJPY", digits: 3, currencyBase: "USD", currencyProfit: "JPY" };
const gold = {
  ...eurusd,
  name: "XAUEUR",
  digits: 2,
  currencyProfit: "EUR",
  calcMode: "cfd",
  contractSize: 100,
} as const;
const future = { ...eurusd, name: "ES", digits: 2, tickSize: 25, tickValue: 12.5, calcMode: "futures" } as const;
const option = { ...eurusd, name: "OPT", calcMode: "exch_options" } as const;
const symbols = new Map([eurusd, usdjpy, gold, future as typeof eurusd, option].map((spec) => [spec.name, spec]));
const quotes: Readonly<Record<string, readonly [number, number]>> = {
  EURUSD: [110_000, 110_010],
  USDJPY: [150_000, 150_020],
  XAUEUR: [200_000, 200_100],
  ES: [500_000, 500_025],
};
const fresh = (symbol: string) => {
  const quote = quotes[symbol];
  return quote && tickAt(noon, { symbol, bid: quote[0] as Price, ask: quote[1] as Price });
};

const request = (more: Partial<Omit<OrderRequest, "volume" | "price">> & { lots?: number; at?: number } = {}) => {
  const { lots: volume = 0.1, at, ...rest } = more;
  const { account, clientOrderId, strategyId, symbol, side, type, comment } = draft();
  const plain = { account, clientOrderId, strategyId, symbol, side, type, timeInForce: "gtc", comment } as const;
  const price = at === undefined ? {} : { price: at as Price };
  return { ...plain, volume: lots(volume), filling: "auto", deviation: 0, ...price, ...rest } satisfies OrderRequest;
};

/** What the limits of the account, or of strategy 7, say of an order. */
function judged(limits: LimitsDraft, order: OrderRequest, more: Partial<Standing> = {}, strategy = false) {
  const sets = new LimitSets();
  const read = readLimits(limits, (name) => symbols.has(name));
  sets.configured = strategy
    ? { account: {}, strategies: new Map([[seven, read]]) }
    : { account: read, strategies: new Map() };
  const prices = { now: noon, fresh };
  const rejection = refusal(order, standing({ symbols, prices, limits: sets, ...more }));
  return rejection && [rejection.reason, rejection.limit, rejection.value];
}

let number = 0;
function order(more: Partial<Order> = {}): Order {
  number += 1;
  const own = number as OrderNumber;
  const strategyId = more.strategyId ?? seven;
  return {
    ...request(),
    ...{ id: orderId(demo.alias, own), number: own, strategyId, magic: magicOf(strategyId, own) },
    ...{
      filled: lots(0),
      stage: "working" as Stage,
      version: 1,
      cause: "client",
      deals: [],
      knownAt: 0 as Instant,
      traceId: "",
    },
    ...more,
  };
}

function bookOf(...orders: readonly Partial<Order>[]): OrderBook {
  number = 0;
  const book = new OrderBook();
  for (const one of orders) book.put(order(one));
  return book;
}

const position = (more: Partial<Position> = {}): Position => ({
  ...{
    ticket: ticket(1),
    identifier: ticket(1),
    symbol: "EURUSD",
    side: "buy",
    volume: lots(0.3),
    openPrice: 0 as Position["openPrice"],
  },
  ...{
    swap: 0 as Money,
    magic: magicOf(seven, 1 as OrderNumber),
    reason: "expert",
    openTime: noon,
    updateTime: noon,
    comment: "",
  },
  ...more,
});

function holdingsOf(
  positions: readonly Position[],
  deals: readonly Partial<Deal>[] = [],
  values: readonly PositionValue[] = [],
) {
  const holdings = new Holdings({ ...worth(), positions: values });
  for (const one of positions) holdings.put(one);
  for (const [i, one] of deals.entries()) {
    holdings.add({
      ...{ ticket: ticket(100 + i), order: ticket(50), symbol: "EURUSD", type: "sell", entry: "out", reason: "expert" },
      ...{
        magic: magicOf(seven, 1 as OrderNumber),
        volume: lots(0.1),
        price: 1 as Price,
        profit: 0 as Money,
        swap: 0 as Money,
      },
      ...{ commission: 0 as Money, fee: 0 as Money, time: noon, comment: "" },
      ...one,
    } as Deal);
  }
  return holdings;
}

describe("max_volume", () => {
  it("is the most lots of one order", () => {
    expect(judged({ maxVolume: 0.1 }, request({ lots: 0.09 }))).toBeUndefined();
    expect(judged({ maxVolume: 0.1 }, request({ lots: 0.1 }))).toBeUndefined();
    expect(judged({ maxVolume: 0.1 }, request({ lots: 0.11 }))).toEqual(["RISK_MAX_VOLUME", "0.1", "0.11"]);
  });
});

describe("max_notional", () => {
  it("is the most that an order may be worth: at the quote's dearer side, or at its own price", () => {
    expect(judged({ maxNotional: 11_001 }, request())).toBeUndefined();
    expect(judged({ maxNotional: 11_000.99 }, request())).toEqual(["RISK_MAX_NOTIONAL", "11000.99", "11001"]);
    expect(judged({ maxNotional: 11_000 }, request({ side: "sell" }))).toBeUndefined();
    expect(judged({ maxNotional: 10_000 }, request({ type: "limit", at: 100_000 }))).toBeUndefined();
    expect(judged({ maxNotional: 10_000 }, request({ type: "limit", at: 100_100 }))?.[2]).toBe("10010");
  });

  it("is converted at a fresh quote, direct or inverse", () => {
    const yen = request({ symbol: "USDJPY" }); // 1,500,200 yen at 150.000
    expect(judged({ maxNotional: 10_001.33 }, yen)).toBeUndefined();
    expect(judged({ maxNotional: 10_001.32 }, yen)?.[2]).toBe("10001.33");
    const euros = request({ symbol: "XAUEUR" }); // 20,010 euros at 1.10010
    expect(judged({ maxNotional: 22_013.01 }, euros)).toBeUndefined();
    expect(judged({ maxNotional: 22_012.99 }, euros)?.[2]).toBe("22013");
    expect(judged({ maxNotional: 25_001.25 }, request({ symbol: "ES" }))).toBeUndefined(); // 0.1 × 12.50 × 20,001 ticks
    expect(judged({ maxNotional: 25_000 }, request({ symbol: "ES" }))?.[2]).toBe("25001.25");
  });

  it("is never guessed: without a quote, a conversion or a known way to reckon the order is refused and says so", () => {
    const none = { prices: { now: noon, fresh: () => undefined } };
    expect(judged({ maxNotional: 1e9 }, request(), none)).toEqual(["RISK_MAX_NOTIONAL", "1000000000", "unknown"]);
    const only = (name: string) => ({
      prices: { now: noon, fresh: (symbol: string) => (symbol === name ? fresh(symbol) : undefined) },
    });
    expect(judged({ maxNotional: 1e9 }, request({ symbol: "XAUEUR" }), only("XAUEUR"))?.[2]).toBe("unknown");
    expect(judged({ maxNotional: 1e9 }, request({ symbol: "OPT", type: "limit", at: 1 }))?.[2]).toBe("unknown");
  });
});

describe("the price collar", () => {
  it("is how far a price may be from the quote, above as below, in points", () => {
    for (const at of [110_060, 109_960]) {
      expect(judged({ priceCollarPoints: 51 }, request({ type: "limit", at })), `${at}`).toBeUndefined();
      expect(judged({ priceCollarPoints: 50 }, request({ type: "limit", at })), `${at}`).toBeUndefined();
      expect(judged({ priceCollarPoints: 49 }, request({ type: "stop", at })), `${at}`).toEqual([
        "RISK_PRICE_COLLAR_POINTS",
        "49",
        "50",
      ]);
    }
    expect(judged({ priceCollarPoints: 50 }, request({ side: "sell", type: "limit", at: 110_050 }))).toBeUndefined();
    expect(judged({ priceCollarPoints: 1 }, request())).toBeUndefined();
    const both = request({ type: "stop_limit", at: 110_020, stopLimitPrice: 109_910 as Price });
    expect(judged({ priceCollarPoints: 99 }, both)?.[2]).toBe("100");
  });

  it("is the same in percent", () => {
    const far = request({ type: "limit", at: 111_110 }); // 1,100 of 110,010 points
    expect(judged({ priceCollarPercent: 1 }, far)).toBeUndefined();
    expect(judged({ priceCollarPercent: 0.99 }, far)).toEqual(["RISK_PRICE_COLLAR_PERCENT", "0.99", "0.999909"]);
  });

  it("refuses what there is no fresh quote for, and says so", () => {
    const none = { prices: { now: noon, fresh: () => undefined } };
    expect(judged({ priceCollarPoints: 50 }, request(), none)).toEqual(["RISK_PRICE_COLLAR_POINTS", "50", "unknown"]);
  });
});

describe("max_open_orders", () => {
  it("counts what has not ended, this order with it", () => {
    const orders = bookOf({}, { stage: "in_doubt" }, { stage: "filled" });
    expect(judged({ maxOpenOrders: 3 }, request(), { orders })).toBeUndefined();
    expect(judged({ maxOpenOrders: 2 }, request(), { orders })).toEqual(["RISK_MAX_OPEN_ORDERS", "2", "3"]);
  });
});

describe("max_position", () => {
  const holdings = holdingsOf([position()]);

  it("counts what is open and all that could add to it, in each direction alone", () => {
    const orders = bookOf(
      { volume: lots(0.2), filled: lots(0.1) }, // 0.1 is left
      { side: "sell", volume: lots(5) },
      { symbol: "GBPUSD", volume: lots(5) },
      { type: "limit", stage: "in_doubt", volume: lots(0.2) },
    );
    const books = { orders, holdings };
    expect(judged({ maxPosition: 0.7 }, request(), books)).toBeUndefined();
    expect(judged({ maxPosition: 0.69 }, request(), books)).toEqual(["RISK_MAX_POSITION", "0.69", "0.7"]);
    expect(judged({ maxPosition: 5.1 }, request({ side: "sell" }), books)).toBeUndefined();
    expect(judged({ maxPosition: 5.09 }, request({ side: "sell" }), books)?.[2]).toBe("5.1");
  });

  it("does not count, on a hedging account, an order that closes a position", () => {
    const orders = bookOf({ side: "sell", position: ticket(1), volume: lots(0.3) });
    expect(judged({ maxPosition: 0.1 }, request({ side: "sell" }), { orders, holdings })).toBeUndefined();
  });

  it("counts, on a netting account, what is at the market as far as it opens, and what rests in full", () => {
    const netting = { marginMode: "netting", holdings } as const;
    const turn = request({ side: "sell", lots: 0.5 }); // closes 0.3 and opens 0.2
    expect(judged({ maxPosition: 0.2 }, turn, netting)).toBeUndefined();
    expect(judged({ maxPosition: 0.19 }, turn, netting)?.[2]).toBe("0.2");
    const resting = request({ side: "sell", lots: 0.3, type: "limit", at: 120_000 });
    expect(judged({ maxPosition: 0.29 }, resting, netting)?.[2]).toBe("0.3");
  });

  it("counts, of a netting position that strategies share, what each has dealt of it since it was opened", () => {
    const of = (strategy: number) => magicOf(strategy as StrategyId, 1 as OrderNumber);
    const opened = { type: "buy", entry: "in", order: ticket(1), position: ticket(1), magic: of(7), volume: lots(0.2) };
    const grown = { ...opened, order: ticket(2), magic: of(8), volume: lots(0.3) } as const;
    const shared = position({ volume: lots(0.5), magic: of(8) }); // of who traded last, says the terminal
    const netting = (...deals: object[]) => ({ marginMode: "netting", holdings: holdingsOf([shared], deals) }) as const;
    expect(judged({ maxPosition: 0.3 }, request(), netting(opened, grown), true)).toBeUndefined();
    expect(judged({ maxPosition: 0.29 }, request(), netting(opened, grown), true)?.[2]).toBe("0.3");
    const closed = { ...opened, type: "sell", entry: "out", order: ticket(3), magic: of(8), volume: lots(0.5) };
    expect(judged({ maxPosition: 0.1 }, request(), netting(opened, grown, closed), true)).toBeUndefined();
    expect(judged({ maxPosition: 0.59 }, request(), netting(), true)?.[2]).toBe("0.6"); // nobody knows whose it was
  });

  it("counts what was dealt and is not reported, and what was filled of an order that has ended and was not heard of", () => {
    const dealt = holdingsOf([], [{ type: "buy", entry: "in", order: ticket(9), position: ticket(9) }]);
    expect(judged({ maxPosition: 0.19 }, request(), { holdings: dealt })?.[2]).toBe("0.2");
    const orders = bookOf({ stage: "canceled", volume: lots(1) });
    const owed = new Map([[1 as OrderNumber, lots(0.4)]]);
    expect(judged({ maxPosition: 0.49 }, request(), { orders, owed })?.[2]).toBe("0.5");
  });
});

describe("max_daily_loss", () => {
  const loss = (cents: number, more: Partial<Deal> = {}) => ({ profit: -cents as Money, ...more });

  it("lets no order through once so much is lost, with costs, since the broker's midnight", () => {
    const holdings = holdingsOf(
      [],
      [loss(9_000, { swap: -500 as Money }), loss(0, { commission: -400 as Money, fee: -100 as Money })],
    );
    expect(judged({ maxDailyLoss: 100.01 }, request(), { holdings })).toBeUndefined();
    expect(judged({ maxDailyLoss: 100 }, request(), { holdings })).toEqual(["RISK_MAX_DAILY_LOSS", "100", "100"]);
    expect(judged({ maxDailyLoss: 99.99 }, request(), { holdings })?.[2]).toBe("100");
  });

  it("begins anew at the broker's midnight: 22:00 UTC in winter", () => {
    const midnight = (noon + 12 * 3_600_000) as Instant;
    const holdings = holdingsOf([], [loss(10_000, { time: (midnight - 1) as Instant })]);
    const at = (now: number) =>
      judged({ maxDailyLoss: 50 }, request(), { holdings, prices: { now: now as Instant, fresh } });
    expect(at(midnight - 1)?.[2]).toBe("100");
    expect(at(midnight)).toBeUndefined();
  });

  it("begins anew at the midnight of a broker in another zone, by the times that he told", () => {
    const tokyo = (utc: Instant) => (utc + 9 * 3_600_000) as BrokerTime;
    const midnight = (noon + 5 * 3_600_000) as Instant; // 15:00 UTC
    const before = (midnight - 1) as Instant;
    const deal = loss(10_000, { time: before, brokerTime: tokyo(before) });
    const at = (now: number) =>
      judged({ maxDailyLoss: 50 }, request(), {
        ...{ holdings: holdingsOf([], [deal]), broker: { brokerTime: tokyo } },
        prices: { now: now as Instant, fresh },
      });
    expect(at(midnight - 1)?.[2]).toBe("100");
    expect(at(midnight)).toBeUndefined();
  });

  it("counts what is floating, and no deposit", () => {
    const value = { position: ticket(1), price: 1 as Price, profit: -4_000 as Money };
    const deals = [loss(3_000), loss(1_000_000, { type: "balance" })];
    const holdings = holdingsOf([position({ swap: -1_000 as Money })], deals, [value]);
    expect(judged({ maxDailyLoss: 80.01 }, request(), { holdings })).toBeUndefined();
    expect(judged({ maxDailyLoss: 80 }, request(), { holdings })?.[2]).toBe("80");
  });

  it("lets the position be closed all the same", () => {
    const holdings = holdingsOf([position()], [loss(100_000)]);
    const limits = {
      maxDailyLoss: 1,
      maxVolume: 0.01,
      maxOpenOrders: 1,
      tradingHours: ["Sun 00:00-00:01"],
      allowedSymbols: ["ES"],
    };
    const close = request({ side: "sell", lots: 0.3, position: ticket(1) });
    expect(judged(limits, close, { holdings, orders: bookOf({}) })).toBeUndefined();
    expect(judged(limits, request({ side: "sell", lots: 0.3 }), { holdings, marginMode: "netting" })).toBeUndefined();
    expect(judged(limits, request({ side: "sell", lots: 0.3 }), { holdings })).toBeDefined();
  });
});

describe("max_orders_per_second", () => {
  it("counts the orders of the last second, but not those that risk refused", () => {
    const at = (ms: number) => ({ knownAt: (noon - ms) as Instant });
    const orders = bookOf(
      at(1000),
      at(999),
      { ...at(500), stage: "filled" },
      { ...at(1), stage: "rejected", cause: "risk" },
    );
    const now = { orders, now: noon };
    expect(judged({ maxOrdersPerSecond: 4 }, request(), now)).toBeUndefined();
    expect(judged({ maxOrdersPerSecond: 3 }, request(), now)).toBeUndefined();
    expect(judged({ maxOrdersPerSecond: 2 }, request(), now)).toEqual(["RISK_MAX_ORDERS_PER_SECOND", "2", "3"]);
  });
});

describe("allowed_symbols and trading_hours", () => {
  it("let through these symbols only", () => {
    expect(judged({ allowedSymbols: ["EURUSD", "ES"] }, request())).toBeUndefined();
    const other = request({ symbol: "USDJPY" });
    expect(judged({ allowedSymbols: ["EURUSD", "ES"] }, other)).toEqual([
      "RISK_ALLOWED_SYMBOLS",
      "EURUSD, ES",
      "USDJPY",
    ]);
  });

  it("let through within the windows only, from the first minute on and before the last, in UTC", () => {
    const at = (tradingHours: string[]) => judged({ tradingHours }, request()); // Tuesday, 10:00
    expect(at(["Tue 10:00-10:01"])).toBeUndefined();
    expect(at(["Sun 22:00-24:00", "Mon-Fri 07:00-20:00"])).toBeUndefined();
    expect(at(["Tue 09:00-10:00"])).toEqual(["RISK_TRADING_HOURS", "Tue 09:00-10:00", "Tue 10:00"]);
    expect(at(["Tue 10:01-24:00"])?.[0]).toBe("RISK_TRADING_HOURS");
    expect(at(["Wed-Sun 00:00-24:00"])?.[0]).toBe("RISK_TRADING_HOURS");
  });
});

describe("limits of a strategy", () => {
  it("count what is its own, and hold for its own orders only", () => {
    const other = 8 as StrategyId;
    const orders = bookOf({ strategyId: other }, { strategyId: other }, {});
    expect(judged({ maxOpenOrders: 2 }, request(), { orders }, true)).toBeUndefined();
    expect(judged({ maxOpenOrders: 1 }, request(), { orders }, true)).toEqual(["RISK_MAX_OPEN_ORDERS", "1", "2"]);
    expect(judged({ maxOpenOrders: 1 }, request({ strategyId: other }), { orders }, true)).toBeUndefined();
    const holdings = holdingsOf([position({ magic: magicOf(other, 1 as OrderNumber) })]);
    expect(judged({ maxPosition: 0.1 }, request(), { holdings }, true)).toBeUndefined();
    const lost = holdingsOf([], [{ profit: -100 as Money, magic: magicOf(other, 1 as OrderNumber) }]);
    expect(judged({ maxDailyLoss: 0.5 }, request(), { holdings: lost }, true)).toBeUndefined();
  });
});

describe("limits as they are asked for", () => {
  it("are refused by their field, with the range: all that is wrong at once", () => {
    const wrong = { maxVolume: 0, maxOpenOrders: 1.5, allowedSymbols: ["NOPE"], tradingHours: ["Fri-Mon 07:00-20:00"] };
    expect(() => readLimits(wrong, () => false)).toThrow(
      expect.objectContaining({
        fault: "invalid_argument",
        violations: ["max_volume", "max_open_orders", "allowed_symbols", "trading_hours"].map((field) =>
          expect.objectContaining({ field: `limits.${field}` }),
        ),
      }),
    );
    for (const hours of [
      "Mon 20:00-07:00",
      "Mon 24:00-24:01",
      "Mon 10:60-11:00",
      "mon 10:00-11:00",
      "Mon 10:00-10:00",
    ]) {
      expect(() => readLimits({ tradingHours: [hours] }, () => true), hours).toThrow("trading_hours");
    }
  });
});
