/** The dead-man switch on the running bridge: a strategy that vanishes, and a bridge that is killed meanwhile. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AccountService } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import { OrderCause, OrderStage, OrdersService } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { DeadManAction, OrderType } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import { dataFolder, type RunningBridge } from "./bridge.ts";
import { BridgeClient, failureOf } from "./client.ts";
import { market, startTrading } from "./trading-bridge.ts";

const orders = OrdersService.method;
const second = { seconds: 1n, nanos: 0 };

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

const buy = (clientOrderId: string, more: object = {}) => market(clientOrderId, { strategyId: 7, ...more });
const rests = { type: OrderType.LIMIT, price: 0.5 };

/** Resolves with the order once its stage is final. */
async function ended(clientOrderId: string) {
  for await (const { event } of client.stream(orders.streamOrders, {})) {
    if (event.case === "opened") {
      const named = { order: { name: { case: "clientOrderId", value: clientOrderId } } } as const;
      const { order } = await client.call(orders.getOrder, named);
      if (order && order.stage >= OrderStage.FILLED) return order;
    }
    if (event.case === "order" && event.value.clientOrderId === clientOrderId) {
      if (event.value.stage >= OrderStage.FILLED) return event.value;
    }
  }
  throw new Error("the stream has ended");
}

describe("a dead-man switch", () => {
  it("cancels what a strategy has resting when its client vanishes, and leaves the others alone", async () => {
    await client.call(orders.placeOrder, buy("mine", rests));
    await client.call(orders.placeOrder, buy("other", { ...rests, strategyId: 8 }));
    const strategy = new BridgeClient(bridge.grpcPort);
    const deadManSwitch = { timeout: second, action: DeadManAction.CANCEL_ORDERS };
    for await (const { event } of strategy.stream(orders.streamOrders, { strategyId: 7, deadManSwitch })) {
      expect(event).toMatchObject({ case: "opened", value: { deadManSwitch } });
      break;
    }
    strategy.close();
    expect(await ended("mine")).toMatchObject({ stage: OrderStage.CANCELED, cause: OrderCause.BRIDGE });
    const other = await client.call(orders.getOrder, { order: { name: { case: "clientOrderId", value: "other" } } });
    expect(other.order?.stage).toBe(OrderStage.WORKING);
    expect(bridge.log.find(({ message }) => message === "dead-man switch fired")?.context).toMatchObject({
      strategy_id: 7,
    });
  });

  it("closes its positions though the bridge was killed while the strategy was connected", async () => {
    await client.call(orders.placeOrder, buy("open"));
    await client.call(orders.placeOrder, buy("rest", rests));
    const deadManSwitch = { timeout: second, action: DeadManAction.CLOSE_POSITIONS };
    for await (const { event } of client.stream(orders.streamOrders, { strategyId: 7, deadManSwitch })) {
      if (event.case === "snapshotEnd") process.kill(bridge.pid, "SIGKILL");
      if (event.case === "snapshotEnd") break;
    }
    await bridge.stop("SIGKILL");
    client.close();
    await start();
    expect(await ended("rest")).toMatchObject({ stage: OrderStage.CANCELED, cause: OrderCause.BRIDGE });
    for await (const { event } of client.stream(AccountService.method.streamAccount, {})) {
      if (event.case === "snapshot" && event.value.positions.length === 0) break;
      if (event.case === "position") break;
    }
    const { positions } = await client.call(AccountService.method.listPositions, {});
    expect(positions).toEqual([]);
  });

  it("asks for what it needs, by the field", async () => {
    const asked = async (request: object) => client.stream(orders.streamOrders, request).next().catch(failureOf);
    const action = DeadManAction.CANCEL_ORDERS;
    expect(await asked({ deadManSwitch: { timeout: second, action } })).toMatchObject({ fields: ["strategy_id"] });
    const none = { strategyId: 7, deadManSwitch: { action } };
    expect(await asked(none)).toMatchObject({ fields: ["dead_man_switch.timeout"] });
    const short = { strategyId: 7, deadManSwitch: { action, timeout: { seconds: 0n, nanos: 999_999_999 } } };
    expect(await asked(short)).toMatchObject({ fields: ["dead_man_switch.timeout"] });
  });
});
