/** Who has used up his rates can still cancel and close, whichever way he asks; and needs no more than `trade` for it. */
import { create, type Message } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  CancelOrderRequestSchema,
  ClosePositionRequestSchema,
  OrderStage,
  OrdersService,
  type PlaceOrderRequest,
  PlaceOrderRequestSchema,
  type PlaceOrderResponse,
  WaitFor,
} from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { codes } from "../../src/contract/fault-status.ts";
import type { Ask } from "../transport/cases.ts";
import { asking, askingGrpc, transports } from "../transport/connect/asking.ts";
import { type Folder, folder, keysWith } from "../transport/credentials.ts";
import { TestClient } from "../transport/served.ts";
import { type ErrorJson, toldInJson } from "../transport/told.ts";
import { askingOver } from "../transport/websocket/asking.ts";
import { type Heard, toldBy, WebsocketClient } from "../transport/websocket/speaking.ts";
import { type RunningBridge, startBridge } from "./bridge.ts";

const { placeOrder, cancelOrder, closePosition } = OrdersService.method;

let files: Folder;
let bridge: RunningBridge;
let keys: string[];
let client: TestClient;

const connecting = (name: string) => (headers: Record<string, string>) => {
  const of = transports[name];
  if (of === undefined) throw new Error(`no transport ${name}`);
  return asking(of(`http://127.0.0.1:${bridge.httpPort}`), headers);
};
const ways: [string, (headers: Record<string, string>) => Ask][] = [
  ["gRPC", (headers) => askingGrpc(client, headers)],
  ["Connect", connecting("Connect, JSON, HTTP/1.1")],
  ["gRPC-Web", connecting("gRPC-Web, protobuf, HTTP/1.1")],
  ["WebSocket, JSON", (headers) => askingOver(bridge.httpPort, "mt5bridge.v1.json", headers)],
  ["WebSocket, binary", (headers) => askingOver(bridge.httpPort, "mt5bridge.v1.proto", headers)],
];

beforeAll(async () => {
  files = folder();
  // A key for each way, so that each has rates of its own.
  const grants = Array.from({ length: ways.length + 2 }, () => ({ trade: {} }));
  keys = keysWith(files.file("keys.json"), ...grants).map(({ key }) => key);
  bridge = await startBridge({
    API_KEYS_FILE: files.file("keys.json"),
    DATA_DIR: files.file("data"),
    RATE_LIMIT_ORDERS: "2",
    RATE_LIMIT_REQUESTS: "1",
  });
  client = new TestClient(bridge.grpcPort);
});

afterAll(async () => {
  client.close();
  await bridge.stop();
  files.remove();
});

const headersOf = (key: string | undefined) => ({ authorization: `Bearer ${key}` });
const market = { symbol: "EURUSD", side: 1, type: 1, volume: 0.02, waitFor: WaitFor.FINAL } as const;
const resting = { ...market, type: 2, price: 0.5, waitFor: WaitFor.ANSWERED } as const;

describe("with no orders left in this minute", () => {
  it.each(ways.map(([name, as], index) => ({ name, as, index })))(
    "over $name what cancels and closes is let through, and what opens is not",
    async ({ name, as, index }) => {
      const ask = as(headersOf(keys[index]));
      const id = (what: string) => `${name.replace(/\W/g, "")}-${what}`;
      const place = async (what: string, order: Partial<PlaceOrderRequest>) => {
        const request = create(PlaceOrderRequestSchema, { ...(order as PlaceOrderRequest), clientOrderId: id(what) });
        const { messages, told } = await ask(placeOrder, request);
        return { order: (messages[0] as PlaceOrderResponse | undefined)?.order, told };
      };
      const done = async (method: typeof cancelOrder | typeof closePosition, request: Message) =>
        (await ask(method, request)).told;

      const { order } = await place("open", market);
      expect(order?.stage).toBe(OrderStage.FILLED);
      expect((await place("rest", resting)).told).toBeUndefined();
      expect((await place("more", market)).told).toMatchObject({
        code: codes.RESOURCE_EXHAUSTED,
        retrySeconds: expect.any(Number),
        quotas: ["orders"],
      });

      const named = { order: { name: { case: "clientOrderId", value: id("rest") } as const } };
      const cancel = create(CancelOrderRequestSchema, { clientOrderId: id("cancel"), ...named });
      expect(await done(cancelOrder, cancel)).toBeUndefined();
      const ticket = order?.positionTicket ?? 0n;
      const half = await place("half", { ...market, side: 2, volume: 0.01, positionTicket: ticket });
      expect([half.told, half.order?.stage]).toEqual([undefined, OrderStage.FILLED]);
      const close = create(ClosePositionRequestSchema, { clientOrderId: id("close"), positionTicket: ticket });
      expect(await done(closePosition, close)).toBeUndefined();
    },
  );

  it("over plain HTTP too", async () => {
    const order = async (fields: object) => {
      const response = await fetch(`http://127.0.0.1:${bridge.httpPort}/order`, {
        method: "POST",
        headers: { ...headersOf(keys[ways.length]), "content-type": "application/json" },
        body: JSON.stringify({ symbol: "EURUSD", order_type: "BUY", volume: 0.02, ...fields }),
      });
      return { response, answer: (await response.json()) as { status: string; ticket: number } & ErrorJson };
    };
    const { answer } = await order({});
    await order({});
    const refused = await order({});
    expect(refused.response.status).toBe(429);
    expect(toldInJson(refused.answer)).toMatchObject({ code: codes.RESOURCE_EXHAUSTED, quotas: ["orders"] });
    expect(Number(refused.response.headers.get("retry-after"))).toBeGreaterThan(0);
    const closed = await order({ order_type: "SELL", position_ticket: String(answer.ticket) });
    expect(closed.answer.status).toBe("filled");
  });

  it("by a signal of the simple profile too, with no messages left either", async () => {
    const simple = new WebsocketClient(bridge.httpPort, "simple", headersOf(keys[ways.length + 1]));
    await simple.opened();
    const signal = (id: string, action: string) =>
      simple.socket.send(
        JSON.stringify({
          type: "trading_signal",
          data: { signal_id: id, symbol: "EURUSD", action, ...(action === "BUY" ? { volume: 0.01 } : {}) },
        }),
      );
    /** Answers come in any order. */
    const answerTo = async (id: string): Promise<Heard> => {
      for (;;) {
        const found = simple.heard.find(({ data }) => (data as { signal_id?: string } | undefined)?.signal_id === id);
        if (found !== undefined) return found;
        await simple.next();
      }
    };
    const isQuota = (heard: Heard, quota: string) =>
      heard.type === "error" && toldBy(heard).quotas.some((subject) => subject === quota);

    for (const id of ["buy-1", "buy-2", "buy-3"]) signal(id, "BUY");
    expect((await answerTo("buy-1")).type).toBe("signal_result");
    expect((await answerTo("buy-2")).type).toBe("signal_result");
    expect(isQuota(await answerTo("buy-3"), "orders")).toBe(true);

    for (let n = 0; n < 300; n++) simple.socket.send(JSON.stringify({ type: "heartbeat" }));
    signal("close-1", "CLOSE");
    expect(await answerTo("close-1")).toMatchObject({
      type: "signal_result",
      data: { orders: expect.arrayContaining([expect.objectContaining({ stage: "FILLED" })]) },
    });
    expect(simple.heard.some((heard) => isQuota(heard, "messages"))).toBe(true);
    simple.socket.terminate();
  });
});
