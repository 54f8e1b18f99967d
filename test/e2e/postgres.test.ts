/** The bridge with its journal in PostgreSQL. */
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HealthService, ServingStatus } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { OrderStage, OrdersService } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { TicksService } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { Cluster, postgresPrograms } from "../store/postgres/cluster.ts";
import { type RunningBridge, startBridge } from "./bridge.ts";
import { BridgeClient, failureOf } from "./client.ts";
import { market } from "./trading-bridge.ts";

const orders = OrdersService.method;
const here = postgresPrograms() !== undefined;
const inContinuousIntegration = process.env["CI"] !== undefined;

describe.skipIf(!here && !inContinuousIntegration)(
  `a bridge with a database${here ? "" : " [SKIPPED: PostgreSQL is not here]"}`,
  () => {
    let cluster: Cluster;
    let bridge: RunningBridge;
    let client: BridgeClient;

    beforeAll(async () => {
      cluster = await Cluster.start();
    });
    afterAll(async () => {
      client?.close();
      await bridge?.stop("SIGKILL");
      await cluster.stop();
    });

    const start = async () => {
      bridge = await startBridge({ DATABASE_URL: cluster.url, PAPER_RATE: "50", PAPER_SYMBOLS: "EURUSD" });
      client = new BridgeClient(bridge.grpcPort);
      await prices();
    };
    const prices = async () => {
      const news = client.stream(TicksService.method.streamTicks, { symbols: ["EURUSD"], snapshot: false });
      for await (const { event } of news) if (event.case === "batch") return;
    };
    const serving = async () => {
      for await (const { event } of client.stream(HealthService.method.watchHealth, {})) {
        const now = event.case === "snapshot" || event.case === "health" ? event.value : undefined;
        if (now?.status === ServingStatus.SERVING) return;
      }
    };

    it("keeps every order through its own death and the database's", async () => {
      await start();
      for (const key of ["one", "two"]) {
        expect((await client.call(orders.placeOrder, market(key))).order?.stage).toBe(OrderStage.FILLED);
      }
      await bridge.stop("SIGKILL");
      client.close();
      await start();
      expect(await client.call(orders.placeOrder, market("one"))).toMatchObject({
        replayed: true,
        order: { stage: OrderStage.FILLED },
      });

      await cluster.pause();
      const failure = failureOf(
        await client.call(orders.placeOrder, market("refused")).catch((error: unknown) => error),
      );
      expect(failure).toMatchObject({ code: status.UNAVAILABLE, metadata: { order_may_exist: "false" } });
      const { orders: shown } = await client.call(orders.listOrders, {});
      expect(shown.map(({ clientOrderId }) => clientOrderId)).toEqual(["two", "one"]);
      await cluster.resume();
      await serving();
      await prices(); // the paper broker begins without any, as after a restart
      expect((await client.call(orders.placeOrder, market("three"))).order?.stage).toBe(OrderStage.FILLED);
      const { deals } = await client.call(orders.listDeals, {});
      expect(deals.filter(({ entry }) => entry === "in").length).toBe(3);
      expect(JSON.stringify(bridge.log)).not.toContain("postgresql://");
    }, 60_000);
  },
);
