/** How often: the numbers on a scripted clock, the answer over gRPC. */
import { create } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  CancelOrderResponseSchema,
  GetOrderResponseSchema,
  OrdersService,
  PlaceOrderResponseSchema,
} from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import type { Principal } from "../../src/contract/principal.ts";
import { BridgeError } from "../../src/core/errors.ts";
import { developer, everyoneIsTheDeveloper } from "../../src/transport/authenticate.ts";
import { type RateOptions, type Rates, ratesOf } from "../../src/transport/rates.ts";
import { type Served, served, someOf, TestClient } from "./served.ts";
import { speaking, WebsocketClient, wrongOf } from "./websocket/speaking.ts";

const { placeOrder, modifyOrder, cancelOrder, closePosition, closePositionBy, getOrder } = OrdersService.method;

const caller = (name: string): Principal => ({ name, grants: { read: {}, trade: {} } });
const alice = caller("alice");

/** How many of `count` come through before the first that is refused, and what it is told. */
async function first(count: number, take: () => Promise<void>): Promise<{ passed: number; fault?: BridgeError }> {
  for (let passed = 0; passed < count; passed++) {
    try {
      await take();
    } catch (error) {
      if (error instanceof BridgeError) return { passed, fault: error };
      throw error;
    }
  }
  return { passed: count };
}

const reads = (rates: Rates, who = alice) => first(2_000, () => rates.call(who, getOrder));

describe("the rates of a caller", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  const scripted = (options: RateOptions = {}): Rates => {
    vi.useFakeTimers({ now: 0, toFake: ["Date", "setTimeout", "clearTimeout"] });
    return ratesOf(options, developer);
  };

  it("are 1,000 requests a minute, and then the next minute", async () => {
    const rates = scripted();
    expect((await reads(rates)).passed).toBe(1_000);
    vi.advanceTimersByTime(59_999);
    expect(await reads(rates)).toMatchObject({ passed: 0, fault: { fault: "quota_exceeded", retryAfterMs: 1 } });
    vi.advanceTimersByTime(1);
    expect((await reads(rates)).passed).toBe(1_000);
  });

  it("are its own", async () => {
    const rates = scripted();
    expect((await reads(rates)).passed).toBe(1_000);
    expect((await reads(rates, caller("bob"))).passed).toBe(1_000);
  });

  it("count orders apart", async () => {
    const rates = scripted({ orders: 3 });
    await rates.call(alice, modifyOrder);
    const { passed, fault } = await first(10, () => rates.call(alice, placeOrder));
    expect(passed).toBe(2);
    expect(fault).toMatchObject({ metadata: { quota: "orders", limit: "3" }, retryAfterMs: 60_000 });
    expect((await reads(rates)).passed).toBe(1_000);
  });

  it("never refuse a cancel or a close, not even as a message", async () => {
    const rates = scripted({ requests: 1, orders: 1, messages: 1 });
    await first(5, () => rates.call(alice, placeOrder));
    await first(5, () => rates.message(alice));
    for (const method of [cancelOrder, closePosition, closePositionBy]) {
      expect((await first(50, () => rates.call(alice, method))).passed).toBe(50);
      expect((await first(50, () => rates.message(alice, method))).passed).toBe(50);
    }
    expect((await first(1, () => rates.message(alice, placeOrder))).passed).toBe(0);
  });

  it("never refuse an order that closes a position, and look at it only where it would be refused", async () => {
    const rates = scripted({ orders: 1, messages: 1 });
    let looks = 0;
    const order = (positionTicket: bigint) => () => {
      looks++;
      return create(placeOrder.input, { positionTicket });
    };
    await rates.call(alice, placeOrder, order(0n));
    await rates.message(alice, placeOrder, order(0n));
    expect(looks).toBe(0);
    expect((await first(50, () => rates.call(alice, placeOrder, order(7n)))).passed).toBe(50);
    expect((await first(50, () => rates.message(alice, placeOrder, order(7n)))).passed).toBe(50);
    const damaged = () => {
      throw new BridgeError("invalid_argument", "damaged");
    };
    for (const request of [order(0n), damaged]) {
      expect((await first(1, () => rates.call(alice, placeOrder, request))).fault?.fault).toBe("quota_exceeded");
    }
  });

  it("are 100 messages a second on a WebSocket", async () => {
    const rates = scripted();
    const messages = () => first(200, () => rates.message(alice));
    expect(await messages()).toMatchObject({ passed: 100, fault: { metadata: { quota: "messages" } } });
    vi.advanceTimersByTime(1_000);
    expect((await messages()).passed).toBe(100);
  });

  it("do not bind the developer unless they are set", async () => {
    expect((await reads(scripted(), developer)).passed).toBe(2_000);
    expect((await reads(scripted({ requests: 7 }), developer)).passed).toBe(7);
  });
});

