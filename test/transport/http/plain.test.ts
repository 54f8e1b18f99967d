import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:http2";
import { create } from "@bufbuild/protobuf";
import { afterEach, describe, expect, it } from "vitest";
import { AccountService, GetAccountResponseSchema } from "../../../gen/ts/mt5bridge/v1/account_pb.ts";
import { AdminService, ConnectTerminalResponseSchema } from "../../../gen/ts/mt5bridge/v1/admin_pb.ts";
import { GetHealthResponseSchema, HealthService, ServingStatus } from "../../../gen/ts/mt5bridge/v1/health_pb.ts";
import {
  OrderStage,
  OrdersService,
  type PlaceOrderRequest,
  PlaceOrderResponseSchema,
} from "../../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { ListTicksResponseSchema, TicksService } from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { lasting } from "../../../src/contract/lasting.ts";
import { BridgeError } from "../../../src/core/errors.ts";
import { someOf } from "../served.ts";
import { type HttpSetup, type ServedHttp, servedHttp } from "./served-http.ts";

let server: ServedHttp | undefined;
let asked: unknown[] = [];
let stage: OrderStage = OrderStage.FILLED;
let serving = true;

afterEach(async () => {
  await server?.stop(0);
  asked = [];
  stage = OrderStage.FILLED;
  serving = true;
});

async function serve(setup: HttpSetup = {}): Promise<ServedHttp> {
  server = await servedHttp(
    [
      someOf(HealthService, {
        getHealth: async () =>
          create(GetHealthResponseSchema, {
            health: {
              status: serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING,
              version: "1",
              streams: 3,
              startTime: { seconds: 0n },
              serverTime: { seconds: 2n },
              terminals: [{ account: "main", linkUp: serving, server: "Broker-Demo", lastTickTime: { seconds: 1n } }],
            },
          }),
      }),
      someOf(AccountService, {
        async getAccount({ account }: { account: string }) {
          if (account === "no") throw new BridgeError("unknown_account", "There is no account of this alias.");
          const [login, server, currency] = [77n, "Broker-Demo", "EUR"];
          const money = { balance: 10, equity: 11, margin: 1, freeMargin: 10 };
          return create(GetAccountResponseSchema, { account: { login, server, currency, ...money } });
        },
      }),
      someOf(TicksService, {
        async listTicks(request: unknown) {
          asked.push(request);
          const tick = { symbol: "EURUSD", bid: 1.1, ask: 1.10012, timeMs: 1_000n };
          return create(ListTicksResponseSchema, { ticks: [tick] });
        },
      }),
      someOf(OrdersService, {
        async placeOrder(request: PlaceOrderRequest) {
          asked.push(request);
          if (request.comment === "full") {
            throw new BridgeError("quota_exceeded", "Too many orders.", { retryAfterMs: 1_500 });
          }
          const { clientOrderId, symbol, volume } = request;
          const rejection = { reason: "NO_MONEY", retcode: 10_019, message: "Not enough money." };
          const order = { clientOrderId, symbol, volume, stage, orderTicket: 5n, orderId: "main-1", averagePrice: 1.1 };
          const rejected = stage === OrderStage.REJECTED ? { rejection } : {};
          return create(PlaceOrderResponseSchema, { order: { ...order, ...rejected } });
        },
      }),
      someOf(AdminService, {
        connectTerminal: async () => create(ConnectTerminalResponseSchema, { account: "main" }),
      }),
    ],
    { health: { serving: () => serving, changed: () => () => undefined }, webSockets: () => 4, ...setup },
  );
  return server;
}

type Json = { [name: string]: unknown };

async function ask(path: string, body?: unknown, headers: Record<string, string> = {}) {
  const init =
    body === undefined
      ? {}
      : {
          method: "POST",
          body: typeof body === "string" ? body : JSON.stringify(body),
          headers: { "content-type": "application/json", ...headers },
        };
  const answer = await fetch(`${server?.url}${path}`, init);
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Json };
}

const fieldsOf = ({ body }: { body: Json }) => {
  const details = body["details"] as { type: string; debug: { fieldViolations: { field: string }[] } }[];
  const found = details.find(({ type }) => type === "google.rpc.BadRequest");
  return found?.debug.fieldViolations.map(({ field }) => field);
};

async function statusOverHttp1(body: string, headers: Record<string, string>): Promise<number | undefined> {
  const call = request(`${server?.url}/health`, { headers, agent: false });
  const length = body === "" || "transfer-encoding" in headers ? {} : { "content-length": String(body.length) };
  for (const [name, value] of Object.entries(length)) call.setHeader(name, value);
  call.end(body);
  const [answer] = (await once(call, "response")) as [IncomingMessage];
  answer.resume();
  return answer.statusCode;
}

