import { once } from "node:events";
import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  AccountService,
  ListPositionsResponseSchema,
  StreamAccountResponseSchema,
} from "../../../gen/ts/mt5bridge/v1/account_pb.ts";
import {
  type ClosePositionRequest,
  ClosePositionResponseSchema,
  type GetOrderRequest,
  GetOrderResponseSchema,
  ListOrdersResponseSchema,
  type Order,
  OrderSchema,
  OrderStage,
  OrdersService,
  type PlaceOrderRequest,
  PlaceOrderResponseSchema,
} from "../../../gen/ts/mt5bridge/v1/orders_pb.ts";
import {
  Delivery,
  ListSymbolsResponseSchema,
  type StreamTicksRequest,
  StreamTicksResponseSchema,
  TicksService,
} from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import type { Call } from "../../../src/contract/service.ts";
import { BridgeError } from "../../../src/core/errors.ts";
import { someOf } from "../served.ts";
import { ScriptedClock, type Speaking, speaking, WebsocketClient } from "./speaking.ts";

const aborted = (signal: AbortSignal) =>
  signal.aborted ? Promise.resolve() : once(signal, "abort").then(() => undefined);

/** A broker that keeps every key for ever, and gives tickets that only grow. */
class Broker {
  readonly orders: Order[] = [];
  readonly positions: { positionTicket: bigint; symbol: string; volume: number }[] = [];
  /** How many more closing orders it takes before it breaks down. */
  closesLeft = Number.POSITIVE_INFINITY;
  #tickets = 100n;

