import { describe, expect, it } from "vitest";
import { BridgeError } from "../../../src/core/errors.ts";
import { type FinePrice, lots, type Money, type Price } from "../../../src/core/model/decimals.ts";
import type { Instant, Magic, Ticket } from "../../../src/core/model/ids.ts";
import type { Order } from "../../../src/core/model/order.ts";
import type { Position } from "../../../src/core/model/position.ts";
import type { SymbolSpec } from "../../../src/core/model/symbol.ts";
import type { ChangeDraft, OrderDraft } from "../../../src/core/orders/draft.ts";
import { validate, validateChange, validateStops } from "../../../src/core/orders/validate.ts";
import { numbers } from "../../any-ticks.ts";
import { eurusd } from "../../terminals/paper/builders.ts";
import { draft, limit } from "../desk.ts";

const symbol = (more: Partial<SymbolSpec> = {}): SymbolSpec => ({ ...eurusd, ...more });
const bitcoin = symbol({ name: "BTCUSD", digits: 2, tickSize: 1 as Price });
const index = symbol({ name: "DE40", digits: 2, tickSize: 25 as Price, volumeMin: lots(0.1), volumeStep: lots(0.1) });

function refused(run: () => unknown): BridgeError {
  try {
    run();
  } catch (error) {
    if (error instanceof BridgeError) return error;
    throw error;
  }
  throw new Error("it was accepted");
}
const reads = (more: Partial<OrderDraft>, spec = symbol()) => validate(draft(more), spec);
const refuses = (more: Partial<OrderDraft>, spec = symbol()) => refused(() => reads(more, spec));
/** The fields that are wrong, and MetaTrader's code for the first. */
const wrong = (error: BridgeError) => [
  ...error.violations.map(({ field }) => field),
  Number(error.metadata["retcode"]),
];

describe("a volume", () => {
  it.each([
    [0.1 + 0.2, 0.3],
    [0.07 * 100, 7],
    [1.1 * 1.1 - 0.21, 1],
    [0.01, 0.01],
    [100, 100],
  ])("of %d lots is %d: what doubles cannot express is forgiven", (value, exact) => {
    expect(reads({ volume: value }).volume).toBe(lots(exact));
  });

  it("off the step is refused, and the nearest that are valid are named", () => {
    const error = refuses({ volume: 0.015 });
    expect(wrong(error)).toEqual(["volume", 10014]);
    expect(error.message).toBe(
      "volume: 0.015 is off the step; nearest are 0.01 and 0.02; valid are 0.01 to 100 lots in steps of 0.01",
    );
    expect(refuses({ volume: 0.005 }).message).toContain("nearest is 0.01;");
    expect(refuses({ volume: 1e300 + 0.1 }).message).toContain("valid are 0.01 to 100 lots");
    expect(refuses({ volume: 100.005 }).message).toContain("nearest is 100;");
  });

  it("off the step by more than a billionth of it is refused", () => {
    expect(wrong(refuses({ volume: 0.01 * (1 + 1e-6) }))).toEqual(["volume", 10014]);
  });

  it.each([0, -0.1, 100.01, Number.NaN, Number.POSITIVE_INFINITY, 5e-324])("of %d is out of range", (value) => {
    expect(wrong(refuses({ volume: value }))).toEqual(["volume", 10014]);
  });

  it("may be below the least when it closes a rest", () => {
    const spec = symbol({ volumeMin: lots(0.1), volumeStep: lots(0.01) });
    expect(wrong(refuses({ volume: 0.03 }, spec))).toEqual(["volume", 10014]);
    expect(reads({ volume: 0.03, position: 5n as Ticket }, spec).volume).toBe(lots(0.03));
  });
});

