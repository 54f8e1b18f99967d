/** The life of an order as a collector of OpenTelemetry sees it, from the bridge as users run it. */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Order, OrderStage, OrdersService } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { TicksService } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { OrderSide, OrderType } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import {
  type Collector,
  expectParts,
  named,
  outline,
  type SeenSpan,
  startCollector,
  type Tree,
  treesOf,
} from "../otlp.ts";
import { dataFolder, type RunningBridge, startBridge } from "./bridge.ts";
import { BridgeClient } from "./client.ts";

const { getOrder, placeOrder, modifyOrder } = OrdersService.method;
const { getLatestTicks } = TicksService.method;

let collector: Collector;
let folder: Awaited<ReturnType<typeof dataFolder>>;
let bridge: RunningBridge;
let client: BridgeClient;

async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  bridge = await startBridge({
    ...{ DATA_DIR: folder.path, PAPER_SYMBOLS: "BTCUSD", PAPER_RATE: "500" },
    ...{ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, ...env },
  });
  client = new BridgeClient(bridge.grpcPort);
}

/** The first price has come. */
async function priced(): Promise<void> {
  for await (const { event } of client.stream(TicksService.method.streamTicks, { symbols: ["BTCUSD"] })) {
    const [tick] = event.case === "batch" || event.case === "snapshot" ? event.value.ticks : [];
    if (tick !== undefined) return;
  }
  throw new Error("the stream ended before a tick");
}

/** Everything is sent before the bridge has ended. */
async function stop(): Promise<void> {
  client.close();
  expect(await bridge.stop()).toBe(0);
}

beforeEach(async () => {
  collector = await startCollector();
  folder = await dataFolder();
});

afterEach(async () => {
  client.close();
  await bridge.stop("SIGKILL");
  await collector.close();
  await folder.remove();
});

async function place(more: MessageInitShape<typeof placeOrder.input>): Promise<Order> {
  const market = { symbol: "BTCUSD", side: OrderSide.BUY, type: OrderType.MARKET, volume: 0.1 };
  const { order } = await client.call(placeOrder, { ...market, ...more });
  if (order === undefined) throw new Error("no order in the answer");
  return order;
}

/** Moves a stop order just above the market, again and again, until the market has gone there. */
async function chase(name: string): Promise<void> {
  const order = { name: { case: "clientOrderId", value: name } } as const;
  for (let n = 1; ; n++) {
    const latest = await client.call(getLatestTicks, { symbols: ["BTCUSD"] });
    const price = Math.round(((latest.ticks[0]?.ask ?? 0) + 0.05) * 100) / 100;
    // What is too late is refused.
    await client.call(modifyOrder, { clientOrderId: `${name}-${n}`, order, price }).catch(() => undefined);
    if ((await client.call(getOrder, { order })).order?.stage === OrderStage.FILLED) return;
  }
}

const traceOf = ({ traceId }: { readonly traceId: string }): Tree[] => treesOf(collector.spans, traceId);

const write = (name: string) => ({ [name]: ["order.queue", "order.journal", "order.publish"] });
const terminal = { "order.terminal": ["terminal.travel", "terminal.execute"] };
const placed = (outcome: string) => ({
  "mt5bridge.v1.OrdersService/PlaceOrder": [
    ...["request.admit", "request.read", "order.validate", "order.risk"],
    { order: [write("order.sent"), terminal, write(outcome)] },
    "request.answer",
  ],
});

