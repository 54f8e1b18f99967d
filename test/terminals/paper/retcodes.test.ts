import { describe, expect, it } from "vitest";
import { lots, type Money, type Price } from "../../../src/core/model/decimals.ts";
import { retcodes } from "../../../src/terminals/paper/retcodes.ts";
import { type Asking, HOUR, noon, opened, Session, type Told, t, type Variations } from "./builders.ts";

const full = "all of the volume";

interface Case {
  readonly code: number;
  readonly when: string;
  readonly given?: Variations;
  readonly ask: (session: Session) => Told;
}

const past = (noon - 1) as typeof noon;
const netting = { account: { marginMode: "netting" } } as const;
const limited = { orderModes: ["market", "stop"] } as const;
const pending = (asking: Asking = {}): Asking => ({ type: "limit", at: 1.09, ...asking });
const sleeps = { settings: { sessions: true }, symbol: { tradeSessions: [[], [], [], [], [], [], []] } } as const;

/** One thing, and then the one that counts. */
const following =
  (first: (session: Session) => unknown, next: (session: Session) => Told) =>
  (session: Session): Told => {
    first(session);
    return next(session);
  };

// biome-ignore format: a table is read by its columns
const cases: readonly Case[] = [
  { code: 10009, when: "a market order is dealt", ask: (s) => s.buy() },
  { code: 10009, when: "a pending order is placed", ask: (s) => s.buy(pending()) },
  { code: 10008, when: "a market order finds nothing and may wait", given: { symbol: { execution: "exchange" }, settings: { depth: lots(0.1) } },
    ask: following((s) => s.buy(), (s) => s.buy({ filling: "return" })) },
  { code: 10010, when: "only part of it can be had", given: { settings: { depth: lots(0.1) } }, ask: (s) => s.buy({ lots: 0.3, filling: "ioc" }) },
  { code: 10007, when: `FOK cannot have ${full}`, given: { settings: { depth: lots(0.1) } }, ask: (s) => s.buy({ lots: 0.3, filling: "fok" }) },
  { code: 10004, when: "instant execution has moved beyond the deviation", given: { symbol: { execution: "instant" } }, ask: (s) => s.buy({ at: 1.1, deviation: 9 }) },
  { code: 10020, when: "request execution has moved beyond the deviation", given: { symbol: { execution: "request" } }, ask: (s) => s.sell({ at: 1.1001, deviation: 9 }) },

  { code: 10013, when: "the symbol is unknown", ask: (s) => s.buy({ symbol: "NOPE" }) },
  { code: 10013, when: "the comment is too long", ask: (s) => s.buy({ comment: "x".repeat(32) }) },
  { code: 10013, when: "the comment is not printable ASCII", ask: (s) => s.buy({ comment: "ü" }) },
  { code: 10013, when: "a pending order names a position", ask: following((s) => s.buy(), (s) => s.sell({ type: "limit", at: 1.2, position: t(1001) })) },
  { code: 10013, when: "a position is closed by an order of its own side", ask: following((s) => s.buy(), (s) => s.buy({ position: t(1001) })) },
  { code: 10013, when: "a netting account closes by", given: netting, ask: following((s) => s.buy(), (s) => s.sell({ position: t(1001), positionBy: t(1001) })) },
  { code: 10013, when: "an order is unknown", ask: (s) => s.cancel(4711) },
  { code: 10013, when: "two positions of one side are closed by each other", ask: following((s) => { s.buy(); s.buy(); }, (s) => s.buy({ position: t(1001), positionBy: t(1002) })) },
  { code: 10026, when: "the server takes no programs", given: { settings: { algoAllowed: false } }, ask: (s) => s.buy() },
  { code: 10017, when: "the account is read-only", given: { settings: { tradeAllowed: false } }, ask: (s) => s.buy() },
  { code: 10017, when: "the symbol is disabled", given: { symbol: { tradeMode: "disabled" } }, ask: (s) => s.buy() },
  { code: 10024, when: "there are too many requests in a second", given: { settings: { requestsPerSecond: 1 } }, ask: following((s) => s.buy(), (s) => s.buy()) },

  { code: 10042, when: "only longs are allowed", given: { symbol: { tradeMode: "long_only" } }, ask: (s) => s.sell() },
  { code: 10043, when: "only shorts are allowed", given: { symbol: { tradeMode: "short_only" } }, ask: (s) => s.buy(pending()) },
  { code: 10044, when: "only closing is allowed", given: { symbol: { tradeMode: "close_only" } }, ask: (s) => s.buy() },
  { code: 10018, when: "the market is closed", given: sleeps, ask: (s) => s.buy() },
  { code: 10018, when: "the market has ended", ask: following((s) => s.broker.end(), (s) => s.buy()) },
  { code: 10018, when: "a pending order is removed while the market is closed", ask: following((s) => { s.buy(pending()); s.broker.end(); }, (s) => s.cancel(1001)) },
  { code: 10021, when: "the quotes were withdrawn", ask: following((s) => s.tick(0, 0), (s) => s.buy()) },
  { code: 10021, when: "the profit cannot be converted", given: { symbol: { currencyProfit: "JPY" } }, ask: (s) => s.buy() },

  { code: 10035, when: "the symbol does not take the type", given: { symbol: limited }, ask: (s) => s.buy(pending()) },
  { code: 10035, when: "the symbol does not take stops", given: { symbol: limited }, ask: (s) => s.buy({ sl: 1.09 }) },
  { code: 10035, when: "the symbol knows no close-by", given: { symbol: limited }, ask: following((s) => { s.buy(); s.sell(); }, (s) => s.buy({ position: t(1001), positionBy: t(1002) })) },
  { code: 10030, when: "the filling mode is not offered", given: { symbol: { fillingModes: ["ioc"] } }, ask: (s) => s.buy({ filling: "fok" }) },
  { code: 10030, when: "market execution is asked to wait", ask: (s) => s.buy({ filling: "return" }) },
  { code: 10030, when: "auto finds no mode", given: { symbol: { fillingModes: [] } }, ask: (s) => s.buy() },
  { code: 10030, when: "book-or-cancel off an exchange", ask: (s) => s.buy(pending({ filling: "boc" })) },
  { code: 10030, when: "a strict broker sees a pending FOK", given: { settings: { strictFilling: true } }, ask: (s) => s.buy(pending({ filling: "fok" })) },
  { code: 10022, when: "the lifetime is not offered", given: { symbol: { expirationModes: ["day"] } }, ask: (s) => s.buy(pending()) },
  { code: 10022, when: "no time is given", ask: (s) => s.buy(pending({ timeInForce: "specified" })) },
  { code: 10022, when: "the time is over", ask: (s) => s.buy(pending({ timeInForce: "specified", expireTime: past })) },
  { code: 10022, when: "the day is over", ask: (s) => s.buy(pending({ timeInForce: "specified_day", expireTime: (noon - 24 * HOUR) as typeof noon })) },

  { code: 10014, when: "the volume is too small", ask: (s) => s.buy({ lots: 0.005 }) },
  { code: 10014, when: "the volume is too large", ask: (s) => s.buy({ lots: 101 }) },
  { code: 10014, when: "the volume is off its step", ask: (s) => s.buy({ lots: 0.015 }) },
  { code: 10014, when: "there is no volume", ask: (s) => s.buy({ lots: 0 }) },
  { code: 10015, when: "a buy limit is above the market", ask: (s) => s.buy(pending({ at: 1.2 })) },
  { code: 10015, when: "a sell stop is above the market", ask: (s) => s.sell({ type: "stop", at: 1.2 }) },
  { code: 10015, when: "the limit of a buy stop-limit is above its stop", ask: (s) => s.buy({ type: "stop_limit", at: 1.2, limit: 1.21 }) },
  { code: 10015, when: "a stop-limit has no limit", ask: (s) => s.buy({ type: "stop_limit", at: 1.2 }) },
  { code: 10015, when: "a pending order has no price", ask: (s) => s.buy({ type: "limit" }) },
  { code: 10015, when: "a pending order is too near", given: { symbol: { stopsLevel: 20 } }, ask: (s) => s.buy(pending({ at: 1.09991 })) },
  { code: 10015, when: "the price is off its tick", given: { symbol: { tickSize: 5 as Price } }, ask: (s) => s.buy(pending({ at: 1.09001 })) },
  { code: 10015, when: "instant execution is not told a price", given: { symbol: { execution: "instant" } }, ask: (s) => s.buy() },
  { code: 10016, when: "a long's stop loss is above the bid", ask: (s) => s.buy({ sl: 1.10005 }) },
  { code: 10016, when: "a short's take profit is above the ask", ask: (s) => s.sell({ tp: 1.10011 }) },
  { code: 10016, when: "a stop is too near", given: { symbol: { stopsLevel: 20 } }, ask: (s) => s.buy({ sl: 1.09981 }) },
  { code: 10016, when: "a pending order's stop is on the wrong side of its price", ask: (s) => s.buy(pending({ sl: 1.095 })) },
  { code: 10016, when: "a position's stop is moved to the wrong side", ask: following((s) => s.buy(), (s) => s.protect(1001, { sl: 1.2 })) },

  { code: 10036, when: "the position to close is gone", ask: (s) => s.sell({ position: t(4711) }) },
  { code: 10036, when: "the position to protect is gone", ask: (s) => s.protect(4711, { sl: 1 }) },
  { code: 10038, when: "more is closed than is open", ask: following((s) => s.buy(), (s) => s.sell({ lots: 0.2, position: t(1001) })) },
  { code: 10039, when: "another order closes it already", given: { symbol: { execution: "exchange" }, settings: { depth: lots(0.1) } },
    ask: following((s) => { s.buy(); s.sell({ lots: 0.1 }); s.sell({ position: t(1001), filling: "return" }); }, (s) => s.sell({ lots: 0.01, position: t(1001) })) },
  { code: 10045, when: "FIFO: the position is not the oldest", given: { settings: { fifo: true } }, ask: following((s) => { s.buy(); s.buy(); }, (s) => s.sell({ position: t(1002) })) },
  { code: 10046, when: "opposite positions are forbidden", given: { settings: { hedgeAllowed: false } }, ask: following((s) => s.buy(), (s) => s.sell()) },
  { code: 10029, when: "a position is closed within the freeze distance of its stop", given: { symbol: { freezeLevel: 10 } },
    ask: following((s) => { s.buy({ sl: 1.0998 }); s.tick(1.0999, 1.1); }, (s) => s.sell({ position: t(1001) })) },
  { code: 10029, when: "a pending order is removed within the freeze distance", given: { symbol: { freezeLevel: 10 } },
    ask: following((s) => { s.buy(pending({ at: 1.0998 })); s.tick(1.0998, 1.0999); }, (s) => s.cancel(1001)) },
  { code: 10025, when: "a modification changes nothing", ask: following((s) => s.buy(pending()), (s) => s.modify(1001, { at: 1.09 })) },
  { code: 10025, when: "new stops are the old ones", ask: following((s) => s.buy({ sl: 1.09 }), (s) => s.protect(1001, { sl: 1.09 })) },
  { code: 10023, when: "the order has been filled meanwhile", ask: following((s) => { s.buy(pending()); s.tick(1.08, 1.0801); }, (s) => s.cancel(1001)) },

  { code: 10033, when: "there are too many pending orders", given: { account: { limitOrders: 1 } }, ask: following((s) => s.buy(pending()), (s) => s.buy(pending())) },
  { code: 10034, when: "too much is open in one direction", given: { symbol: { volumeLimit: lots(0.2) } }, ask: following((s) => { s.buy(); s.buy(pending()); }, (s) => s.buy()) },
  { code: 10040, when: "hedging: there are too many positions and pendings", given: { settings: { limitPositions: 2 } }, ask: following((s) => { s.buy(); s.buy(pending()); }, (s) => s.buy()) },
  { code: 10019, when: "the money is not enough", ask: (s) => s.buy({ lots: 50 }) },
  { code: 10019, when: "a pending order that holds margin has none", given: { symbol: { marginRates: { buy: { initial: 1, maintenance: 0 }, sell: { initial: 1, maintenance: 0 }, pending: { initial: 1, maintenance: 0 } } } },
    ask: (s) => s.buy(pending({ lots: 50 })) },
  { code: 10019, when: "the commission is what is missing", given: { settings: { initialBalance: 11_100 as Money, commissionPerLot: 20 } }, ask: (s) => s.buy() },
];