describe("a call too many", () => {
  let server: Served;
  let client: TestClient;

  afterEach(async () => {
    client.close();
    await server.stop(0);
  });

  it("is told when to come again and which quota it was, and cancels go on", async () => {
    const orders = someOf(OrdersService, {
      placeOrder: async () => create(PlaceOrderResponseSchema),
      cancelOrder: async () => create(CancelOrderResponseSchema),
      getOrder: async () => create(GetOrderResponseSchema),
    });
    const rates = ratesOf({ requests: 2, orders: 1 }, developer);
    server = await served([orders], { calls: { authenticate: everyoneIsTheDeveloper, rates } });
    client = new TestClient(server.port);
    const named = { order: { name: { case: "orderTicket", value: 1n } } };
    const order = { clientOrderId: "a", symbol: "EURUSD", side: 1, type: 1, volume: 0.1 };

    for (let call = 0; call < 2; call++) expect((await client.call(getOrder, named)).ok).toBe(true);
    const refused = await client.call(getOrder, named);
    if (refused.ok) throw new Error("let in");
    const { failed } = refused;
    expect(failed).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      message: expect.stringMatching(/^More than 2 requests a minute; wait \d+ ms\.$/),
      info: { reason: "QUOTA_EXCEEDED", metadata: { quota: "requests", limit: "2", order_may_exist: "false" } },
      quotaFailure: { violations: [{ subject: "requests" }] },
    });
    const wait =
      Number(failed.retryInfo?.retryDelay?.seconds ?? 0) * 1_000 + (failed.retryInfo?.retryDelay?.nanos ?? 0) / 1e6;
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(60_000);

    expect((await client.call(placeOrder, order)).ok).toBe(true);
    expect(await client.call(placeOrder, order)).toMatchObject({
      ok: false,
      failed: { quotaFailure: { violations: [{ subject: "orders" }] } },
    });
    for (let call = 0; call < 5; call++) {
      expect((await client.call(cancelOrder, { clientOrderId: "c", ...named })).ok).toBe(true);
    }
  });
});

describe("a WebSocket message too many", () => {
  it("is refused although it names a cancel, unless it calls it", async () => {
    const cancels = someOf(OrdersService, { cancelOrder: async () => create(CancelOrderResponseSchema) });
    const server = await speaking([cancels], { calls: { rates: ratesOf({ messages: 1 }, developer) } });
    const one = new WebsocketClient(server.port, "mt5bridge.v1.json");
    await one.type("welcome");
    const name = "OrdersService/CancelOrder";
    const request = { client_order_id: "c", order: { order_ticket: "1" } };
    const called = Array.from({ length: 5 }, () => one.send("call", name, request));
    const subscribed = Array.from({ length: 2 }, () => one.send("subscribe", name, request));
    for (const id of called) expect((await one.answerTo(id)).type).toBe("result");
    expect(wrongOf(await one.answerTo(subscribed[0] as string)).code).toBe("invalid_argument");
    expect(wrongOf(await one.answerTo(subscribed[1] as string)).quotas).toEqual(["messages"]);
    one.socket.terminate();
    await server.stop();
  });
});