describe("the trace of", () => {
  it("a market order goes from the request through checks, journal and terminal to the answer", async () => {
    await start();
    await priced();
    const order = await place({ clientOrderId: "m1" });
    await stop();
    const trees = traceOf(order);
    expect(trees.map(outline)).toEqual([placed("order.dealt")]);
    expectParts(trees[0] as Tree);
    expect(trees[0]?.span).toMatchObject({
      ...{ kind: 2, status: 0, parentId: "", scope: "mt5-bridge" },
      attributes: { "rpc.system.name": "grpc", "rpc.response.status_code": "OK" },
      resource: { "service.name": "mt5-bridge", "service.version": expect.any(String) },
    });
    expect(named(trees, "order")[0]?.span.attributes).toMatchObject({
      "mt5bridge.client_order_id": "m1",
      "mt5bridge.order.id": order.orderId,
      "mt5bridge.order.stage": "filled",
    });
    expect(named(trees, "order.terminal")[0]?.span).toMatchObject({
      ...{ kind: 3, status: 0 },
      attributes: { "mt5bridge.retcode": 10009 },
    });
  });

  it("a rejected order says why, and where", async () => {
    await start();
    await priced();
    const order = await place({ clientOrderId: "r1", volume: 50 });
    await stop();
    const trees = traceOf(order);
    expect(trees.map(outline)).toEqual([placed("order.rejected")]);
    expectParts(trees[0] as Tree);
    expect(named(trees, "order.terminal")[0]?.span).toMatchObject({
      status: 2,
      attributes: { "error.type": "NO_MONEY", "mt5bridge.retcode": 10019 },
    });
    expect(named(trees, "order")[0]?.span.attributes["mt5bridge.order.rejection"]).toBe("NO_MONEY");
    expect(trees[0]?.span.status).toBe(0); // the call was answered well
  });

  it("a request that is refused ends at the step that refused it", async () => {
    await start();
    await priced();
    const refused = await place({ clientOrderId: "v1", volume: 0.123456 }).catch(() => undefined);
    await stop();
    expect(refused).toBeUndefined();
    const root = collector.spans.find(({ attributes }) => attributes["mt5bridge.fault"] === "invalid_argument");
    const trees = traceOf(root ?? { traceId: "" });
    expect(trees.map(outline)).toEqual([
      { "mt5bridge.v1.OrdersService/PlaceOrder": ["request.admit", "request.read", "order.validate"] },
    ]);
    expect(root).toMatchObject({ status: 0, attributes: { "error.type": "INVALID_ARGUMENT" } });
    expect(named(trees, "order.validate")[0]?.span).toMatchObject({
      status: 2,
      attributes: { "error.type": "invalid_argument" },
    });
  });

  it("a pending order goes on with the fill that comes later, in another life of the bridge", async () => {
    await start();
    await priced();
    const pending = await place({ clientOrderId: "p1", type: OrderType.STOP, price: 1e6 });
    expect(pending.stage).toBe(OrderStage.WORKING);
    await stop();
    await start();
    await chase("p1");
    await stop();
    const trees = traceOf(pending);
    expect(trees).toHaveLength(1); // the fill has found its parent
    const [life] = named(trees, "order");
    const parts = (life?.parts ?? []).filter(({ span }) => span.name !== "order.changed");
    expect(parts.map(outline)).toEqual([
      ...[write("order.sent"), terminal, write("order.placed")],
      ...[write("order.dealt")],
    ]);
    expect(life?.parts.length).toBeGreaterThan(parts.length);
    const fill = named(trees, "order.dealt")[0]?.span;
    expect(fill).toMatchObject({ parentId: life?.span.spanId, attributes: { "mt5bridge.order.stage": "filled" } });
    expect(fill?.start).toBeGreaterThan(life?.span.end ?? 0n);
    expect(fill?.resource["service.instance.id"]).not.toBe(life?.span.resource["service.instance.id"]);

    const isChange = ({ name, attributes }: SeenSpan) =>
      name === "mt5bridge.v1.OrdersService/ModifyOrder" && attributes["rpc.response.status_code"] === "OK";
    const change = collector.spans.find(isChange);
    expect(traceOf(change ?? { traceId: "" }).map(outline)).toEqual([
      {
        "mt5bridge.v1.OrdersService/ModifyOrder": [
          ...["request.admit", "request.read", "change.validate", "change.journal"],
          { "change.terminal": ["terminal.travel", "terminal.execute"] },
          "request.answer",
        ],
      },
    ]);
  });
});

/** A call with a `traceparent`; whether it goes well does not matter here. */
async function called(traceparent: string): Promise<void> {
  const plain = new Client(`127.0.0.1:${bridge.grpcPort}`, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set("traceparent", traceparent);
  const message = create(placeOrder.input, {
    ...{ clientOrderId: "t1", symbol: "BTCUSD", side: OrderSide.BUY, type: OrderType.MARKET, volume: 0.1 },
  });
  await new Promise((resolve) => {
    const asIs = (bytes: Buffer) => bytes;
    const path = "/mt5bridge.v1.OrdersService/PlaceOrder";
    plain.makeUnaryRequest(path, asIs, asIs, Buffer.from(toBinary(placeOrder.input, message)), metadata, resolve);
  });
  plain.close();
}

describe("a caller's trace", () => {
  const traceId = "0af7651916cd43dd8448eb211c80319c";

  it("goes on in the bridge, in the order, and in every line of the log about it", async () => {
    await start();
    await priced();
    await called(`00-${traceId}-b7ad6b7169203331-01`);
    await stop();
    const trees = traceOf({ traceId });
    expect(trees.map(outline)).toEqual([placed("order.dealt")]);
    expect(trees[0]?.span.parentId).toBe("b7ad6b7169203331");
    const line = bridge.log.find(({ context }) => context["method"] === "mt5bridge.v1.OrdersService/PlaceOrder");
    expect(line).toMatchObject({ trace_id: traceId });
    expect(line?.context).not.toHaveProperty("trace_id");
  });

  it("is not recorded when the caller does not record it", async () => {
    await start();
    await priced();
    await called(`00-${traceId}-b7ad6b7169203331-00`);
    await stop();
    expect(traceOf({ traceId })).toEqual([]);
    expect(collector.spans.map(({ name }) => name)).toContain("mt5bridge.v1.TicksService/StreamTicks");
  });
});

describe("a bridge without a collector", () => {
  it("loads nothing of OpenTelemetry, and Prometheus only once it is scraped", async () => {
    const hook = `import{registerHooks}from"node:module";registerHooks({load(url,context,next){if(/opentelemetry|prom-client/.test(url))process.stderr.write(url+"\\n");return next(url,context)}})`;
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(hook)}`;
    await start({ OTEL_EXPORTER_OTLP_ENDPOINT: "", NODE_OPTIONS });
    await priced();
    await place({ clientOrderId: "n1" });
    expect(bridge.errors()).toBe("");
    const metrics = await fetch(`http://127.0.0.1:${bridge.metricsPort}/metrics`);
    expect(await metrics.text()).toContain("mt5_connection_status 1\n");
    await stop();
    expect(bridge.errors()).toContain("/node_modules/prom-client/");
    expect(collector.spans).toEqual([]);
  });

  it("trades when the one that is set does not answer", async () => {
    await start({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_EXPORTER_OTLP_TIMEOUT: "200" });
    await priced();
    expect(await place({ clientOrderId: "n1" })).toMatchObject({ stage: OrderStage.FILLED });
    await stop();
    expect(bridge.log.map(({ message }) => message)).toContain("spans do not reach the collector");
  });
});
