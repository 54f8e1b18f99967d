/** The bridge stops and comes back: nothing of a trader's is lost on the way. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AccountService } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import { type Order, OrderStage, OrdersService } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { TicksService, Timeframe } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { ClosingReason, OrderType, ResetReason } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import { dataFolder, type RunningBridge } from "./bridge.ts";
import type { BridgeClient } from "./client.ts";
import { market, startTrading } from "./trading-bridge.ts";

const orders = OrdersService.method;
const ticks = TicksService.method;

let folder: Awaited<ReturnType<typeof dataFolder>>;
let bridge: RunningBridge;
let client: BridgeClient;

async function start(): Promise<void> {
  ({ bridge, client } = await startTrading(folder.path));
}

beforeEach(async () => {
  folder = await dataFolder();
  await start();
});

afterEach(async () => {
  client.close();
  await bridge.stop("SIGKILL");
  await folder.remove();
});

const limit = (clientOrderId: string) => ({ ...market(clientOrderId), type: OrderType.LIMIT, price: 0.5 });

async function everything() {
  const { account } = await client.call(AccountService.method.getAccount, {});
  const { positions } = await client.call(AccountService.method.listPositions, {});
  const list = await client.call(orders.listOrders, {});
  const { deals } = await client.call(orders.listDeals, {});
  return {
    balance: account?.balance,
    positions: positions.map(({ positionTicket, volume, openPrice }) => ({ positionTicket, volume, openPrice })),
    orders: list.orders,
    deals,
  };
}

describe("a bridge that is stopped", () => {
  it("tells its streams, ends with 0, and comes back with account, positions, orders and history", async () => {
    await client.call(orders.placeOrder, market("m1"));
    await client.call(orders.placeOrder, limit("l1"));
    const before = await everything();
    const { ticks: recorded } = await client.call(ticks.listTicks, { symbol: "EURUSD" });
    const closings: unknown[] = [];
    const stream = client.stream(ticks.streamTicks, { symbols: ["EURUSD"] });
    await stream.next();
    const ended = (async () => {
      for await (const { event } of stream) if (event.case === "closing") closings.push(event.value.reason);
    })();
    expect(await bridge.stop("SIGINT")).toBe(0);
    await ended;
    expect(closings).toEqual([ClosingReason.SHUTDOWN]);
    client.close();

    await start();
    expect(await everything()).toEqual(before);
    const again = await client.call(ticks.listTicks, { symbol: "EURUSD", from: { seconds: 0n, nanos: 0 } });
    expect(again.ticks.slice(0, recorded.length).map((tick) => tick.timeMs)).toEqual(
      recorded.map((tick) => tick.timeMs),
    );
    const { bars } = await client.call(ticks.listBars, { symbol: "EURUSD", timeframe: Timeframe.M1 });
    expect(bars.length).toBeGreaterThan(0);
    const replayed = await client.call(orders.placeOrder, market("m1"));
    expect(replayed.replayed).toBe(true);
    const canceled = await client.call(orders.cancelOrder, {
      clientOrderId: "c1",
      order: { name: { case: "clientOrderId", value: "l1" } },
    });
    expect(canceled.order?.stage).toBe(OrderStage.CANCELED);
  });

  it("resumes a stream of orders across the restart without a gap, and says that ticks began anew", async () => {
    let orderCursor: { epoch: string; sequence: bigint } | undefined;
    for await (const message of client.stream(orders.streamOrders, {})) {
      if (message.event.case === "snapshotEnd") await client.call(orders.placeOrder, market("m1"));
      if (message.event.case === "order") orderCursor = message.cursor;
      if (message.event.case === "order" && message.event.value.stage === OrderStage.FILLED) break;
    }
    let tickCursor: { epoch: string; sequence: bigint } | undefined;
    for await (const { event } of client.stream(ticks.streamTicks, { symbols: ["EURUSD"] })) {
      if (event.case === "batch") tickCursor = event.value.cursor;
      if (tickCursor !== undefined) break;
    }
    await client.call(orders.placeOrder, market("m2"));
    await bridge.stop();
    client.close();
    await start();

    const seen: Order[] = [];
    for await (const { event } of client.stream(orders.streamOrders, orderCursor ? { resumeAfter: orderCursor } : {})) {
      expect(event.case).not.toBe("reset");
      if (event.case === "order") seen.push(event.value);
      if (seen.at(-1)?.stage === OrderStage.FILLED) break;
    }
    expect(new Set(seen.map((order) => order.clientOrderId))).toEqual(new Set(["m2"]));
    expect(seen.map((order) => order.version)).toEqual(seen.map((_, i) => i + 1));
    for await (const { event } of client.stream(ticks.streamTicks, {
      symbols: ["EURUSD"],
      ...(tickCursor === undefined ? {} : { resumeAfter: tickCursor }),
    })) {
      if (event.case === "opened") continue;
      expect(event).toMatchObject({ case: "reset", value: { reason: ResetReason.EPOCH_CHANGED } });
      break;
    }
  });

  it("killed in the middle of a burst, has every order it acknowledged, once", async () => {
    const acknowledged: string[] = [];
    const calls = Array.from({ length: 200 }, async (_, i) => {
      const { order } = await client.call(orders.placeOrder, market(`burst-${i}`));
      if (order?.stage === OrderStage.FILLED) acknowledged.push(order.clientOrderId);
      if (acknowledged.length === 50) process.kill(bridge.pid, "SIGKILL");
    });
    await Promise.allSettled(calls);
    await bridge.stop("SIGKILL");
    client.close();
    expect(acknowledged.length).toBeGreaterThanOrEqual(50);

    await start();
    const retried = await Promise.all(
      Array.from({ length: 200 }, (_, i) => client.call(orders.placeOrder, market(`burst-${i}`))),
    );
    const byKey = new Map(retried.map(({ order }) => [order?.clientOrderId ?? "", order]));
    for (const key of acknowledged) expect(byKey.get(key)?.stage, key).toBe(OrderStage.FILLED);
    for (const order of byKey.values())
      expect(order?.dealTickets.length ?? 0, order?.clientOrderId).toBeLessThanOrEqual(1);
    const { deals } = await client.call(orders.listDeals, { pageSize: 1000 });
    const filled = [...byKey.values()].filter((order) => order?.stage === OrderStage.FILLED);
    expect(deals.filter((deal) => deal.entry === "in")).toHaveLength(filled.length);
  });
});