describe("a request is answered with", () => {
  it.each(cases)("$code when $when", ({ code, given, ask }) => {
    expect(ask(opened(given)).retcode).toBe(code);
  });

  it("10021 before the first price", () => {
    expect(new Session().buy().retcode).toBe(10021);
  });

  it("10041 in its comment when its activation is refused", () => {
    const session = opened({ settings: { limitPositions: 1 }, account: { marginMode: "netting" } });
    session.buy({ type: "stop", at: 1.101 });
    session.broker.restore({
      type: "position",
      marginRate: 1,
      position: { ...position, symbol: "OTHER" },
    });
    session.tick(1.1009, 1.101);
    expect(session.order(1001)).toMatchObject({ state: "rejected", comment: "[10041 positions limit reached]" });
  });

  it("every code of the table at least once", () => {
    const reached = new Set([0, 10041, ...cases.map(({ code }) => code)]);
    expect(Object.values(retcodes).filter(({ code }) => !reached.has(code))).toEqual([]);
  });
});

const position = {
  ticket: t(1),
  identifier: t(1),
  side: "buy",
  volume: lots(0.1),
  openPrice: 0 as never,
  swap: 0 as Money,
  magic: 0n as never,
  reason: "client",
  openTime: noon,
  updateTime: noon,
  comment: "",
} as const;