describe("a price", () => {
  it("is read as whole points, noise forgiven", () => {
    expect(reads({ type: "limit", price: 65380.340000000004 }, bitcoin).price).toBe(6_538_034);
    expect(reads(limit({ price: 1.1 * 1.1 })).price).toBe(121_000);
    expect(reads({ type: "limit", price: 15_000.25, volume: 1 }, index).price).toBe(1_500_025);
  });

  it("off the tick size is refused, and the nearest that are valid are named", () => {
    const error = refuses({ type: "limit", price: 15_000.1, volume: 1 }, index);
    expect(wrong(error)).toEqual(["price", 10015]);
    expect(error.message).toBe("price: 15000.1 is off the tick size 0.25; nearest are 15000.00 and 15000.25");
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1e300])("of %d is none", (value) => {
    expect(wrong(refuses(limit({ price: value })))).toEqual(["price", 10015]);
  });

  it.each(["limit", "stop"] as const)("is required for a %s order; 0 is none, as in MetaTrader", (type) => {
    expect(wrong(refuses({ type }))).toEqual(["price", 10015]);
    expect(wrong(refuses({ type, price: 0 }))).toEqual(["price", 10015]);
  });

  it("is not required at the market, and 0 is none there, too", () => {
    expect(reads({})).not.toHaveProperty("price");
    expect(reads({ price: 0, stopLoss: 0, takeProfit: 0 })).not.toHaveProperty("price");
  });

  it("reads any point of any symbol as itself, with the noise of a sum", () => {
    for (let seed = 0; seed < 1000; seed++) {
      const below = numbers(seed);
      const digits = below(6);
      const tickSize = (1 + below(25)) as Price;
      const points = (1 + below(1_000_000)) * tickSize;
      const value = points / 10 ** digits;
      const noisy = value - 0.1 + 0.1;
      const near = Math.abs(noisy - value) * 10 ** digits < tickSize * 1e-9;
      const spec = symbol({ digits, tickSize });
      expect(reads(limit({ price: value }), spec).price, `seed ${seed}`).toBe(points);
      if (near) expect(reads(limit({ price: noisy }), spec).price, `seed ${seed} noisy`).toBe(points);
      const off = (points + tickSize * 0.25) / 10 ** digits;
      expect(wrong(refuses(limit({ price: off }), spec)), `seed ${seed} off`).toEqual(["price", 10015]);
    }
  });
});

describe("a stop-limit order", () => {
  it("needs both prices, on the right sides of each other", () => {
    expect(reads({ type: "stop_limit", price: 1.2, stopLimitPrice: 1.19 })).toMatchObject({ stopLimitPrice: 119_000 });
    expect(wrong(refuses({ type: "stop_limit", price: 1.2 }))).toEqual(["stop_limit_price", 10015]);
    expect(wrong(refuses({ type: "stop_limit", price: 1.2, stopLimitPrice: 0 }))).toEqual(["stop_limit_price", 10015]);
    const above = refuses({ type: "stop_limit", price: 1.2, stopLimitPrice: 1.21 });
    expect(above.message).toBe("stop_limit_price: must be below price");
    const sell = refuses({ type: "stop_limit", side: "sell", price: 1.2, stopLimitPrice: 1.19 });
    expect(sell.message).toBe("stop_limit_price: must be above price");
  });

  it("is the only one with a stop_limit_price", () => {
    expect(wrong(refuses(limit({ stopLimitPrice: 1.08 })))).toEqual(["stop_limit_price", 10015]);
  });

  it("has its stops around the limit, not around the trigger", () => {
    const order = { type: "stop_limit", price: 1.2, stopLimitPrice: 1.19 } as const;
    expect(reads({ ...order, takeProfit: 1.195 }).takeProfit).toBe(119_500);
    expect(wrong(refuses({ ...order, stopLoss: 1.195 }))).toEqual(["stop_loss", 10016]);
  });
});

