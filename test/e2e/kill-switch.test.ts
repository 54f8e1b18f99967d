/** The kill switch on the running bridge: from any transport, for every transport, and through kill -9. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AdminService, TradingMode } from "../../gen/ts/mt5bridge/v1/admin_pb.ts";
import { HealthService, ServingStatus } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { OrderCause, OrderStage, OrdersService } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { dataFolder, type RunningBridge } from "./bridge.ts";
import { type BridgeClient, failureOf } from "./client.ts";
import { market, startTrading } from "./trading-bridge.ts";

const orders = OrdersService.method;
const { setTradingMode, getTradingMode } = AdminService.method;

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

async function post(path: string, body: object): Promise<{ status: number; json: Record<string, never> }> {
  const response = await fetch(`http://127.0.0.1:${bridge.httpPort}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, json: (await response.json()) as Record<string, never> };
}

describe("the kill switch", () => {
  it("set over HTTP holds for gRPC, says who and why, and lets positions be closed in REDUCE_ONLY", async () => {
    const opened = await client.call(orders.placeOrder, market("before"));
    const health = client.stream(HealthService.method.watchHealth, {});
    const seen: TradingMode[] = [];
    const begun = Promise.withResolvers<void>();
    const watching = (async () => {
      for await (const { event } of health) {
        if (event.case === "snapshot" || event.case === "health") seen.push(event.value.tradingMode);
        if (event.case === "snapshot") begun.resolve();
        if (seen.at(-1) === TradingMode.REDUCE_ONLY) break;
      }
    })();
    await begun.promise;
    const mode = { mode: "TRADING_MODE_REDUCE_ONLY", reason: "loss too large" };
    expect((await post("/mt5bridge.v1.AdminService/SetTradingMode", mode)).status).toBe(200);
    await watching;
    expect(seen[0]).toBe(TradingMode.ACTIVE);

    const { order } = await client.call(orders.placeOrder, market("after"));
    expect(order).toMatchObject({ stage: OrderStage.REJECTED, cause: OrderCause.RISK, orderTicket: 0n });
    expect(order?.rejection).toMatchObject({ reason: "REDUCE_ONLY", rule: "trading_mode", limit: "REDUCE_ONLY" });
    const plain = await post("/order", { symbol: "EURUSD", order_type: "buy", volume: 0.01, client_order_id: "plain" });
    expect(JSON.stringify(plain.json)).toContain("REDUCE_ONLY");
    const closed = await client.call(orders.closePosition, {
      clientOrderId: "close",
      positionTicket: opened.order?.positionTicket ?? 0n,
    });
    expect(closed.order?.stage).toBe(OrderStage.FILLED);

    const { entries } = await client.call(getTradingMode, {});
    expect(entries).toMatchObject([{ mode: TradingMode.REDUCE_ONLY, reason: "loss too large", setBy: "development" }]);
    expect(entries[0]?.setTime).toBeDefined();
    const line = bridge.log.find(({ message }) => message === "trading mode set");
    expect(line).toMatchObject({ level: "warn", context: { mode: "reduce_only", set_by: "development" } });
    const metrics = await (await fetch(`http://127.0.0.1:${bridge.metricsPort}/metrics`)).text();
    expect(metrics).toContain('mt5bridge_trading_mode{account="",symbol=""} 1');
    const now = await client.call(HealthService.method.getHealth, {});
    expect(now.health).toMatchObject({ status: ServingStatus.SERVING, tradingMode: TradingMode.REDUCE_ONLY });
  });

  it("set for a name that nobody has is refused, by the field", async () => {
    const halt = { mode: TradingMode.HALTED, reason: "test" };
    const symbol = await client.call(setTradingMode, { ...halt, symbol: "EURUSDD" }).catch(failureOf);
    expect(symbol).toMatchObject({ reason: "UNKNOWN_SYMBOL", fields: ["symbol"] });
    const account = await client.call(setTradingMode, { ...halt, account: "other" }).catch(failureOf);
    expect(account).toMatchObject({ reason: "UNKNOWN_ACCOUNT", fields: ["account"] });
    expect((await client.call(getTradingMode, {})).entries.map(({ mode }) => mode)).toEqual([TradingMode.ACTIVE]);
  });

  it("holds through kill -9 in the middle of a burst: nothing was executed after its acknowledgement", async () => {
    let acknowledged = false;
    const late: string[] = [];
    const burst = Array.from({ length: 150 }, async (_, i) => {
      const before = acknowledged;
      const { order } = await client.call(orders.placeOrder, market(`burst-${i}`));
      if (before && order?.stage !== OrderStage.REJECTED) late.push(order?.clientOrderId ?? "");
      // In the middle of the burst, as a call among others.
      if (i !== 20) return;
      await client.call(setTradingMode, { mode: TradingMode.HALTED, reason: "stop" });
      acknowledged = true;
      const after = await Promise.all(
        Array.from({ length: 20 }, (_, n) => client.call(orders.placeOrder, market(`after-${n}`))),
      );
      for (const { order } of after) if (order?.stage !== OrderStage.REJECTED) late.push(order?.clientOrderId ?? "");
      process.kill(bridge.pid, "SIGKILL");
    });
    await Promise.allSettled(burst);
    await bridge.stop("SIGKILL");
    client.close();
    expect([acknowledged, late]).toEqual([true, []]);

    await start();
    const { entries } = await client.call(getTradingMode, {});
    expect(entries).toMatchObject([{ mode: TradingMode.HALTED, reason: "stop" }]);
    for (const key of ["after-1", "fresh"]) {
      const { order } = await client.call(orders.placeOrder, market(key));
      expect(order, key).toMatchObject({ stage: OrderStage.REJECTED, rejection: { reason: "TRADING_HALTED" } });
    }
    const { deals } = await client.call(orders.listDeals, { pageSize: 1000 });
    const filled = await client.call(orders.listOrders, { pageSize: 1000 });
    const keys = filled.orders.filter(({ dealTickets }) => dealTickets.length > 0).map((order) => order.clientOrderId);
    expect(keys.filter((key) => !key.startsWith("burst-"))).toEqual([]);
    expect(deals.filter(({ entry }) => entry === "in")).toHaveLength(keys.length);
    await client.call(setTradingMode, { mode: TradingMode.ACTIVE, reason: "looked at it" });
    await bridge.stop("SIGKILL");
    client.close();
    await start();
    expect((await client.call(orders.placeOrder, market("again"))).order?.stage).toBe(OrderStage.FILLED);
  });
});
