/** Live terminals, as processes of their own, at a bridge as users run it. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AccountService } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import { AdminService } from "../../gen/ts/mt5bridge/v1/admin_pb.ts";
import { type Health, HealthService, ServingStatus } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { OrderStage, OrdersService, WaitFor } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { OrderSide, OrderType } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import { everything, type Folder, folder, keysWith, selfSigned } from "../transport/credentials.ts";
import { TestClient } from "../transport/served.ts";
import { type RunningBridge, startBridge } from "./bridge.ts";
import { BridgeClient, failureOf } from "./client.ts";
import { type Line, lineTo } from "./dribble.ts";
import { type RunningTerminal, startTerminal } from "./terminal.ts";

const { placeOrder, getOrder, listOrders, listDeals, streamOrders } = OrdersService.method;
const { getAccount, listAccounts, listPositions } = AccountService.method;
const { getHealth, watchHealth } = HealthService.method;

let files: Folder;
let bridge: RunningBridge | undefined;
let clients: BridgeClient[];
let terminals: RunningTerminal[];
let lines: Line[];

beforeEach(() => {
  files = folder();
  [bridge, clients, terminals, lines] = [undefined, [], [], []];
});

afterEach(async () => {
  for (const client of clients) client.close();
  await Promise.all(terminals.map((terminal) => terminal.stop("SIGKILL")));
  await Promise.all(lines.map((line) => line.close()));
  await bridge?.stop("SIGKILL");
  files.remove();
});

async function start(env: Readonly<Record<string, string>> = {}) {
  bridge = await startBridge({ TERMINAL: "live", DATA_DIR: files.file("data"), ...env });
  const client = new BridgeClient(bridge.grpcPort);
  clients.push(client);
  return { bridge, client };
}

function dial(port: number, flags: Readonly<Record<string, string | number>> = {}): RunningTerminal {
  const terminal = startTerminal({ address: `127.0.0.1:${port}`, market: "still", symbols: "EURUSD,GBPUSD", ...flags });
  terminals.push(terminal);
  return terminal;
}

/** Resolves when health is as it should be. */
async function healthy(client: BridgeClient, is: (health: Health) => boolean): Promise<Health> {
  for await (const { event } of client.stream(watchHealth, {})) {
    if ((event.case === "snapshot" || event.case === "health") && is(event.value)) return event.value;
  }
  throw new Error("the stream of health has ended");
}

const serving = ({ status }: Health) => status === ServingStatus.SERVING;

const market = (clientOrderId: string, more = {}) => ({
  ...{ clientOrderId, symbol: "EURUSD", side: OrderSide.BUY, type: OrderType.MARKET, volume: 0.1 },
  waitFor: WaitFor.FINAL,
  ...more,
});

describe("a bridge for live terminals, and none there", () => {
  it("is ready at once, and says everywhere for whom it waits and how to connect him", async () => {
    const { bridge, client } = await start({ LIVE_ACCOUNTS: "main=1000001@Broker-Demo" });
    const what = `no terminal has dialed in for main (account 1000001 at Broker-Demo) yet: give its Expert Advisor the address 127.0.0.1 and port ${bridge.linkPort}, or the agent 127.0.0.1:${bridge.grpcPort} (docs/terminals.md)`;
    expect(bridge.log.map(({ message }) => message)).toContain(what);
    const { health } = await client.call(getHealth, {});
    expect(health).toMatchObject({ status: ServingStatus.NOT_SERVING, message: what });
    for (const request of [client.call(placeOrder, market("early")), client.call(getAccount, { account: "main" })]) {
      const failed = await request.then(() => undefined, failureOf);
      expect(failed).toMatchObject({ reason: "TERMINAL_OFFLINE", message: what });
    }
    const metrics = await (await fetch(`http://127.0.0.1:${bridge.metricsPort}/metrics`)).text();
    expect(metrics).toContain("mt5_connection_status 0");
    const other = await client.call(getAccount, { account: "other" }).then(() => undefined, failureOf);
    expect(other?.reason).toBe("UNKNOWN_ACCOUNT");
  });
});