async function statusOverHttp2(body: string): Promise<unknown> {
  const session = connect(server?.url ?? "");
  const call = session.request({ ":path": "/health" }, { endStream: body === "" });
  if (body !== "") call.end(body);
  const [headers] = (await once(call, "response")) as [Record<string, unknown>];
  session.destroy();
  return headers[":status"];
}

const order = { symbol: "EURUSD", order_type: "BUY", volume: 0.1 };

describe("plain HTTP", () => {
  it("tells how the bridge is, in every answer which mode it is in, and in the log who asked", async () => {
    await serve();
    const answer = await ask("/health");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("mt5bridge-mode")).toBe("test");
    expect(answer.body).toEqual({
      status: "healthy",
      service: "mt5-bridge",
      timestamp: "1970-01-01T00:00:02.000Z",
      mt5_status: { status: "connected", server: "Broker-Demo", last_update: "1970-01-01T00:00:01.000Z" },
    });
    await server?.line(({ context }) => context["method"] === "mt5bridge.v1.HealthService/GetHealth");
  });

  it("tells of what lasts until there is another, and beside it what changes by itself", async () => {
    const accountOf = (balance: number) => lasting(create(GetAccountResponseSchema, { account: { balance } }));
    const health = lasting(create(GetHealthResponseSchema, { health: { status: ServingStatus.SERVING } }));
    let [account, webSockets] = [accountOf(10), 1];
    server = await servedHttp(
      [someOf(AccountService, { getAccount: () => account }), someOf(HealthService, { getHealth: () => health })],
      { webSockets: () => webSockets },
    );
    const balance = async () => ((await ask("/account")).body["account"] as Json)["balance"];
    const open = async () => (await ask("/status")).body["websocket_connections"];
    expect([await balance(), await balance(), await open(), await open()]).toEqual([10, 10, 1, 1]);
    account = accountOf(11);
    webSockets = 2;
    expect([await balance(), await balance(), await open(), await open()]).toEqual([11, 11, 2, 2]);
  });

  it.each([
    ["none", "", 200],
    ["one that it has no use for", "x", 200],
    ["one beyond the limit", "x".repeat(1024 * 1024 + 1), 429],
  ])("answers what only gets something, whatever body it brings in whichever version: %s", async (_, body, status) => {
    await serve();
    expect(await statusOverHttp1(body, {})).toBe(status);
    expect(await statusOverHttp1(body, { "transfer-encoding": "chunked" })).toBe(status);
    expect(await statusOverHttp2(body)).toBe(status);
  });

  it.each([
    ["/health", { status: "unhealthy" }],
    ["/ready", { ready: false }],
    ["/websocket/ws/health", { status: "unhealthy" }],
  ])("says by its status when the bridge does not serve: %s", async (path, body) => {
    await serve();
    serving = false;
    expect(await ask(path)).toMatchObject({ status: 503, body });
  });

  it("lives and is ready for probes, also while it leaves", async () => {
    await serve();
    expect(await ask("/ready")).toMatchObject({ status: 200, body: { ready: true } });
    expect(await ask("/livez")).toMatchObject({ status: 200, body: { alive: true } });
    server?.drain.begin();
    expect(await ask("/ready")).toMatchObject({ status: 503, body: { ready: false } });
    expect(await ask("/livez")).toMatchObject({ status: 200 });
  });

  it("tells of streams and WebSockets", async () => {
    await serve();
    expect((await ask("/status")).body).toMatchObject({ success: true, streams: 3, websocket_connections: 4 });
    expect((await ask("/performance/metrics")).body).toMatchObject({
      success: true,
      uptime_seconds: expect.any(Number),
    });
    expect((await ask("/websocket/ws/status")).body).toEqual({ status: "running", active_connections: 4 });
  });

  it("tells of the account, and which accounts there are not", async () => {
    await serve();
    const account = { login: 77, balance: 10, equity: 11, margin: 1, free_margin: 10, server: "Broker-Demo" };
    expect((await ask("/account")).body).toMatchObject({ success: true, account: { ...account, currency: "EUR" } });
    expect(await ask("/account?account=no")).toMatchObject({
      status: 404,
      body: { code: "not_found", details: [{ debug: { reason: "UNKNOWN_ACCOUNT" } }] },
    });
    const wrong = await ask("/account?acount=main");
    expect([wrong.status, fieldsOf(wrong)]).toEqual([400, ["acount"]]);
    expect(fieldsOf(await ask("/account?account=a&account=b"))).toEqual(["account"]);
  });

  it("lists ticks", async () => {
    await serve();
    const { body } = await ask("/ticks", { symbol: "EURUSD", count: 7 });
    expect(asked).toMatchObject([{ symbol: "EURUSD", pageSize: 7 }]);
    expect(body).toMatchObject({
      ...{ success: true, symbol: "EURUSD", count: 1 },
      ticks: [{ symbol: "EURUSD", bid: 1.1, ask: 1.10012, spread: 0.00012, time: "1970-01-01T00:00:01.000Z" }],
    });
  });

  it.each([0, -1, 100_001, "x", 1.5])("refuses a count of %j by the name that it has here", async (count) => {
    await serve();
    expect(fieldsOf(await ask("/ticks", { symbol: "EURUSD", count }))).toEqual(["count"]);
  });

  it("connects a terminal, without a body too", async () => {
    await serve();
    expect((await ask("/connect", "")).body).toEqual({ success: true, status: "connected", account: "main" });
    expect((await ask("/connect", { account: "main" })).status).toBe(200);
  });
});

