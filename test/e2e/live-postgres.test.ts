/** Live terminals at a bridge whose journals are in PostgreSQL. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AccountService } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import { AdminService, TradingMode } from "../../gen/ts/mt5bridge/v1/admin_pb.ts";
import { HealthService, ServingStatus } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { OrderStage, OrdersService, WaitFor } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { OrderSide, OrderType } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import { Cluster, postgresPrograms } from "../store/postgres/cluster.ts";
import { type Folder, folder } from "../transport/credentials.ts";
import { type RunningBridge, startBridge } from "./bridge.ts";
import { BridgeClient, failureOf } from "./client.ts";
import { type RunningTerminal, startTerminal } from "./terminal.ts";

const { placeOrder, listOrders, listDeals } = OrdersService.method;
const here = postgresPrograms() !== undefined;
const inContinuousIntegration = process.env["CI"] !== undefined;
const accounts = ["1000001", "1000002"];

const market = (account: string, clientOrderId: string) => ({
  ...{ account, clientOrderId, symbol: "EURUSD", side: OrderSide.BUY, type: OrderType.MARKET, volume: 0.1 },
  waitFor: WaitFor.FINAL,
});

describe.skipIf(!here && !inContinuousIntegration)(
  `live accounts with a database${here ? "" : " [SKIPPED: PostgreSQL is not here]"}`,
  () => {
    let cluster: Cluster;
    let files: Folder;
    let bridge: RunningBridge;
    let client: BridgeClient;
    let terminals: RunningTerminal[] = [];

    beforeAll(async () => {
      files = folder();
      cluster = await Cluster.start();
    });
    afterAll(async () => {
      client?.close();
      await Promise.all(terminals.map((terminal) => terminal.stop("SIGKILL")));
      await bridge?.stop("SIGKILL");
      await cluster.stop();
      files.remove();
    });

    /** On the same port as before: its terminals dial it again. */
    const start = async (port = "0") => {
      const env = { TERMINAL: "live", DATA_DIR: files.file("data"), TERMINAL_LINK_PORT: port };
      bridge = await startBridge({ ...env, DATABASE_URL: cluster.url });
      client = new BridgeClient(bridge.grpcPort);
    };
    const serving = async () => {
      for await (const { event } of client.stream(HealthService.method.watchHealth, {})) {
        const now = event.case === "snapshot" || event.case === "health" ? event.value : undefined;
        const up = now?.terminals.filter(({ linkUp }) => linkUp).length;
        if (now?.status === ServingStatus.SERVING && up === accounts.length) return;
      }
    };

    it("keep each its own orders, through the death of the bridge and a database that stands still", async () => {
      await start();
      const address = `127.0.0.1:${bridge.linkPort}`;
      terminals = accounts.map((login) => startTerminal({ address, login, market: "still", symbols: "EURUSD" }));
      await serving();
      for (const account of accounts) {
        const { order } = await client.call(placeOrder, market(account, "one"));
        expect(order).toMatchObject({ account, stage: OrderStage.FILLED, live: true });
      }
      const [first = "", second = ""] = accounts;
      const halted = { account: second, mode: TradingMode.HALTED, reason: "test" };
      await client.call(AdminService.method.setTradingMode, halted);
      await bridge.stop("SIGKILL");
      client.close();

      await start(String(bridge.linkPort));
      await serving();
      expect(await client.call(placeOrder, market(first, "one"))).toMatchObject({ replayed: true });
      const refused = await client.call(placeOrder, market(second, "two"));
      expect(refused.order?.rejection?.reason).toBe("TRADING_HALTED");

      await cluster.pause();
      const failure = await client.call(placeOrder, market(first, "lost")).then(() => undefined, failureOf);
      expect(failure).toMatchObject({ reason: "JOURNAL_UNAVAILABLE", metadata: { order_may_exist: "false" } });
      await cluster.resume();
      await serving();
      expect((await client.call(placeOrder, market(first, "three"))).order?.stage).toBe(OrderStage.FILLED);

      const keysOf = async (account: string) =>
        (await client.call(listOrders, { account })).orders.map(({ clientOrderId }) => clientOrderId);
      expect([await keysOf(first), await keysOf(second)]).toEqual([
        ["three", "one"],
        ["two", "one"],
      ]);
      const deals = await Promise.all(accounts.map((account) => client.call(listDeals, { account })));
      expect(deals.map(({ deals }) => deals.filter(({ entry }) => entry === "in").length)).toEqual([2, 1]);
      const { positions } = await client.call(AccountService.method.listPositions, { account: first });
      expect(positions).toHaveLength(2);
      expect(JSON.stringify(bridge.log)).not.toContain("postgresql://");
    }, 90_000);
  },
);