describe("an order to a live terminal", () => {
  it.each(["tcp", "grpc"])("is executed there and comes back, over %s", async (carrier) => {
    const { bridge, client } = await start();
    dial(carrier === "tcp" ? bridge.linkPort : bridge.grpcPort, { carrier });
    await healthy(client, serving);
    const { order } = await client.call(placeOrder, market("first"));
    expect(order).toMatchObject({ account: "1000001", stage: OrderStage.FILLED, filledVolume: 0.1, live: true });
    const { positions } = await client.call(listPositions, {});
    expect(positions).toMatchObject([{ symbol: "EURUSD", volume: 0.1, live: true }]);
    const { account } = await client.call(getAccount, {});
    expect(account).toMatchObject({ live: true, linkUp: true, login: 1_000_001n, server: "Broker-Demo" });

    const raw = new TestClient(bridge.grpcPort);
    const answer = await raw.call(getHealth, {});
    raw.close();
    expect(answer.headers.get("mt5bridge-mode")).toEqual(["live"]);
  });

  it("gets through a line that passes three bytes at a time", async () => {
    const { bridge, client } = await start();
    const line = await lineTo(bridge.linkPort, 3);
    lines.push(line);
    dial(line.port);
    await healthy(client, serving);
    const { order } = await client.call(placeOrder, market("slowly"));
    expect(order?.stage).toBe(OrderStage.FILLED);
  });

  it("is refused at once while the cable is cut, and the next one goes through when it is mended", async () => {
    const { bridge, client } = await start();
    const line = await lineTo(bridge.linkPort, 65_536);
    lines.push(line);
    const terminal = dial(line.port, { state: files.file("terminal") });
    await healthy(client, serving);
    await terminal.stop("SIGKILL");
    const down = await healthy(client, (health) => !serving(health));
    expect(down.message).toMatch(/^1000001: the link to the terminal is down/);
    const refused = await client.call(placeOrder, market("down")).then(() => undefined, failureOf);
    expect(refused).toMatchObject({ reason: "TERMINAL_OFFLINE", message: expect.stringContaining("nothing was sent") });
    dial(line.port, { state: files.file("terminal") });
    await healthy(client, serving);
    expect((await client.call(placeOrder, market("down"))).order?.stage).toBe(OrderStage.FILLED);
  });

  it("is executed once, however often the cable is cut under it", async () => {
    const { bridge, client } = await start();
    const line = await lineTo(bridge.linkPort, 65_536);
    lines.push(line);
    dial(line.port, { state: files.file("terminal"), "latency-ms": 20 });
    await healthy(client, serving);
    const keys = Array.from({ length: 20 }, (_, index) => `cut-${index}`);
    for (const [index, key] of keys.entries()) {
      const placed = client.call(placeOrder, market(key)).catch(() => undefined); // answered below, by its key
      if (index % 4 === 3) line.cut();
      await placed;
      await healthy(client, serving);
    }
    let unsent = 0;
    for (const key of keys) {
      for (;;) {
        const { order } = await client.call(placeOrder, market(key));
        if (order?.stage === OrderStage.IN_DOUBT) continue;
        // The cut may come between the journal and the line: then it was never sent, and says so.
        if (order?.rejection?.reason === "TERMINAL_OFFLINE") unsent++;
        else expect([key, order?.stage]).toEqual([key, OrderStage.FILLED]);
        break;
      }
    }
    expect((await client.call(listPositions, {})).positions.length).toBe(keys.length - unsent);
    expect(unsent, "of five that were cut").toBeLessThanOrEqual(5);
  });

  it("is found again, once, by a bridge that was killed while it was under way", async () => {
    const first = await start();
    const line = await lineTo(first.bridge.linkPort, 65_536);
    lines.push(line);
    const terminal = dial(first.bridge.linkPort, { state: files.file("terminal"), "on-order": "1=slow=1500" });
    await healthy(first.client, serving);
    const placed = first.client.call(placeOrder, market("killed")).catch(() => undefined);
    for (;;) {
      const seen = await first.client
        .call(getOrder, { order: { name: { case: "clientOrderId", value: "killed" } } })
        .catch(() => undefined);
      if (seen?.order?.stage === OrderStage.SENT) break;
    }
    await first.bridge.stop("SIGKILL");
    await placed;

    const { client } = await start({ TERMINAL_LINK_PORT: String(first.bridge.linkPort) });
    expect((await client.call(getAccount, {})).account).toMatchObject({ account: "1000001" });
    await healthy(client, serving);
    for (;;) {
      const { order } = await client.call(getOrder, { order: { name: { case: "clientOrderId", value: "killed" } } });
      if (order?.stage === OrderStage.IN_DOUBT) continue;
      expect(order).toMatchObject({ stage: OrderStage.FILLED, filledVolume: 0.1 });
      break;
    }
    expect((await client.call(listPositions, {})).positions.length).toBe(1);
    expect(terminal.log.length).toBeGreaterThan(0);
  });
});

