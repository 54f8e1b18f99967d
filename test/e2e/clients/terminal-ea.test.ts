/** A live account behind a real bridge: the terminal's side is the Expert Advisor, on its harness. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AccountService } from "../../../gen/ts/mt5bridge/v1/account_pb.ts";
import { type Order, OrderStage, OrdersService, WaitFor } from "../../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { TicksService } from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { OrderSide, OrderType } from "../../../gen/ts/mt5bridge/v1/types_pb.ts";
import { eaCanBeBuilt, eaHarness } from "../../mql5/ea.ts";
import { type Folder, folder } from "../../transport/credentials.ts";
import { type RunningBridge, startBridge } from "../bridge.ts";
import { BridgeClient } from "../client.ts";

const { placeOrder, closePosition, getOrder, listDeals } = OrdersService.method;
const { getAccount, listPositions } = AccountService.method;

describe.skipIf(!eaCanBeBuilt)("the Expert Advisor behind a bridge", { timeout: 60_000 }, () => {
  let harness = "";
  let files: Folder;
  let bridge: RunningBridge;
  let client: BridgeClient;
  let terminal: ChildProcess;
  let ended: Promise<unknown>;
  let said = "";

  beforeAll(() => {
    harness = eaHarness(true);
  }, 300_000);

  beforeEach(async () => {
    files = folder();
    said = "";
    await startAnew();
  });

  afterEach(async () => {
    await end();
    client.close();
    await bridge.stop("SIGKILL");
    files.remove();
    expect(said).not.toMatch(/critical error|Sanitizer|runtime error/);
  });

  async function startAnew(port = "0"): Promise<void> {
    const live = { TERMINAL: "live", LIVE_ACCOUNTS: "main=1000001@Broker-Demo", TERMINAL_LINK_PORT: port };
    bridge = await startBridge({ DATA_DIR: files.file("data"), ...live });
    client = new BridgeClient(bridge.grpcPort);
  }

  function dial(env: Readonly<Record<string, string>> = {}): void {
    const own = {
      BRIDGE_ADDRESS: `127.0.0.1:${bridge.linkPort}`,
      TERMINAL_STATE: files.path,
      TERMINAL_RETRY_MS: "100",
    };
    terminal = spawn(harness, { env: { ...process.env, ...own, ...env }, stdio: ["pipe", "pipe", "pipe"] });
    ended = once(terminal, "exit");
    for (const stream of [terminal.stdout, terminal.stderr]) {
      stream?.on("data", (piece: Buffer) => {
        said += piece.toString();
      });
    }
  }

  async function end(): Promise<void> {
    terminal.kill("SIGKILL");
    await ended;
  }

  /** Resolves once orders can be sent. */
  async function linked(): Promise<void> {
    for (;;) {
      const { account } = await client.call(getAccount, { account: "main" }).catch(() => ({ account: undefined }));
      if (account?.linkUp) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  const market = (clientOrderId: string, comment = "") => ({
    ...{ clientOrderId, symbol: "EURUSD", side: OrderSide.BUY, type: OrderType.MARKET, volume: 0.1, comment },
    waitFor: WaitFor.FINAL,
  });

  /** The order, once nobody doubts it. */
  async function settled(clientOrderId: string): Promise<Order | undefined> {
    for (;;) {
      const { order } = await client.call(getOrder, {
        order: { name: { case: "clientOrderId", value: clientOrderId } },
      });
      if (order?.stage !== OrderStage.IN_DOUBT && order?.stage !== OrderStage.SENT) return order;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  it("opens and closes a position, and streams ticks in UTC", async () => {
    dial();
    await linked();
    for await (const { event } of client.stream(TicksService.method.streamTicks, { symbols: ["EURUSD"] })) {
      if (event.case !== "batch") continue;
      const [tick] = event.value.ticks;
      const time = Number(tick?.timeMs);
      expect(Math.abs(time - Date.now())).toBeLessThan(60_000); // an hour off would be the broker's clock
      break;
    }
    const { order } = await client.call(placeOrder, market("open"));
    expect(order).toMatchObject({ account: "main", stage: OrderStage.FILLED, filledVolume: 0.1, live: true });
    const { order: closed } = await client.call(closePosition, {
      ...{ clientOrderId: "close", positionTicket: order?.positionTicket ?? 0n, waitFor: WaitFor.FINAL },
    });
    expect(closed?.stage).toBe(OrderStage.FILLED);
    expect((await client.call(listPositions, {})).positions).toEqual([]);
    expect((await client.call(placeOrder, market("open"))).replayed).toBe(true);
  });

  it("leaves an order in doubt when it is killed behind the sending, and its records settle it", async () => {
    dial({ TERMINAL_DIE: "after-order:1" });
    await linked();
    await client.call(placeOrder, market("killed")).catch(() => undefined);
    await ended;
    dial();
    await linked();
    expect((await settled("killed"))?.stage).toBe(OrderStage.FILLED);
    expect((await client.call(listPositions, {})).positions.length).toBe(1);
    expect((await client.call(listDeals, { symbol: "EURUSD" })).deals.length).toBe(1);
  });

  it("goes on with a bridge that was killed, and executes once", async () => {
    dial();
    await linked();
    const placed = client.call(placeOrder, market("slow", "#slow=800")).catch(() => undefined);
    for (;;) {
      const { order } = await client
        .call(getOrder, { order: { name: { case: "clientOrderId", value: "slow" } } })
        .catch(() => ({ order: undefined }));
      if (order?.stage === OrderStage.SENT) break;
    }
    const { linkPort } = bridge;
    await bridge.stop("SIGKILL");
    await placed;
    client.close();
    await startAnew(String(linkPort));
    await linked();
    expect((await settled("slow"))?.stage).toBe(OrderStage.FILLED);
    expect((await client.call(listPositions, {})).positions.length).toBe(1);
  });

  it("is told why it is not let in, and says so to the trader", async () => {
    dial({ TERMINAL_LOGIN: "5" });
    while (!said.includes("alias=5@Broker-Demo"))
      await once(terminal.stderr as NonNullable<ChildProcess["stderr"]>, "data");
    const isTold = () => bridge.log.some(({ message }) => message === "a terminal was refused");
    while (!isTold()) await new Promise((resolve) => setImmediate(resolve));
  });
});
