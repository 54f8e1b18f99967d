/** Risk limits on the running bridge: from its configuration, from operators, over gRPC and HTTP, through kill -9. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AdminService } from "../../gen/ts/mt5bridge/v1/admin_pb.ts";
import { OrderCause, OrderStage, OrdersService } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { dataFolder, type RunningBridge } from "./bridge.ts";
import { type BridgeClient, failureOf } from "./client.ts";
import { market, startTrading } from "./trading-bridge.ts";

const orders = OrdersService.method;
const { getRiskLimits, setRiskLimits } = AdminService.method;

let folder: Awaited<ReturnType<typeof dataFolder>>;
let bridge: RunningBridge;
let client: BridgeClient;

async function start(env: Record<string, string> = {}): Promise<void> {
  ({ bridge, client } = await startTrading(folder.path, env));
}

beforeEach(async () => {
  folder = await dataFolder();
});

afterEach(async () => {
  client.close();
  await bridge.stop("SIGKILL");
  await folder.remove();
});

describe("risk limits", () => {
  it("of the configuration hold, are told, and name the rule, its limit and the value", async () => {
    await start({ RISK_MAX_VOLUME: "0.05", RISK_STRATEGIES: "7 max_open_orders 1, 7 allowed_symbols EURUSD;XAUUSD" });
    const { entries } = await client.call(getRiskLimits, {});
    expect(entries).toMatchObject([
      { account: "paper", limits: { maxVolume: 0.05 }, configured: true, setBy: "" },
      { strategyId: 7, limits: { maxOpenOrders: 1, allowedSymbols: ["EURUSD", "XAUUSD"] }, configured: true },
    ]);
    const { order } = await client.call(orders.placeOrder, market("big", { volume: 0.06 }));
    expect(order).toMatchObject({ stage: OrderStage.REJECTED, cause: OrderCause.RISK });
    const rejection = { reason: "RISK_MAX_VOLUME", rule: "max_volume", limit: "0.05", value: "0.06" };
    expect(order?.rejection).toMatchObject(rejection);
    const { clientOrderId: _key, ...checked } = market("", { volume: 0.06 });
    const check = await client.call(orders.checkOrder, { order: checked });
    expect(check).toMatchObject({ accepted: false, rejection });
    const other = await client.call(orders.placeOrder, market("gbp", { symbol: "GBPUSD", strategyId: 7 }));
    expect(other.order?.rejection?.reason).toBe("RISK_ALLOWED_SYMBOLS");
  });

  it("set by an operator hold at once and through kill -9, with who and why, until they are reset", async () => {
    await start({ RISK_MAX_VOLUME: "1" });
    const set = {
      reason: "new strategy",
      strategyId: 3,
      limits: { maxVolume: 0.02, tradingHours: ["Mon-Sun 00:00-24:00"] },
    };
    const { entry } = await client.call(setRiskLimits, set);
    expect(entry).toMatchObject({ strategyId: 3, configured: false, reason: "new strategy", setBy: "development" });
    process.kill(bridge.pid, "SIGKILL");
    await bridge.stop("SIGKILL");
    client.close();

    await start({ RISK_MAX_VOLUME: "1" });
    const { entries } = await client.call(getRiskLimits, { account: "paper" });
    expect(entries[1]).toMatchObject({ strategyId: 3, limits: set.limits, configured: false, setBy: "development" });
    const body = { client_order_id: "http", symbol: "EURUSD", side: "ORDER_SIDE_BUY", type: "ORDER_TYPE_MARKET" };
    const response = await fetch(`http://127.0.0.1:${bridge.httpPort}/mt5bridge.v1.OrdersService/PlaceOrder`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...body, volume: 0.03, strategy_id: 3 }),
    });
    const json = JSON.stringify(await response.json());
    expect(json).toMatch(/"rule":"max_volume","limit":"0.02","value":"0.03"/);
    await client.call(setRiskLimits, { strategyId: 3, reason: "back to normal" });
    const { order } = await client.call(orders.placeOrder, market("after", { volume: 0.03, strategyId: 3 }));
    expect(order?.stage).toBe(OrderStage.FILLED);
  });

  it("that cannot be are refused by their field", async () => {
    await start();
    const wrong = async (limits: object) => client.call(setRiskLimits, { reason: "x", limits }).catch(failureOf);
    expect(await wrong({ maxVolume: 0 })).toMatchObject({ fields: ["limits.max_volume"] });
    expect(await wrong({ allowedSymbols: ["NOPE"] })).toMatchObject({ fields: ["limits.allowed_symbols"] });
    expect(await wrong({ tradingHours: ["Mon 20:00-07:00"] })).toMatchObject({ fields: ["limits.trading_hours"] });
    expect((await client.call(getRiskLimits, {})).entries).toMatchObject([{ configured: true }]);
  });
});