describe("numbers that nobody has written down", () => {
  const odd = {
    ...{
      "account.margin_mode": 9,
      "symbol.trade_calc_mode": 77,
      "symbol.trade_execution": 8,
      "symbol.order_mode": 383,
    },
    ...{ "order.state": 13, "order.reason": 41, "order.type_time": 6, "deal.reason": 42, "deal.entry": 5 },
    ...{ "position.reason": 43 },
  };
  const told = Object.entries(odd).map(([name, number]) => `${name}=${number}`);

  it("reach the caller as numbers, over gRPC and in JSON, from streams and lists, after a restart too", async () => {
    const first = await start();
    const terminal = dial(first.bridge.linkPort, { tell: told.join(","), state: files.file("terminal") });
    await healthy(first.client, serving);
    const limit = { type: OrderType.LIMIT, price: 1, waitFor: WaitFor.ANSWERED };
    const { order } = await first.client.call(placeOrder, market("rests", limit));
    expect(order?.stage).toBe(OrderStage.WORKING);
    await first.client.call(placeOrder, market("deals"));
    for await (const { event } of first.client.stream(streamOrders, {})) {
      if (event.case !== "order" && event.case !== "snapshot") continue;
      const { value: rests } = event;
      if (rests.clientOrderId !== "rests" || rests.mt5Numbers["state"] === undefined) continue;
      expect(rests).toMatchObject({
        ...{ stage: OrderStage.WORKING, timeInForce: 0 },
        mt5Numbers: { state: 13, reason: 41, time_in_force: 6 },
      });
      break;
    }
    await terminal.stop("SIGKILL");
    await first.bridge.stop();

    const { bridge, client } = await start();
    expect((await client.call(getAccount, {})).account).toMatchObject({
      marginMode: 0,
      mt5Numbers: { margin_mode: 9 },
    });
    const { deals } = await client.call(listDeals, {});
    expect(deals[0]).toMatchObject({ type: "buy", entry: "", reason: "", mt5Numbers: { entry: 5, reason: 42 } });
    const json = async (method: string, body = {}) => {
      const url = `http://127.0.0.1:${bridge.httpPort}/mt5bridge.v1.${method}`;
      const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
      return (await (await fetch(url, request)).json()) as Record<string, unknown>;
    };
    expect(await json("AccountService/ListPositions")).toMatchObject({ positions: [{ mt5Numbers: { reason: 43 } }] });
    const { symbol } = await json("TicksService/GetSymbol", { symbol: "EURUSD" });
    expect(symbol).toMatchObject({ mt5Numbers: { calc_mode: 77, execution: 8, order_modes: 256 } });
    expect(symbol).not.toHaveProperty("calcMode");
    expect(await json("OrdersService/GetOrder", { order: { clientOrderId: "rests" } })).toMatchObject({
      order: { stage: "ORDER_STAGE_WORKING", mt5Numbers: { state: 13, reason: 41, time_in_force: 6 } },
    });
  });
});

