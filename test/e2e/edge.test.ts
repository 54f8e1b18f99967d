/** The bridge with threads of its own for its ports: one bridge all the same, whichever thread a connection reaches. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { OrderStage, OrdersService, WaitFor } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { type StreamTicksResponse, type Tick, TicksService } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { type RunningBridge, startBridge } from "./bridge.ts";
import { BridgeClient, failureOf } from "./client.ts";

const { streamTicks, updateTickSubscription } = TicksService.method;
const { placeOrder, getOrder, streamOrders } = OrdersService.method;

let bridge: RunningBridge;
let clients: BridgeClient[] = [];

beforeEach(async () => {
  bridge = await startBridge({ EDGE_WORKERS: "2", PAPER_RATE: "200", RATE_LIMIT_ORDERS: "20" });
});

afterEach(async () => {
  for (const client of clients) client.close();
  clients = [];
  await bridge.stop();
});

const connect = () => {
  const client = new BridgeClient(bridge.grpcPort);
  clients.push(client);
  return client;
};

/** A client on each of the two threads; the system shares connections out by chance. */
async function onBoth(): Promise<[BridgeClient, BridgeClient]> {
  const found = new Map<string, BridgeClient>();
  while (found.size < 2) {
    const client = connect();
    for await (const { event } of client.stream(streamTicks, { symbols: ["EURUSD"] })) {
      if (event.case === "opened") found.set(event.value.streamId.split("-")[2] ?? "", client);
      break;
    }
  }
  expect([...found.keys()].sort()).toEqual(["1", "2"]);
  return [...found.values()] as [BridgeClient, BridgeClient];
}

async function ticksUntil(events: AsyncIterable<StreamTicksResponse>, count: number) {
  const ticks: Tick[] = [];
  let cursor: { epoch: string; sequence: bigint } | undefined;
  for await (const { event } of events) {
    if (event.case === "reset") throw new Error("the stream was reset");
    if (event.case !== "batch") continue;
    ticks.push(...event.value.ticks);
    cursor = event.value.cursor;
    if (ticks.length >= count) break;
  }
  return { ticks, cursor };
}

const symbols = ["EURUSD", "XAUUSD", "BTCUSD"];
const market = (clientOrderId: string): MessageInitShape<typeof placeOrder.input> => ({
  ...{ clientOrderId, symbol: "EURUSD", side: 1, type: 1, volume: 0.01 },
  waitFor: WaitFor.FINAL,
});