describe("stops", () => {
  it.each([
    ["buy", 1.08, 1.1],
    ["sell", 1.1, 1.08],
  ] as const)("of a pending %s stand on the right sides of its price", (side, stopLoss, takeProfit) => {
    expect(reads(limit({ side, stopLoss, takeProfit })).stopLoss).toBeDefined();
    const swapped = refuses(limit({ side, stopLoss: takeProfit, takeProfit: stopLoss }));
    expect(wrong(swapped)).toEqual(["stop_loss", "take_profit", 10016]);
    expect(wrong(refuses(limit({ side, stopLoss: 1.09 })))).toEqual(["stop_loss", 10016]);
  });

  it("of a market order are the terminal's to judge: only it knows the market", () => {
    expect(reads({ stopLoss: 1.5 }).stopLoss).toBe(150_000);
  });

  it("off the grid, or where the symbol has none, are refused", () => {
    expect(wrong(refuses({ stopLoss: 1.000001 }))).toEqual(["stop_loss", 10016]);
    const none = symbol({ orderModes: ["market", "limit", "take_profit"] });
    expect(wrong(refuses({ stopLoss: 1.05 }, none))).toEqual(["stop_loss", 10035]);
    expect(reads({ stopLoss: 0 }, none)).not.toHaveProperty("stopLoss");
  });
});

describe("a type, filling or lifetime", () => {
  it("that the symbol does not have is refused, and those it has are named", () => {
    const spec = symbol({ orderModes: ["market", "limit"], expirationModes: ["gtc"], fillingModes: ["ioc"] });
    expect(wrong(refuses({ type: "stop", price: 1.2 }, spec))).toEqual(["type", 10035]);
    expect(refuses({ type: "stop", price: 1.2 }, spec).message).toContain("valid are market, limit");
    expect(wrong(refuses({ filling: "fok" }, spec))).toEqual(["filling", 10030]);
    expect(refuses({ filling: "fok" }, spec).message).toContain("valid are auto, ioc");
    expect(wrong(refuses(limit({ timeInForce: "day" }), spec))).toEqual(["time_in_force", 10022]);
  });

  it("of filling follows the execution: market has no return, instant knows all but boc", () => {
    expect(wrong(refuses({ filling: "return" }))).toEqual(["filling", 10030]);
    const instant = symbol({ execution: "instant", fillingModes: [] });
    expect(reads({ filling: "fok" }, instant).filling).toBe("fok");
    expect(wrong(refuses({ filling: "boc" }, instant))).toEqual(["filling", 10030]);
    const book = symbol({ execution: "exchange", fillingModes: ["boc"] });
    expect(reads(limit({ filling: "boc" }), book).filling).toBe("boc");
    expect(wrong(refuses({ filling: "boc" }, book))).toEqual(["filling", 10030]);
    expect(reads(limit({ filling: "return" })).filling).toBe("return");
  });

  it("of a time needs it, and no other may have one", () => {
    const expireTime = 5000 as Instant;
    expect(wrong(refuses(limit({ timeInForce: "specified" })))).toEqual(["expire_time", 10022]);
    expect(reads(limit({ timeInForce: "specified_day", expireTime })).expireTime).toBe(5000);
    expect(wrong(refuses(limit({ timeInForce: "gtc", expireTime })))).toEqual(["expire_time", 10022]);
    expect(wrong(refuses(limit({ timeInForce: "day", expireTime })))).toEqual(["expire_time", 10022]);
  });
});

describe("a request", () => {
  it("with several mistakes hears of all of them at once; the code is the first one's", () => {
    const error = refuses(limit({ volume: 0.015, price: 1.000001, stopLoss: 1.000001, timeInForce: "specified" }));
    expect(wrong(error)).toEqual(["volume", "price", "stop_loss", "expire_time", 10014]);
    expect(error.fault).toBe("invalid_argument");
  });

  it("that closes a position is a market order, whatever types the symbol allows", () => {
    const position = 5n as Ticket;
    expect(wrong(refuses(limit({ position })))).toEqual(["position_ticket", 10035]);
    expect(reads({ position }, symbol({ orderModes: [] })).position).toBe(5n);
  });
});