describe("a refusal", () => {
  it("leaves no order and tells nothing", () => {
    const session = opened();
    const before = session.ledger.length;
    session.buy({ lots: 50 });
    expect([session.ledger.length, session.broker.books.orders.size]).toEqual([before, 0]);
    expect(session.buy().events[0]).toBe("order 1001 started");
  });

  it("says what is missing", () => {
    const { outcome } = opened().buy({ lots: 50 });
    expect(outcome).toMatchObject({ message: "No money: needs 55005.00, free 10000.00" });
  });

  it("names of two faults always the first of the list", () => {
    const both = opened({ symbol: { fillingModes: [] } }).buy({ lots: 0, sl: 2 });
    expect(both.retcode).toBe(10030);
  });
});

describe("allowed is", () => {
  const volumeLimit = { symbol: { volumeLimit: lots(5) } };

  it.each<[string, Variations, (session: Session) => Told]>([
    [
      "an opposite limit as large as the volume limit",
      volumeLimit,
      following(
        (s) => s.buy({ lots: 5 }),
        (s) => s.sell({ type: "limit", at: 1.2, lots: 5 }),
      ),
    ],
    ["a stop exactly as far away as the stops level", { symbol: { stopsLevel: 20 } }, (s) => s.buy({ sl: 1.0998 })],
    [
      "a deal exactly as far away as the deviation",
      { symbol: { execution: "instant" } },
      (s) => s.buy({ at: 1.1, deviation: 10 }),
    ],
    ["a better price than asked for", { symbol: { execution: "instant" } }, (s) => s.buy({ at: 1.2 })],
    [
      "closing in a symbol that only closes",
      { symbol: { tradeMode: "close_only" } },
      following(
        (s) => s.broker.restore({ type: "position", marginRate: 1, position: { ...position, symbol: "EURUSD" } }),
        (s) => s.sell({ position: t(1) }),
      ),
    ],
    [
      "a position on a symbol that is open already (netting)",
      { account: { marginMode: "netting" }, settings: { limitPositions: 1 } },
      following(
        (s) => s.buy(),
        (s) => s.buy(),
      ),
    ],
    [
      "a hedge that needs no money of its own",
      { settings: { initialBalance: 12_000 as Money } },
      following(
        (s) => s.buy(),
        (s) => s.sell(),
      ),
    ],
    [
      "closing all of a position that is smaller than the least volume",
      { symbol: { volumeStep: lots(0.05), volumeMin: lots(0.05) } },
      following(
        (s) => s.buy(),
        (s) => s.sell({ lots: 0.05, position: t(1001) }),
      ),
    ],
    [
      "moving one stop while the other is near",
      { symbol: { stopsLevel: 20 } },
      following(
        (s) => {
          s.buy({ sl: 1.0998 });
          s.tick(1.0999, 1.1);
        },
        (s) => s.protect(1001, { sl: 1.0998, tp: 1.11 }),
      ),
    ],
    [
      "a pending order in the place of one that was canceled",
      { account: { limitOrders: 1 } },
      following(
        (s) => {
          s.buy(pending());
          s.cancel(1001);
        },
        (s) => s.buy(pending()),
      ),
    ],
  ])("%s", (_, given, ask) => {
    expect(ask(opened(given)).retcode).toBe(10009);
  });
});