  place(request: PlaceOrderRequest): { order: Order; replayed: boolean } {
    const before = this.#before(request.clientOrderId, request.symbol);
    if (before !== undefined) return { order: before, replayed: true };
    const ticket = ++this.#tickets;
    if (request.symbol === "CLOSED") {
      const rejection = { reason: "MARKET_CLOSED", retcode: 10018, message: "The market is closed." };
      return {
        order: this.#keep({ ...request, orderTicket: ticket, stage: OrderStage.REJECTED, rejection }),
        replayed: false,
      };
    }
    this.positions.push({ positionTicket: ticket, symbol: request.symbol, volume: request.volume });
    const order = { ...request, orderTicket: ticket, positionTicket: ticket, stage: OrderStage.FILLED };
    return { order: this.#keep(order), replayed: false };
  }

  close({ clientOrderId, positionTicket }: ClosePositionRequest): { order: Order; replayed: boolean } {
    const before = this.orders.find((order) => order.clientOrderId === clientOrderId);
    if (before !== undefined && before.positionTicket === positionTicket && before.comment === "closes") {
      return { order: before, replayed: true };
    }
    if (before !== undefined) throw new BridgeError("client_order_id_reused", "The key was used.");
    if (this.closesLeft-- <= 0) throw new BridgeError("terminal_offline", "The terminal is away.");
    const at = this.positions.findIndex((position) => position.positionTicket === positionTicket);
    const [position] = at < 0 ? [] : this.positions.splice(at, 1);
    if (position === undefined) throw new BridgeError("unknown_position", "There is no such position.");
    const { symbol, volume } = position;
    const facts = { clientOrderId, positionTicket, symbol, volume, orderTicket: ++this.#tickets, comment: "closes" };
    return { order: this.#keep({ ...facts, stage: OrderStage.FILLED }), replayed: false };
  }

  #before(key: string, symbol: string): Order | undefined {
    const before = this.orders.find((order) => order.clientOrderId === key);
    if (before !== undefined && (before.symbol !== symbol || before.comment === "closes")) {
      throw new BridgeError("client_order_id_reused", "The key was used.");
    }
    return before;
  }

  #keep(facts: object): Order {
    const { $typeName: _, ...rest } = facts as { $typeName?: string };
    const order = create(OrderSchema, rest);
    this.orders.push(order);
    return order;
  }
}

let broker: Broker;
let subscriptions: StreamTicksRequest[];
let server: Speaking;
const clients: WebsocketClient[] = [];

const services = () => [
  someOf(AccountService, {
    async *streamAccount(_: unknown, call: Call) {
      const account = { balance: 10_000, equity: 10_001, margin: 5, freeMargin: 9_996, currency: "USD", leverage: 100 };
      yield create(StreamAccountResponseSchema, { event: { case: "opened", value: {} } });
      yield create(StreamAccountResponseSchema, { event: { case: "snapshot", value: { account } } });
      yield create(StreamAccountResponseSchema, {
        event: { case: "valuation", value: { balance: 10_000, equity: 10_050 } },
      });
      await aborted(call.signal);
    },
    listPositions: async ({ symbol }: { symbol: string }) =>
      create(ListPositionsResponseSchema, {
        positions: broker.positions.filter((position) => position.symbol === symbol),
      }),
  }),
  someOf(TicksService, {
    listSymbols: async () => create(ListSymbolsResponseSchema, { symbols: [{ name: "EURUSD" }, { name: "XAUUSD" }] }),
    async *streamTicks(request: StreamTicksRequest, call: Call) {
      subscriptions.push(request);
      const rows = request.symbols.map((symbol) => ({ symbol, accepted: symbol !== "NONE", reason: "", message: "" }));
      yield create(StreamTicksResponseSchema, { event: { case: "opened", value: { symbols: rows } } });
      const ticks = request.symbols.map((symbol) => ({
        symbol,
        bid: 1.1,
        ask: 1.10012,
        volume: 3,
        timeMs: 1_700_000_000_123n,
      }));
      yield create(StreamTicksResponseSchema, { event: { case: "batch", value: { ticks } } });
      await aborted(call.signal);
    },
  }),
  someOf(OrdersService, {
    placeOrder: async (request: PlaceOrderRequest) => create(PlaceOrderResponseSchema, broker.place(request)),
    closePosition: async (request: ClosePositionRequest) => create(ClosePositionResponseSchema, broker.close(request)),
    async getOrder({ order }: GetOrderRequest) {
      const found = broker.orders.find(({ clientOrderId }) => clientOrderId === order?.name.value);
      if (found === undefined) throw new BridgeError("unknown_order", "There is no such order.");
      return create(GetOrderResponseSchema, { order: found });
    },
    listOrders: async ({ symbol, pageToken }: { symbol: string; pageToken: string }) => {
      const orders = broker.orders.filter((order) => order.symbol === symbol);
      const at = Number(pageToken);
      return create(ListOrdersResponseSchema, {
        orders: orders.slice(at, at + 2),
        nextPageToken: at + 2 < orders.length ? String(at + 2) : "",
      });
    },
  }),
];

async function connect(): Promise<WebsocketClient> {
  const one = new WebsocketClient(server.port, "simple");
  clients.push(one);
  return one.opened();
}

const send = (one: WebsocketClient, type: string, data?: object) => one.socket.send(JSON.stringify({ type, data }));

async function signal(one: WebsocketClient, fields: object): Promise<Record<string, unknown>> {
  send(one, "trading_signal", fields);
  return (await one.next(({ type }) => type === "signal_result" || type === "error")).data as Record<string, unknown>;
}

beforeEach(async () => {
  broker = new Broker();
  subscriptions = [];
  server = await speaking(services());
});

afterEach(async () => {
  for (const one of clients.splice(0)) one.socket.terminate();
  await server.stop();
});

describe("the simple profile", () => {
  it("pushes the account, ticks of all symbols and heartbeats without being asked", async () => {
    const clock = new ScriptedClock();
    await server.stop();
    server = await speaking(services(), { clock });
    const one = await connect();
    const account = await one.type("account_info");
    expect(account.data).toEqual({
      balance: 10_000,
      equity: 10_001,
      margin: 5,
      free_margin: 9_996,
      currency: "USD",
      leverage: 100,
    });
    expect((await one.type("account_info")).data).toMatchObject({ equity: 10_050, currency: "USD", leverage: 100 });
    const two = await connect();
    const time = "2023-11-14T22:13:20.123Z";
    expect((await two.type("tick_data")).data).toEqual({
      symbol: "EURUSD",
      bid: 1.1,
      ask: 1.10012,
      spread: 0.00012,
      time,
      volume: 3,
    });
    expect(subscriptions[0]).toMatchObject({ symbols: ["EURUSD", "XAUUSD"], delivery: Delivery.LATEST });
    clock.advance(5_000);
    expect((await one.type("heartbeat")).data).toMatchObject({ server: "mt5-bridge" });
    send(two, "heartbeat");
    await two.type("heartbeat");
  });

  it("sends the ticks of the symbols that were subscribed, from then on", async () => {
    const one = await connect();
    await one.type("tick_data");
    send(one, "subscribe", { symbols: ["XAUUSD", "NONE"] });
    expect(
      (await one.next(({ type, data }) => type === "subscribed" && JSON.stringify(data).includes("NONE"))).data,
    ).toMatchObject({
      symbols: ["XAUUSD"],
      refused: [{ symbol: "NONE" }],
    });
    expect((await one.type("tick_data")).data).toMatchObject({ symbol: "XAUUSD" });
    one.socket.send('{"type":"subscribe","symbols":["EURUSD"]}');
    expect(
      (await one.next(({ type, data }) => type === "subscribed" && !JSON.stringify(data).includes("NONE"))).data,
    ).toMatchObject({
      symbols: ["EURUSD"],
    });
    expect(server.endpoint.status().subscriptions).toBeLessThanOrEqual(3);
  });

  it("trades on a signal once, whatever becomes of the answer", async () => {
    const one = await connect();
    const buy = {
      signal_id: "s-1",
      symbol: "EURUSD",
      action: "BUY",
      volume: 0.1,
      stop_loss: 1.05,
      comment: "c",
      urgency: "HIGH",
    };
    const first = await signal(one, buy);
    expect(first).toMatchObject({ signal_id: "s-1", action: "BUY", stage: "FILLED", retcode: 10009, replayed: false });
    expect(broker.orders).toMatchObject([
      { clientOrderId: "s-1", side: 1, type: 1, volume: 0.1, stopLoss: 1.05, comment: "c" },
    ]);
    const again = await signal(await connect(), buy);
    expect(again).toMatchObject({ stage: "FILLED", replayed: true });
    expect(broker.positions).toHaveLength(1);
    expect(await signal(one, { ...buy, symbol: "XAUUSD" })).toMatchObject({ code: "already_exists", signal_id: "s-1" });
    const rejected = await signal(one, {
      ...buy,
      signal_id: "s-2",
      action: "SELL",
      symbol: "CLOSED",
      take_profit: null,
    });
    expect(rejected).toMatchObject({ stage: "REJECTED", retcode: 10018, orders: [{ reason: "MARKET_CLOSED" }] });
  });

  it("closes all positions of a symbol once, and never what was opened since", async () => {
    const one = await connect();
    const open = (id: string, symbol = "EURUSD") => signal(one, { signal_id: id, symbol, action: "BUY", volume: 0.1 });
    for (const id of ["a", "b", "c"]) await open(id);
    await open("gold", "XAUUSD");
    const close = { signal_id: "close-1", symbol: "EURUSD", action: "CLOSE" };
    const first = await signal(one, close);
    expect(first).toMatchObject({ stage: "FILLED", retcode: 10009, replayed: false });
    expect(first["orders"]).toHaveLength(3);
    expect(broker.positions).toMatchObject([{ symbol: "XAUUSD" }]);
    await open("d");
    const again = await signal(await connect(), close);
    expect(again).toMatchObject({ replayed: true });
    const keys = (result: Record<string, unknown>) =>
      (result["orders"] as { client_order_id: string }[]).map(({ client_order_id }) => client_order_id).sort();
    expect(keys(again)).toEqual(keys(first));
    expect(keys(first).every((key) => /^[A-Za-z0-9_.:-]{1,64}$/.test(key))).toBe(true);
    expect(broker.positions.map(({ symbol }) => symbol)).toEqual(["XAUUSD", "EURUSD"]);
  });

  it("finishes a close that was broken off, when it comes again", async () => {
    const one = await connect();
    for (const id of ["a", "b", "c"])
      await signal(one, { signal_id: id, symbol: "EURUSD", action: "BUY", volume: 0.1 });
    broker.closesLeft = 1;
    const close = { signal_id: "x".repeat(64), symbol: "EURUSD", action: "CLOSE" };
    const broken = await signal(one, close);
    expect(broken["orders"]).toMatchObject([{ stage: "FILLED" }, { error: { code: "unavailable" } }, { error: {} }]);
    expect(broken).toMatchObject({ stage: null, replayed: false });
    broker.closesLeft = 2;
    await signal(one, { signal_id: "d", symbol: "EURUSD", action: "BUY", volume: 0.1 });
    expect(await signal(one, close)).toMatchObject({ stage: "FILLED", replayed: false });
    expect(broker.positions).toHaveLength(1);
  });

  it("refuses to close nothing, less than everything, or under a key that was an order's", async () => {
    const one = await connect();
    const close = { signal_id: "z", symbol: "EURUSD", action: "CLOSE" };
    expect(await signal(one, close)).toMatchObject({ code: "not_found", signal_id: "z" });
    await signal(one, { signal_id: "a", symbol: "EURUSD", action: "BUY", volume: 0.3 });
    expect(await signal(one, { ...close, volume: 0.1 })).toMatchObject({ code: "invalid_argument" });
    expect(await signal(one, { ...close, signal_id: "a" })).toMatchObject({ code: "already_exists" });
    expect(broker.positions).toHaveLength(1);
    expect(await signal(one, { ...close, volume: 0.3 })).toMatchObject({ stage: "FILLED" });
  });

  it("speaks of the signal's own fields when one is wrong", async () => {
    const one = await connect();
    const good = { signal_id: "s", symbol: "EURUSD", action: "BUY", volume: 0.1 };
    const cases: [object, string][] = [
      [{ signal_id: "no spaces" }, "signal_id"],
      [{ signal_id: undefined }, "signal_id"],
      [{ signal_id: "" }, "signal_id"],
      [{ symbol: "" }, "symbol"],
      [{ action: "HOLD" }, "action"],
      [{ action: "CLOSE", signal_id: "" }, "signal_id"],
      [{ volume: 0 }, "volume"],
      [{ volume: "0.1" }, "volume"],
      [{ volume: undefined }, "volume"],
      [{ stop_loss: -1 }, "stop_loss"],
      [{ stop_los: 1 }, "stop_los"],
      [{ comment: "x".repeat(32) }, "comment"],
    ];
    for (const [change, field] of cases) {
      const { code, details } = (await signal(one, { ...good, ...change })) as {
        code: string;
        details: { debug: { fieldViolations?: { field: string }[] } }[];
      };
      const fields = details.flatMap(({ debug }) => debug.fieldViolations ?? []).map((one) => one.field);
      expect([code, fields]).toEqual(["invalid_argument", [field]]);
    }
    expect(broker.orders).toEqual([]);
  });

  it("goes on after wrong content, and closes with 4400 after what is no frame", async () => {
    const one = await connect();
    for (const frame of ['{"type":"dance"}', '{"type":"subscribe"}', '{"type":"subscribe","data":{"symbols":[]}}']) {
      one.socket.send(frame);
      expect((await one.type("error")).data).toMatchObject({ code: "invalid_argument" });
    }
    const frames = ["", "hello", "[]", "{}", '{"type":1}', '{"type":"subscribe","data":[]}', '{"type":"a","type":"b"}'];
    for (const frame of [...frames, '{"type":"subscribe","data":{},"symbols":[]}', Buffer.from("{}")]) {
      const bad = await connect();
      bad.socket.send(frame);
      expect((await bad.type("error")).data).toMatchObject({ code: "invalid_argument" });
      expect((await bad.closed).code).toBe(4400);
    }
    send(one, "heartbeat");
    await one.type("heartbeat");
  });
});