describe("an order by plain HTTP", () => {
  it.each([
    ["BUY", 1, 1],
    ["sell", 2, 1],
    ["BUY_LIMIT", 1, 2],
    ["SELL_STOP", 2, 3],
    ["BUY_STOP_LIMIT", 1, 4],
    [0, 1, 1],
    [5, 2, 3],
  ])("of type %j is given", async (type, side, rpcType) => {
    await serve();
    const answer = await ask("/order", {
      ...order,
      order_type: type,
      price: 1,
      sl: 0.9,
      tp: 1.2,
      client_order_id: "k",
    });
    expect(asked).toMatchObject([
      { side, type: rpcType, price: 1, stopLoss: 0.9, takeProfit: 1.2, clientOrderId: "k" },
    ]);
    expect(answer.body).toMatchObject({ success: true, ticket: 5, status: "filled", client_order_id: "k", price: 1.1 });
    expect(answer.headers.get("idempotency-key")).toBe("k");
  });

  it("gets a key when it brings none, a new one each time, and is told which also when it fails", async () => {
    await serve();
    const one = await ask("/order", order);
    const two = await ask("/order", order);
    expect(one.body["client_order_id"]).toMatch(/^[\w-]{36}$/);
    expect(one.headers.get("idempotency-key")).toBe(one.body["client_order_id"]);
    expect(two.body["client_order_id"]).not.toBe(one.body["client_order_id"]);
    const failed = await ask("/order", { ...order, comment: "full" });
    expect(failed).toMatchObject({ status: 429, body: { code: "resource_exhausted" } });
    expect(failed.headers.get("retry-after")).toBe("2");
    expect(failed.headers.get("idempotency-key")).toMatch(/^[\w-]{36}$/);
  });

  it("may bring its key in the header, the same as in its body", async () => {
    await serve();
    expect((await ask("/order", order, { "idempotency-key": "h" })).body["client_order_id"]).toBe("h");
    const both = { ...order, client_order_id: "b" };
    expect((await ask("/order", both, { "idempotency-key": "b" })).status).toBe(200);
    expect(fieldsOf(await ask("/order", both, { "idempotency-key": "h" }))).toEqual(["client_order_id"]);
    expect(fieldsOf(await ask("/order", order, { "idempotency-key": "no key" }))).toEqual(["client_order_id"]);
  });

  it("that the broker rejects is no success, and says why", async () => {
    await serve();
    stage = OrderStage.REJECTED;
    expect(await ask("/order", order)).toMatchObject({
      status: 200,
      body: { success: false, status: "rejected", error: { reason: "NO_MONEY", retcode: 10_019 } },
    });
    stage = OrderStage.IN_DOUBT;
    expect((await ask("/order", order)).body).toMatchObject({ success: false, status: "in_doubt" });
  });

  it.each([
    [{ order_type: "HOLD" }, ["order_type"]],
    [{ order_type: undefined }, ["order_type"]],
    [{ order_type: 8 }, ["order_type"]],
    [{ volume: -1 }, ["volume"]],
    [{ volume: "x" }, ["volume"]],
    [{ volume: undefined }, ["volume"]],
    [{ sl: -1, tp: -1 }, ["sl", "tp"]],
    [{ stop_loss: 1 }, ["stop_loss"]],
    [{ constructor: 1 }, ["constructor"]],
    [{ client_order_id: 7 }, ["client_order_id"]],
  ])("with %j is refused by the names that it has here", async (spoiled, fields) => {
    await serve();
    const answer = await ask("/order", { ...order, ...spoiled });
    expect([answer.status, answer.body["code"], fieldsOf(answer)]).toEqual([400, "invalid_argument", fields]);
    expect(asked).toEqual([]);
  });

  it("must be JSON and say so, since a page may send anything else without asking", async () => {
    await serve();
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
      expect((await ask("/order", order, { "content-type": type })).status).toBe(400);
    }
    expect((await ask("/order", "{")).status).toBe(400);
    expect((await ask("/order", "")).status).toBe(400);
    expect((await ask("/order", `"${"x".repeat(1024 * 1024)}"`)).status).toBe(429);
    expect(asked).toEqual([]);
  });

  it("is refused while the bridge leaves", async () => {
    await serve();
    server?.drain.begin();
    const answer = await ask("/order", order);
    expect(answer).toMatchObject({ status: 503, body: { code: "unavailable" } });
    expect(answer.headers.get("connection")).toBe("close");
  });
});
