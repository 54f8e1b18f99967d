/** The bridge on a disk that runs full: a small one, filled and emptied again while it runs. */
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AccountService } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import { HealthService, PartState, ServingStatus } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { OrderStage, OrdersService } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { TicksService } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { mayMount, SmallDisk } from "../small-disk.ts";
import { type RunningBridge, startBridge } from "./bridge.ts";
import { BridgeClient, failureOf } from "./client.ts";
import { market } from "./trading-bridge.ts";

const orders = OrdersService.method;
const able = mayMount();
const inContinuousIntegration = process.env["CI"] !== undefined;

const asked = (clientOrderId: string) => market(clientOrderId, { comment: "x".repeat(25) });

describe.skipIf(!able && !inContinuousIntegration)(
  `a bridge whose disk is full${able ? "" : " [SKIPPED: this machine lets nobody mount a small disk here]"}`,
  () => {
    let disk: SmallDisk;
    let bridge: RunningBridge | undefined;
    let client: BridgeClient;

    beforeEach(async () => {
      disk = SmallDisk.mount() as SmallDisk;
      await start();
    });

    afterEach(async () => {
      client?.close();
      await bridge?.stop("SIGKILL");
      disk.remove();
    });

    const start = async () => {
      bridge = await startBridge({
        DATA_DIR: disk.path,
        PAPER_RATE: "50",
        PAPER_SYMBOLS: "EURUSD",
        PAPER_BALANCE: "10000000",
      });
      client = new BridgeClient(bridge.grpcPort);
      await prices();
    };

    const prices = async () => {
      const news = client.stream(TicksService.method.streamTicks, { symbols: ["EURUSD"], snapshot: false });
      for await (const { event } of news) if (event.case === "batch") return;
    };

    /** Places orders until one is refused for the journal's sake; those before it were told to be on disk. */
    const placeUntilRefused = async (acknowledged: Set<string>, prefix: string) => {
      for (let i = 1; ; i++) {
        const key = `${prefix}-${i}`;
        try {
          await client.call(orders.placeOrder, asked(key));
          acknowledged.add(key);
        } catch (error) {
          const failure = failureOf(error);
          expect(failure.code).toBe(status.UNAVAILABLE);
          if (failure.reason === "JOURNAL_UNAVAILABLE") return { key, failure };
        }
      }
    };

    const health = async (wanted: ServingStatus) => {
      for await (const { event } of client.stream(HealthService.method.watchHealth, {})) {
        const now = event.case === "snapshot" || event.case === "health" ? event.value : undefined;
        if (now?.status === wanted) return now;
      }
      throw new Error("the stream of health has ended");
    };

    /** Waits until the log has said so `times` times, with whatever is freed meanwhile taken too. */
    const historySays = async (what: RegExp, times: number, meanwhile: () => void = () => undefined) => {
      const said = () => bridge?.log.filter((line) => line.component === "history" && what.test(line.message)) ?? [];
      while (said().length < times) {
        meanwhile();
        await prices();
      }
      return said().at(-1);
    };

    it("refuses orders and says why, goes on streaming and answering, and trades again when there is room", async () => {
      const acknowledged = new Set<string>();
      const refused = new Set<string>();
      await client.call(orders.placeOrder, asked("before"));
      acknowledged.add("before");
      for (let round = 1; round <= 2; round++) {
        disk.fill();
        const { key, failure } = await placeUntilRefused(acknowledged, `round-${round}`);
        refused.add(key);
        expect(failure.message).toMatch(/disk is full.*nothing was sent/);
        expect(failure.metadata).toMatchObject({ journal: "disk_full", order_may_exist: "false" });

        const { store, message } = await health(ServingStatus.NOT_SERVING);
        expect([store?.state, store?.message]).toEqual([PartState.DOWN, expect.stringMatching(/disk is full/)]);
        expect(message).toMatch(/disk is full/);
        await prices();
        const name = { name: { case: "clientOrderId", value: "before" } } as const;
        expect((await client.call(orders.getOrder, { order: name })).order?.stage).toBe(OrderStage.FILLED);
        const { orders: shown } = await client.call(orders.listOrders, {});
        expect(shown.some(({ clientOrderId }) => clientOrderId === key)).toBe(false);
        await client.call(orders.listDeals, {});
        await client.call(AccountService.method.listPositions, {});
        await historySays(/cannot be written/, round, () => disk.fill());
        await client.call(TicksService.method.listTicks, { symbol: "EURUSD" });

        disk.empty();
        const again = await historySays(/can be written again/, round);
        expect(again?.context["ticksLeftOut"]).toBeGreaterThan(0);
        await health(ServingStatus.SERVING);
        await prices(); // the paper broker begins without any, as after a restart
        const { order } = await client.call(orders.placeOrder, asked(`after-${round}`));
        expect(order?.stage).toBe(OrderStage.FILLED);
        acknowledged.add(`after-${round}`);
      }
      await expectOneExecutionEach(acknowledged, refused);

      await bridge?.stop("SIGKILL");
      client.close();
      await start();
      await expectOneExecutionEach(acknowledged, refused);
    }, 120_000);

    /** What was acknowledged is there and settled, what was refused was never executed, and nothing was executed twice. */
    const expectOneExecutionEach = async (acknowledged: ReadonlySet<string>, refused: ReadonlySet<string>) => {
      const { orders: all } = await client.call(orders.listOrders, { pageSize: 1000 });
      const { deals } = await client.call(orders.listDeals, { pageSize: 1000 });
      const byKey = new Map(all.map((order) => [order.clientOrderId, order]));
      for (const key of acknowledged) expect(byKey.has(key), key).toBe(true);
      for (const key of refused) expect(byKey.get(key)?.stage ?? OrderStage.REJECTED, key).toBe(OrderStage.REJECTED);
      for (const { stage, clientOrderId, dealTickets } of all) {
        expect([OrderStage.FILLED, OrderStage.REJECTED], clientOrderId).toContain(stage);
        expect(dealTickets.length, clientOrderId).toBe(stage === OrderStage.FILLED ? 1 : 0);
      }
      const filled = all.filter(({ stage }) => stage === OrderStage.FILLED);
      expect(deals.filter(({ entry }) => entry === "in").length).toBe(filled.length);
    };
  },
);
