import { describe, expect, it } from "vitest";
import { type FinePrice, lots, type Price, type Volume } from "../../../src/core/model/decimals.ts";
import {
  type AccountAlias,
  type Instant,
  magicOf,
  type OrderId,
  type OrderNumber,
  type StrategyId,
  type Ticket,
  ticket,
} from "../../../src/core/model/ids.ts";
import type { Order, OrderChange, Stage } from "../../../src/core/model/order.ts";
import { advance, isFinal, type OrderEvent } from "../../../src/core/orders/lifecycle.ts";
import { numbers } from "../../any-ticks.ts";

const now = 1000 as Instant;

const order = (more: Partial<Order> = {}): Order => ({
  id: "paper-0000000001" as OrderId,
  account: "paper" as AccountAlias,
  number: 1 as OrderNumber,
  strategyId: 7 as StrategyId,
  magic: magicOf(7 as StrategyId, 1 as OrderNumber),
  symbol: "EURUSD",
  side: "buy",
  type: "limit",
  volume: lots(1),
  filled: lots(0),
  price: 109_000 as Price,
  filling: "auto",
  timeInForce: "gtc",
  deviation: 0,
  comment: "",
  stage: "received",
  version: 1,
  cause: "client",
  deals: [],
  knownAt: now,
  traceId: "",
  ...more,
});

const ours = ticket(50);
const sent: OrderEvent = { type: "sent" };
const doubted: OrderEvent = { type: "in_doubt" };
const placed: OrderEvent = { type: "placed", ticket: ours, filling: "return" };
const canceled: OrderEvent = { type: "canceled", cause: "client" };
const expired: OrderEvent = { type: "expired", cause: "expiry" };
const rejected: OrderEvent = {
  type: "rejected",
  cause: "broker",
  rejection: { reason: "NO_MONEY", retcode: 10019, message: "", retriable: false },
};
const dealt = (deal: number, volume: Volume, price = 109_000): OrderEvent => ({
  ...{ type: "dealt", ticket: ours, deal: ticket(deal), volume, price: price as Price, position: ticket(60) },
});
const changed = (price: number, more: Partial<OrderChange> = {}): OrderEvent => ({
  ...{ type: "changed", change: { price: price as Price, timeInForce: "gtc", ...more }, becomes: "limit" },
});

const step = (before: Order, event: OrderEvent) => advance(before, event, now);
const orStay = (before: Order, event: OrderEvent): Order => {
  const next = step(before, event);
  return next.kind === "advanced" ? next.order : before;
};
function through(before: Order, ...events: OrderEvent[]): Order {
  return events.reduce((so, event) => {
    const next = step(so, event);
    if (next.kind !== "advanced") throw new Error(`${event.type} while ${so.stage}: ${next.kind}`);
    return next.order;
  }, before);
}

describe("an order", () => {
  it("is filled once its deals add up to its volume", () => {
    const half = through(order(), sent, placed, dealt(1, lots(0.5)));
    expect(half).toMatchObject({ stage: "partially_filled", filled: lots(0.5) });
    expect(through(half, dealt(2, lots(0.5)))).toMatchObject({ stage: "filled", finalAt: now, position: 60n });
  });

  it("adds up volumes that doubles cannot: 0.1 and 0.2 are 0.3", () => {
    const end = through(order({ volume: lots(0.3) }), sent, dealt(1, lots(0.1)), dealt(2, lots(0.2)));
    expect(end.stage).toBe("filled");
  });

  it("has the average price of its deals, weighed by their volumes", () => {
    const end = through(order(), sent, dealt(1, lots(0.75), 109_000), dealt(2, lots(0.25), 109_002));
    expect(end.averagePrice).toBe(109_000_500 as FinePrice);
  });

  it("counts a deal once, however often the terminal reports it", () => {
    const once = through(order(), sent, placed, dealt(7, lots(0.1)));
    expect(step(once, dealt(7, lots(0.1)))).toEqual({ kind: "repeated" });
  });

  it("takes a deal that comes before the answer, and its ticket from it", () => {
    expect(through(order(), sent, dealt(1, lots(1)))).toMatchObject({ stage: "filled", ticket: ours, answeredAt: now });
  });

  it("keeps a fill that crossed our cancel on the wire", () => {
    const late = through(order(), sent, placed, canceled, dealt(3, lots(0.4)));
    expect([late.stage, late.filled]).toEqual(["canceled", lots(0.4)]);
  });

  it("is filled by the broker when the whole of it crossed a cancel or an expiry", () => {
    for (const end of [canceled, expired]) {
      expect(through(order(), sent, placed, end, dealt(3, lots(1)))).toMatchObject({
        stage: "filled",
        cause: "broker",
      });
    }
  });

  it("refuses a deal beyond its volume, and one after its rejection", () => {
    expect(step(through(order(), sent, dealt(1, lots(0.6))), dealt(2, lots(0.5))).kind).toBe("impossible");
    expect(step(through(order(), sent, rejected), dealt(1, lots(1))).kind).toBe("impossible");
    const rest = through(order(), sent, placed, dealt(1, lots(0.5)), rejected); // told before the second deal was
    expect(through(rest, dealt(2, lots(0.2)))).toMatchObject({ stage: "rejected", filled: lots(0.7) });
  });

  it.each<[string, OrderEvent, Stage]>([
    ["placed", placed, "working"],
    ["a deal", dealt(1, lots(1)), "filled"],
    ["a refusal", rejected, "rejected"],
    ["a cancellation", canceled, "canceled"],
    ["an expiry", expired, "expired"],
  ])("comes out of doubt by %s", (_, event, stage) => {
    expect(through(order(), sent, doubted, event).stage).toBe(stage);
  });

  it("is not doubted once it was answered", () => {
    for (const event of [placed, dealt(1, lots(0.5)), rejected, canceled]) {
      expect(step(through(order(), sent, event), doubted)).toEqual({ kind: "repeated" });
    }
  });

  it("takes over the prices of a change as a whole: what is left out is gone", () => {
    const before = through(order({ stopLoss: 108_000 as Price, takeProfit: 111_000 as Price }), sent, placed);
    const end = through(before, changed(108_500, { takeProfit: 112_000 as Price }));
    expect(end).toMatchObject({ price: 108_500, takeProfit: 112_000 });
    expect(end).not.toHaveProperty("stopLoss");
    expect(step(end, changed(108_500, { takeProfit: 112_000 as Price }))).toEqual({ kind: "repeated" });
  });

  it("may be rejected while it works: the broker can refuse its activation", () => {
    expect(through(order(), sent, placed, rejected)).toMatchObject({
      stage: "rejected",
      rejection: { retcode: 10019 },
    });
  });

  it("may be rejected once a part is filled: the broker can refuse the activation of the rest", () => {
    expect(through(order(), sent, placed, dealt(1, lots(0.5)), rejected)).toMatchObject({
      stage: "rejected",
      filled: lots(0.5),
    });
  });

  it("cannot be sent twice, nor be placed under two tickets", () => {
    expect(step(through(order(), sent, placed), sent).kind).toBe("impossible");
    expect(step(through(order(), sent, placed), { ...placed, ticket: ticket(51) } as OrderEvent).kind).toBe(
      "impossible",
    );
  });
});

