/** The TypeScript client in Node, on every way to the bridge, while that way or the bridge itself goes away. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as client from "../../../clients/typescript/src/node.ts";
import { dataFolder } from "../bridge.ts";
import { expectNothingMissed, type LastingBridge, lastingBridge, relayTo } from "./interruption.ts";
import { trade } from "./trading.ts";

const ways = [
  ["gRPC", "grpcPort", { protocol: "grpc" }],
  ["gRPC on the HTTP port", "httpPort", { protocol: "grpc" }],
  ["Connect over HTTP/2", "httpPort", { protocol: "connect", httpVersion: "2" }],
  ["Connect over HTTP/1.1", "httpPort", { protocol: "connect", httpVersion: "1.1" }],
] as const;

let bridge: LastingBridge;
let folder: Awaited<ReturnType<typeof dataFolder>>;

beforeAll(async () => {
  [bridge, folder] = await Promise.all([lastingBridge(), dataFolder()]);
});
afterAll(async () => {
  await bridge.stop();
  await folder.remove();
});

function connected(port: number, speaking: (typeof ways)[number][2], keyFile: number | string): client.Bridge {
  const keys = client.fileKeys(join(folder.path, `${keyFile}.json`));
  return client.bridge({ baseUrl: `http://127.0.0.1:${port}`, keys, ...speaking });
}

describe("in Node, on every way at the same time", () => {
  // Starting the bridge anew takes seconds on a busy machine.
  it("no order event is missed and no order placed twice while the bridge is killed and comes back, and ticks say that they begin anew", async () => {
    let restarted: Promise<void> | undefined;
    const interrupt = () => {
      restarted ??= bridge.restart("SIGKILL");
      return restarted;
    };
    const traded = ways.map(async ([, port, speaking], index) => {
      const plan = { strategyId: 1 + index, orders: 30, interrupt };
      const mt5 = connected(bridge[port], speaking, plan.strategyId);
      return { plan, traded: await trade(client, mt5, plan).finally(() => mt5.close()) };
    });
    for (const { plan, traded: seen } of await Promise.all(traded)) {
      await expectNothingMissed(seen, plan, { grpcPort: bridge.grpcPort, resets: 1 });
    }
  }, 120_000);

  it("nothing at all is missed while connections are cut", async () => {
    const traded = ways.map(async ([, port, speaking], index) => {
      const relay = await relayTo(bridge[port]);
      const plan = { strategyId: 11 + index, orders: 30, interrupt: async () => relay.cut() };
      const mt5 = connected(relay.port, speaking, plan.strategyId);
      const seen = await trade(client, mt5, plan).finally(() => mt5.close());
      relay.close();
      return { plan, seen };
    });
    for (const { plan, seen } of await Promise.all(traded)) {
      await expectNothingMissed(seen, plan, { grpcPort: bridge.grpcPort, resets: 0 });
    }
  }, 120_000);
});

describe.each(ways)("in Node, with %s", (name, port, speaking) => {
  it("a bad request is told by its field, and that nothing was sent", async () => {
    const mt5 = connected(bridge[port], speaking, name);
    const { OrderSide, OrderType } = client;
    const order = { symbol: "EURUSD", side: OrderSide.BUY, type: OrderType.MARKET, volume: -1 };
    await expect(mt5.orders.place(order)).rejects.toMatchObject({
      reason: "INVALID_ARGUMENT",
      orderMayExist: false,
      violations: [{ field: "volume" }],
    });
    expect(await mt5.orders.kept()).toEqual([]);
    await expect(mt5.ticks(["EURUSDD"]).next()).rejects.toMatchObject({ reason: "UNKNOWN_SYMBOL" });
    mt5.close();
  });
});