describe("the broker's clock", () => {
  it("is told beside UTC with every order, deal and position, as it was when it happened", async () => {
    const first = await start();
    const ahead = 345 * 60_000; // Nepal: nobody takes it for New York + 7
    const terminal = dial(first.bridge.linkPort, { "broker-clock": 345, state: files.file("terminal") });
    await healthy(first.client, serving);
    await first.client.call(placeOrder, market("deals"));
    await first.client.call(
      placeOrder,
      market("rests", { type: OrderType.LIMIT, price: 1, waitFor: WaitFor.ANSWERED }),
    );
    await terminal.stop("SIGKILL");
    await first.bridge.stop();

    const { bridge } = await start();
    const json = async (method: string, body = {}) => {
      const url = `http://127.0.0.1:${bridge.httpPort}/mt5bridge.v1.${method}`;
      const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
      return (await (await fetch(url, request)).json()) as Record<string, Record<string, string>[]>;
    };
    const leads = (record: Record<string, string> | undefined, utc: string, brokers: string) =>
      Number(record?.[brokers]) - Date.parse(String(record?.[utc]));
    const { orders } = await json("OrdersService/ListOrders");
    const { deals } = await json("OrdersService/ListDeals");
    const { positions } = await json("AccountService/ListPositions");
    const [rests, filled] = orders ?? [];
    expect([
      leads(rests, "setupTime", "setupBrokerTimeMs"),
      leads(filled, "setupTime", "setupBrokerTimeMs"),
      leads(filled, "doneTime", "doneBrokerTimeMs"),
      leads(deals?.[0], "time", "brokerTimeMs"),
      leads(positions?.[0], "openTime", "openBrokerTimeMs"),
      leads(positions?.[0], "updateTime", "updateBrokerTimeMs"),
    ]).toEqual(Array(6).fill(ahead));
    expect(rests).not.toHaveProperty("doneTime");
  });
});