describe("an order, whatever is reported in whatever order,", () => {
  const seeds = Array.from({ length: 1000 }, (_, seed) => seed);

  it("is never filled beyond its volume, and its fills are its deals", () => {
    for (const seed of seeds) {
      const end = anyEvents(seed).reduce(orStay, order());
      expect(end.filled <= end.volume, `seed ${seed}`).toBe(true);
      expect(end.filled === end.volume, `seed ${seed}`).toBe(end.stage === "filled");
      expect(new Set(end.deals).size, `seed ${seed}`).toBe(end.deals.length);
      expect(end.filled > 0, `seed ${seed}`).toBe(end.deals.length > 0);
    }
  });

  it("grows its version by one with every change, and changes with every version", () => {
    for (const seed of seeds) {
      anyEvents(seed).reduce((before, event) => {
        const next = orStay(before, event);
        expect(next.version - before.version, `seed ${seed}`).toBe(next === before ? 0 : 1);
        return next;
      }, order());
    }
  });

  it("never leaves a final stage, but for fills that crossed its end", () => {
    for (const seed of seeds) {
      anyEvents(seed).reduce((before, event) => {
        const next = orStay(before, event);
        if (next === before || !isFinal(before.stage)) return next;
        expect(event.type, `seed ${seed}`).toBe("dealt");
        expect(["canceled", "expired", "rejected"], `seed ${seed}`).toContain(before.stage);
        expect([before.stage, "filled"], `seed ${seed}`).toContain(next.stage);
        return next;
      }, order());
    }
  });

  it("is not changed by a repetition of what has just happened", () => {
    for (const seed of seeds) {
      anyEvents(seed).reduce((before, event) => {
        const next = orStay(before, event);
        if (next !== before) expect(step(next, event), `seed ${seed} ${event.type}`).toEqual({ kind: "repeated" });
        return next;
      }, order());
    }
  });

  it("is the same every time the same events are folded", () => {
    for (const seed of seeds) {
      const ends = [1, 2].map(() => anyEvents(seed).reduce(orStay, order()));
      expect(ends[0], `seed ${seed}`).toEqual(ends[1]);
    }
  });
});

function anyEvents(seed: number): OrderEvent[] {
  const below = numbers(seed);
  const deals: OrderEvent[] = Array.from({ length: 4 }, (_, n) =>
    dealt(n, lots((1 + below(6)) / 10), 109_000 + below(9)),
  );
  const other = { ...placed, ticket: ticket(51) as Ticket } as OrderEvent;
  const all = [sent, sent, doubted, placed, placed, canceled, expired, rejected, other, ...deals, ...deals];
  const start = below(4) === 0 ? [] : [sent];
  const events = Array.from({ length: 3 + below(12) }, () => {
    const kind = below(all.length + 1);
    return all[kind] ?? changed(108_000 + below(3));
  });
  return [...start, ...events];
}
