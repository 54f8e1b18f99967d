/**
 * The bridge on a disk that runs full: a small file system of its own, filled and emptied
 * again while it runs. Only root may mount one.
 */
import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AccountService } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import { HealthService, PartState, ServingStatus } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { OrderStage, OrdersService } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { TicksService } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { OrderSide, OrderType } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import { type RunningBridge, startBridge } from "./bridge.ts";
import { BridgeClient, failureOf } from "./client.ts";

const orders = OrdersService.method;
const size = 6 * 2 ** 20;

const mount = (path: string): boolean =>
  spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path]).status === 0;
const unmount = (path: string): void => void spawnSync("umount", [path]);

/** Tried once, so that a machine that does not allow it says so. */
function mayMount(): boolean {
  const path = mkdtempSync(join(tmpdir(), "mount-"));
  const mounted = mount(path);
  if (mounted) unmount(path);
  rmSync(path, { recursive: true });
  return mounted;
}

const able = mayMount();
const inContinuousIntegration = process.env["CI"] !== undefined;

const market = (clientOrderId: string) => ({
  clientOrderId,
  symbol: "EURUSD",
  side: OrderSide.BUY,
  type: OrderType.MARKET,
  volume: 0.01,
  comment: "x".repeat(25),
});

describe.skipIf(!able && !inContinuousIntegration)(
  `a bridge whose disk is full${able ? "" : " [SKIPPED: this machine lets nobody mount a small disk here]"}`,
  () => {
    let folder: string;
    let bridge: RunningBridge | undefined;
    let client: BridgeClient;

    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "small-disk-"));
      expect(mount(folder)).toBe(true);
      await start();
    });

    afterEach(async () => {
      client?.close();
      await bridge?.stop("SIGKILL");
      unmount(folder);
      rmSync(folder, { recursive: true, force: true });
    });

    const start = async () => {
      bridge = await startBridge({
        DATA_DIR: folder,
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

    /** Takes what room there is left. */
    const fill = () => {
      const file = openSync(join(folder, "ballast"), "w");
      try {
        for (;;) writeSync(file, Buffer.alloc(2 ** 16, 1));
      } catch (error) {
        expect(error).toMatchObject({ code: "ENOSPC" });
      } finally {
        closeSync(file);
      }
    };
    const empty = () => rmSync(join(folder, "ballast"));

    /** Places orders until one is refused for the journal's sake; those before it were told to be on disk. */
    const placeUntilRefused = async (acknowledged: Set<string>, prefix: string) => {
      for (let i = 1; ; i++) {
        const key = `${prefix}-${i}`;
        try {
          await client.call(orders.placeOrder, market(key));
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

    it("refuses orders and says why, goes on streaming and answering, and trades again when there is room", async () => {
      const acknowledged = new Set<string>();
      const refused = new Set<string>();
      await client.call(orders.placeOrder, market("before"));
      acknowledged.add("before");
      for (let round = 1; round <= 2; round++) {
        fill();
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

        empty();
        await health(ServingStatus.SERVING);
        await prices(); // the paper broker begins without any, as after a restart
        const { order } = await client.call(orders.placeOrder, market(`after-${round}`));
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