describe("terminals that dial in", () => {
  it("may be several, an account each, and are told when theirs is taken", async () => {
    const { bridge, client } = await start({ LIVE_ACCOUNTS: "one=1@Broker-Demo,two=2@Broker-Demo" });
    dial(bridge.linkPort, { login: 1 });
    const half = await healthy(client, ({ terminals }) => terminals.some(({ linkUp }) => linkUp));
    expect(half.message).toContain("for two (account 2 at Broker-Demo)");
    dial(bridge.grpcPort, { login: 2, carrier: "grpc" });
    await healthy(client, serving);
    const { accounts } = await client.call(listAccounts, {});
    expect(accounts.map(({ account }) => account)).toEqual(["one", "two"]);
    for (const account of ["one", "two"]) {
      const { order } = await client.call(placeOrder, market("both", { account }));
      expect(order).toMatchObject({ account, stage: OrderStage.FILLED });
    }
    const second = dial(bridge.linkPort, { login: 1 });
    expect((await second.said(/TAKEN/)).message).toContain("Another terminal serves the account one");
    await second.stop();
    await healthy(client, serving);
    const metrics = await (await fetch(`http://127.0.0.1:${bridge.metricsPort}/metrics`)).text();
    expect(metrics).toMatch(/mt5bridge_link_refused_total\{reason="TAKEN"\} [1-9]/);
    expect(metrics).toContain('mt5bridge_link_up{account="one"} 1');
    expect(metrics).toContain("mt5_connection_status 1");
  });

  it("dial anew when an operator asks for it", async () => {
    const { bridge, client } = await start();
    const terminal = dial(bridge.linkPort);
    await healthy(client, serving);
    expect(await client.call(AdminService.method.connectTerminal, {})).toMatchObject({ account: "1000001" });
    expect((await terminal.said(/STOPPING/)).message).toContain("An operator asks for a new link");
    expect((await client.call(getAccount, {})).account?.linkUp).toBe(true);
  });

  it("are not let in with another account, or with real money that was not asked for", async () => {
    const { bridge } = await start({ LIVE_ACCOUNTS: "main=5@Broker-Demo" });
    expect((await dial(bridge.linkPort).said(/ACCOUNT/)).message).toContain(
      "name it in LIVE_ACCOUNTS as alias=1000001@",
    );
    const real = dial(bridge.linkPort, { login: 5, "trade-mode": 2 });
    expect((await real.said(/ACCOUNT/)).message).toContain("set ENABLE_LIVE_TRADING=true");
  });

  it("that have another account are seen everywhere, and reads say how old they are", async () => {
    const { bridge, client } = await start({ LIVE_ACCOUNTS: "main=1000001@Broker-Demo" });
    const order = { name: { case: "clientOrderId", value: "mine" } } as const;
    const told = "This bridge does not serve 2@Broker-Demo";
    const stray = dial(bridge.linkPort, { login: 2 });
    await stray.said(/ACCOUNT/);
    expect((await client.call(getHealth, {})).health?.message).toContain(told);
    await stray.stop();
    const terminal = dial(bridge.linkPort);
    await healthy(client, serving);
    await client.call(placeOrder, market("mine"));
    expect((await client.call(getOrder, { order })).asOf).toBeUndefined();
    await terminal.stop();
    dial(bridge.linkPort, { login: 2 });
    const { terminals: seen } = await healthy(client, ({ message }) => message.includes(told));
    expect(seen).toMatchObject([{ account: "main", linkUp: false, message: expect.stringContaining(told) }]);
    const failed = await client.call(placeOrder, market("none")).then(() => undefined, failureOf);
    expect(failed).toMatchObject({ reason: "TERMINAL_OFFLINE", message: expect.stringContaining(told) });
    const metrics = await (await fetch(`http://127.0.0.1:${bridge.metricsPort}/metrics`)).text();
    expect(metrics).toMatch(/mt5bridge_link_refused_total\{reason="ACCOUNT"[^}]*\} [1-9]/);
    expect(metrics).toMatch(/mt5bridge_link_up\{account="main"[^}]*\} 0/);
    expect(bridge.log.map(({ message }) => message)).toContain("a terminal was refused");

    const { account } = await client.call(getAccount, {});
    const down = (await client.call(getOrder, { order })).asOf;
    expect(account?.linkUp).toBe(false);
    expect(Number(down?.seconds)).toBeGreaterThanOrEqual(Number(account?.asOf?.seconds));
    expect((await client.call(listOrders, {})).asOf).toEqual(down);
    expect((await client.call(listDeals, {})).asOf).toEqual(down);
    await bridge.stop();
    const again = await start({ LIVE_ACCOUNTS: "main=1000001@Broker-Demo" });
    const kept = await again.client.call(listOrders, {});
    expect(kept.orders).toMatchObject([{ clientOrderId: "mine", stage: OrderStage.FILLED }]);
    expect(kept.asOf).toEqual((await again.client.call(getAccount, {})).account?.asOf);
  });

  it("are not let in under a name that has belonged to another account", async () => {
    const first = await start({ LIVE_ACCOUNTS: "main=1@Broker-Demo" });
    dial(first.bridge.linkPort, { login: 1 });
    await healthy(first.client, serving);
    await first.bridge.stop();
    const { bridge, client } = await start({ LIVE_ACCOUNTS: "main=2@Broker-Demo" });
    const { message } = await dial(bridge.linkPort, { login: 2 }).said(/ACCOUNT/);
    expect(message).toContain("main is the name of account 1 at Broker-Demo");
    expect((await client.call(listAccounts, {})).accounts).toEqual([]);
  });

  it("serve real money where that was asked for", async () => {
    const { bridge, client } = await start({ LIVE_ACCOUNTS: "main=5@Broker-Live", ENABLE_LIVE_TRADING: "true" });
    dial(bridge.linkPort, { login: 5, server: "Broker-Live", "trade-mode": 2 });
    await healthy(client, serving);
    expect((await client.call(getAccount, {})).account).toMatchObject({ account: "main", live: true, tradeMode: 3 });
  });

  it("need a key with the scope terminal where there are keys, and may come over TLS", async () => {
    const keys = files.file("keys.json");
    const [all, trader] = keysWith(keys, everything, { read: {}, trade: {} }).map(({ key }) => key);
    const { certFile, keyFile } = selfSigned(files, "bridge");
    const { bridge } = await start({ API_KEYS_FILE: keys, TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile });
    const over = (token: string) => dial(bridge.linkPort, { ca: certFile, token });
    expect((await over("").said(/UNAUTHENTICATED/)).message).toContain("has sent no token");
    expect((await over(String(trader)).said(/UNAUTHENTICATED/)).message).toContain("has not the scope terminal");
    over(String(all));
    const up = ({ message }: { message: string }) => message === "link up";
    while (!bridge.log.some(up)) await new Promise((resolve) => setImmediate(resolve));
    expect(bridge.log.filter(({ message }) => message === "a terminal was refused").length).toBe(2);
  });
});
