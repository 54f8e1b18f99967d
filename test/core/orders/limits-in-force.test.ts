import { describe, expect, it } from "vitest";
import type { StrategyId } from "../../../src/core/model/ids.ts";
import { modifyOrder } from "../../../src/core/orders/change-order.ts";
import { checkOrder } from "../../../src/core/orders/check-order.ts";
import { type LimitsDraft, readLimits } from "../../../src/core/orders/risk-limits.ts";
import { tickAt } from "../../any-ticks.ts";
import { demo } from "../../terminals/paper/builders.ts";
import { caller, type Desk, draft, faultOf, key, limit, openDesk, quiet } from "../desk.ts";

async function limited(limits: LimitsDraft, strategyId?: StrategyId): Promise<Desk> {
  const desk = await openDesk();
  const scope = { account: demo.alias, ...(strategyId === undefined ? {} : { strategyId }) };
  await desk.control.setLimits(
    scope,
    readLimits(limits, () => true),
    { reason: "test", by: "test" },
  );
  return desk;
}

/** EURUSD at 1.09000 / 1.09010. */
function quote({ hub, account, clock }: Desk): void {
  hub.publish([tickAt(clock.now(), { bid: 109_000 as never })]);
  account.ticked();
}

const move = ({ desk }: Desk, name: string, price: number | undefined, stopLoss?: number) => {
  const change = { price, stopLoss, stopLimitPrice: undefined, takeProfit: undefined };
  const order = { by: "client_order_id", value: key("a") } as const;
  return modifyOrder(desk, key(name), order, { ...change, timeInForce: undefined, expireTime: undefined }, caller());
};

describe("an order beyond a limit", () => {
  it("is an order that was rejected by risk: journalled at once, never sent, and its key is taken", async () => {
    const { place, journal, terminal } = await limited({ maxVolume: 0.05 });
    journal.hold();
    const placing = place();
    await quiet();
    expect(journal.events.map(({ type }) => type)).toEqual(["received", "advanced"]);
    journal.release();
    const { order } = await placing;
    expect(order).toMatchObject({ stage: "rejected", cause: "risk", version: 2 });
    expect(order.rejection).toEqual({
      ...{ reason: "RISK_MAX_VOLUME", retcode: 0, retriable: false, rule: "max_volume", limit: "0.05", value: "0.1" },
      message: "the order's volume is 0.1 lots; max_volume is 0.05; nothing was sent",
    });
    expect(await place()).toEqual({ order, replayed: true });
    expect((await faultOf(place({ volume: 0.05 }))).fault).toBe("client_order_id_reused");
    expect((await place({ clientOrderId: key("b"), volume: 0.05 })).order.stage).toBe("filled");
    expect(terminal.submitted).toHaveLength(1);
  });

  it("stays rejected after a restart", async () => {
    const before = await limited({ maxVolume: 0.05 });
    const { order } = await before.place();
    const after = await before.restart();
    expect(after.order("a")).toEqual(order);
    expect(after.terminal.submitted).toEqual([]);
  });

  it("of its strategy says whose limit it is", async () => {
    const { place } = await limited({ maxVolume: 0.05 }, 7 as StrategyId);
    expect((await place()).order.rejection?.message).toContain("(strategy 7)");
    expect((await place({ clientOrderId: key("b"), strategyId: 8 as StrategyId })).order.stage).toBe("filled");
  });
});

describe("a dry run", () => {
  it("names the rule that would refuse the order", async () => {
    const { desk } = await limited({ maxVolume: 0.05 });
    expect((await checkOrder(desk, draft())).rejection).toMatchObject({
      rule: "max_volume",
      limit: "0.05",
      value: "0.1",
    });
  });
});

describe("the price collar", () => {
  it("goes by the last quote, as long as it is fresh", async () => {
    const desk = await limited({ priceCollarPoints: 50 });
    const reason = async (name: string) =>
      (await desk.place({ clientOrderId: key(name), ...limit() })).order.rejection?.message;
    expect(await reason("none")).toContain("no fresh quote of EURUSD");
    quote(desk);
    expect(await reason("fresh")).toBeUndefined();
    desk.clock.advance(60_000);
    expect(await reason("a-minute")).toBeUndefined();
    desk.clock.advance(1);
    expect(await reason("stale")).toContain("no fresh quote of EURUSD");
  });

  it("holds when an order's price is changed, and not when it stays where it is", async () => {
    const desk = await limited({ priceCollarPoints: 50 });
    quote(desk);
    await desk.place(limit());
    expect(await faultOf(move(desk, "far", 1.08959))).toMatchObject({
      fault: "risk_refused",
      metadata: { rule: "price_collar_points", limit: "50", value: "51", risk_reason: "RISK_PRICE_COLLAR_POINTS" },
    });
    expect((await move(desk, "near", 1.0896)).order.price).toBe(108_960);
    desk.hub.publish([tickAt(desk.clock.now(), { bid: 120_000 as never })]);
    expect((await move(desk, "stops", undefined, 1.08)).order.stopLoss).toBe(108_000);
    expect(desk.terminal.asked).toHaveLength(2);
  });
});