describe("a change of an order", () => {
  const order = {
    type: "limit",
    side: "buy",
    price: 109_000,
    stopLoss: 108_000,
    takeProfit: 111_000,
    timeInForce: "gtc",
  };
  const change = (more: Partial<ChangeDraft>, of: object = {}, spec = symbol()) =>
    validateChange({ ...none, ...more }, { ...order, ...of } as Order, spec);
  const none: ChangeDraft = {
    ...{ price: undefined, stopLimitPrice: undefined, stopLoss: undefined, takeProfit: undefined },
    ...{ timeInForce: undefined, expireTime: undefined },
  };
  const wrongly = (more: Partial<ChangeDraft>, of: object = {}) => wrong(refused(() => change(more, of)));

  it("keeps what it leaves out, and removes a stop that is 0", () => {
    expect(change({ stopLoss: 0 })).toEqual({ price: 109_000, takeProfit: 111_000, timeInForce: "gtc" });
  });

  it("is judged as the order that it makes", () => {
    expect(wrongly({ price: 1.07 })).toEqual(["stop_loss", 10016]);
    expect(wrongly({ price: 1.07, stopLoss: 1.0699999 })).toEqual(["stop_loss", 10016]);
    expect(wrongly({ price: 1.000001 })).toEqual(["price", 10015]);
    expect(wrongly({ stopLimitPrice: 1.08 })).toEqual(["stop_limit_price", 10015]);
    expect(wrongly({ price: 1.1 }, { type: "stop_limit", stopLimitPrice: 110_500 as Price })).toContain(
      "stop_limit_price",
    );
    expect(wrongly({ timeInForce: "specified" })).toEqual(["expire_time", 10022]);
  });

  it("cannot take the price away", () => {
    expect(wrongly({ price: 0 })).toEqual(["price", 10015]);
  });

  it("forgets the time when the order no longer ends with it", () => {
    const timed = { timeInForce: "specified", expireTime: 9000 as Instant };
    expect(change({ price: 1.085 }, timed)).toMatchObject({ expireTime: 9000 });
    expect(change({ timeInForce: "gtc" }, timed)).not.toHaveProperty("expireTime");
  });

  it("cannot give a time to an order that does not end with one", () => {
    expect(wrongly({ expireTime: 9000 as Instant })).toEqual(["expire_time", 10022]);
  });
});

describe("a position's stops", () => {
  const position: Position = {
    ...{
      ticket: 1n as Ticket,
      identifier: 1n as Ticket,
      symbol: "EURUSD",
      side: "buy",
      volume: lots(1),
      swap: 0 as Money,
    },
    ...{ openPrice: 109_000_000 as FinePrice, stopLoss: 108_000 as Price, magic: 0n as Magic, reason: "expert" },
    ...{ openTime: 0 as Instant, updateTime: 0 as Instant, comment: "" },
  };
  const stops = (stopLoss?: number, takeProfit?: number, of: Partial<Position> = {}) =>
    validateStops({ stopLoss, takeProfit }, { ...position, ...of }, symbol());

  it("keep what is left out and lose what is 0", () => {
    expect(stops(undefined, 1.2)).toEqual({ stopLoss: 108_000, takeProfit: 120_000 });
    expect(stops(0)).toEqual({});
  });

  it("may pass the opening price, but not each other", () => {
    expect(stops(1.1, 1.2).stopLoss).toBe(110_000);
    expect(wrong(refused(() => stops(1.2, 1.1)))).toEqual(["stop_loss", 10016]);
    expect(wrong(refused(() => stops(undefined, 1.08)))).toEqual(["stop_loss", 10016]);
    expect(stops(1.2, 1.1, { side: "sell" }).takeProfit).toBe(110_000);
    expect(wrong(refused(() => stops(1.1, 1.2, { side: "sell" })))).toEqual(["stop_loss", 10016]);
  });
});