describe("two threads", () => {
  it("stream the same ticks, and a stream goes on in the other where it was left", async () => {
    const [one, other] = await onBoth();
    const first = await ticksUntil(one.stream(streamTicks, { symbols }), 50);
    const resumed = { symbols, resumeAfter: first.cursor };
    const [again, elsewhere] = await Promise.all([
      ticksUntil(one.stream(streamTicks, resumed), 50),
      ticksUntil(other.stream(streamTicks, resumed), 50),
    ]);
    const length = Math.min(again.ticks.length, elsewhere.ticks.length);
    expect(elsewhere.ticks.slice(0, length)).toEqual(again.ticks.slice(0, length));
    const all = [...first.ticks, ...elsewhere.ticks];
    for (const symbol of symbols) {
      const numbers = all.filter((tick) => tick.symbol === symbol).map(({ sequence }) => sequence);
      expect(numbers).toEqual(numbers.map((_, i) => (numbers[0] ?? 0n) + BigInt(i)));
    }
  });

  it("let a stream be changed by whoever is connected to the other", async () => {
    const [one, other] = await onBoth();
    let answered: Promise<unknown> | undefined;
    for await (const { event } of one.stream(streamTicks, { symbols: ["EURUSD"] })) {
      if (event.case === "opened") {
        answered = other.call(updateTickSubscription, { streamId: event.value.streamId, add: ["XAUUSD"] });
      }
      if (event.case === "subscription") {
        expect(event.value.symbols).toEqual(["EURUSD", "XAUUSD"]);
        break;
      }
    }
    expect(await answered).toMatchObject({ subscription: { symbols: ["EURUSD", "XAUUSD"] } });
    const unknown = await other
      .call(updateTickSubscription, { streamId: "nobody's", add: [] })
      .catch((e) => failureOf(e));
    expect(unknown).toMatchObject({ code: status.NOT_FOUND });
  });

  it("see the same orders at once, and give one order to one key", async () => {
    const [one, other] = await onBoth();
    const opened = Promise.withResolvers<void>();
    const heard = (async () => {
      for await (const { event } of other.stream(streamOrders, {})) {
        if (event.case === "opened") opened.resolve(); // what is filled before is no news
        if (event.case === "order" && event.value.stage === OrderStage.FILLED) return event.value;
      }
      throw new Error("the stream has ended");
    })();
    await Promise.race([opened.promise, heard]);
    const answers = await Promise.all(
      [one, other, one, other].map((client) => client.call(placeOrder, market("same"))),
    );
    const ids = new Set(answers.map(({ order }) => order?.orderId));
    expect(ids.size).toBe(1);
    const { order } = await other.call(getOrder, { order: { name: { case: "clientOrderId", value: "same" } } });
    expect(order).toMatchObject({ stage: OrderStage.FILLED, orderId: [...ids][0] });
    expect(await heard).toMatchObject({ orderId: order?.orderId });
  });

  it("count calls together", async () => {
    const both = await onBoth();
    const codes = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        (both[i % 2] as BridgeClient).call(placeOrder, market(`order-${i}`)).then(
          () => status.OK,
          (error) => failureOf(error).code,
        ),
      ),
    );
    expect(codes.filter((code) => code === status.OK)).toHaveLength(20);
    expect(codes.filter((code) => code === status.RESOURCE_EXHAUSTED)).toHaveLength(10);
  });

  it("are counted together for Prometheus", async () => {
    const both = await onBoth();
    await Promise.all(both.map((client, i) => client.call(placeOrder, market(`order-${i}`))));
    const text = await (await fetch(`http://127.0.0.1:${bridge.metricsPort}/metrics`)).text();
    expect(text).toContain('mt5bridge_rpc_requests_total{method="mt5bridge.v1.OrdersService/PlaceOrder",code="OK"} 2');
    expect(text.match(/^# TYPE (\S+)/gm)?.length).toBe(new Set(text.match(/^# TYPE (\S+)/gm)).size);
  });

  it.each([
    ["GRPC_PORT", "grpcPort", { EDGE_WORKERS: "1" }],
    ["MT5_BRIDGE_PORT", "httpPort", { EDGE_WORKERS: "1" }],
    ["METRICS_PORT", "metricsPort", {}],
  ] as const)("share their ports with each other and no other bridge, which is told of %s", async (name, of, env) => {
    const port = String(bridge[of]);
    await expect(startBridge({ [name]: port, ...env })).rejects.toThrow(
      `cannot start: ${name}=${port}: the bridge cannot listen on port ${port} of 127.0.0.1: another program listens there`,
    );
  });

  it("say to all streams that the bridge goes, and go", async () => {
    const both = await onBoth();
    const endings = both.flatMap((client) => [
      lastOf(client.stream(streamTicks, { symbols })),
      lastOf(client.stream(streamOrders, {})),
    ]);
    for (const client of both) await client.call(placeOrder, market(`order-${both.indexOf(client)}`)); // all are open
    expect(await bridge.stop()).toBe(0);
    expect(await Promise.all(endings)).toEqual(["closing", "closing", "closing", "closing"]);
  });
});

/** What kind of event a stream ends with. */
async function lastOf(events: AsyncIterable<{ readonly event: { readonly case?: string | undefined } }>) {
  let last: string | undefined;
  for await (const { event } of events) last = event.case;
  return last;
}
