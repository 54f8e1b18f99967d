import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { StrategyId } from "../../src/core/model/ids.ts";
import type { Order } from "../../src/core/model/order.ts";
import { modifyOrder } from "../../src/core/orders/change-order.ts";
import { CommitCounts, HttpCounts, OrderCounts } from "../../src/telemetry/counts.ts";
import { type MetricsServer, serveMetrics } from "../../src/telemetry/metrics-server.ts";
import { Tally } from "../../src/telemetry/tally.ts";
import { Watch } from "../../src/telemetry/watch.ts";
import { caller, type Desk, key, limit, openDesk, quiet } from "../core/desk.ts";
import { Notes } from "../terminals/paper/scripted.ts";

let desk: Desk;
let watch: Watch;
let http: HttpCounts;
let commits: CommitCounts;
let server: MetricsServer;
const encoded = { made: 1, reused: 3 };
let sockets = 0;

beforeEach(async () => {
  watch = new Watch(undefined);
  desk = await openDesk({ witness: watch });
  http = new HttpCounts();
  commits = new CommitCounts();
  server = await serveMetrics(
    { host: "127.0.0.1", port: 0 },
    {
      build: { version: "1.2.3", runtime: "v24", environment: "test" },
      ...{ watch, accounts: [desk.account], commits, spans: undefined },
      journal: { counts: { appended: 7, refused: 1 }, failure: undefined },
      served: { watch, http, encoded, webSockets: () => sockets, hubs: [desk.account] },
    },
    desk.notes,
  );
});

afterEach(() => server.close());

const get = (path: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${server.port}${path}`, init);

/** The samples of a scrape, by name and labels as they are written. */
async function scrape(): Promise<ReadonlyMap<string, number>> {
  const lines = (await (await get("/metrics")).text()).split("\n").filter((line) => line !== "" && line[0] !== "#");
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );
}

const call = (method: string, kind: "unary" | "stream") =>
  ({ transport: "grpc", method, kind, span: undefined, caller: undefined, start: watch.now() }) as const;

describe("the metrics", () => {
  it("have the names that dashboards use", async () => {
    http.answered(200, 3);
    http.answered(404, 3000);
    sockets = 5;
    const samples = await scrape();
    expect(samples.get('http_requests_total{status="200"}')).toBe(1);
    expect(samples.get('http_requests_total{status="404"}')).toBe(1);
    expect(samples.get('http_request_duration_seconds_bucket{le="0.005"}')).toBe(1);
    expect(samples.get('http_request_duration_seconds_bucket{le="5"}')).toBe(2);
    expect(samples.get('http_request_duration_seconds_bucket{le="+Inf"}')).toBe(2);
    expect(samples.get("http_request_duration_seconds_sum")).toBeCloseTo(3.003, 9);
    expect(samples.get("http_request_duration_seconds_count")).toBe(2);
    expect(samples.get("websocket_active_connections")).toBe(5);
    expect(samples.get("cache_hit_rate_percent")).toBe(75);
    expect(samples.get("mt5_connection_status")).toBe(1);
  });

  it("follow the terminal's connection", async () => {
    desk.desk.linkUp = false;
    const samples = await scrape();
    expect(samples.get("mt5_connection_status")).toBe(0);
    expect(samples.get('mt5bridge_terminal_up{account="paper"}')).toBe(0);
  });

  it("count each stage that an order reaches once, and say how long its phases took", async () => {
    await desk.place();
    await desk.hear(); // what the answer told already
    const samples = await scrape();
    const orders = [...samples].filter(([name]) => name.startsWith("mt5bridge_orders_total"));
    expect(Object.fromEntries(orders)).toEqual({
      'mt5bridge_orders_total{stage="received",side="buy",type="market"}': 1,
      'mt5bridge_orders_total{stage="sent",side="buy",type="market"}': 1,
      'mt5bridge_orders_total{stage="filled",side="buy",type="market"}': 1,
    });
    for (const phase of ["validate", "risk", "terminal", "total"]) {
      expect(samples.get(`mt5bridge_order_latency_seconds_count{phase="${phase}"}`), phase).toBe(1);
    }
    expect(samples.get('mt5bridge_order_latency_seconds_count{phase="journal"}')).toBeGreaterThanOrEqual(2);
  });

  it("do not count a change as a stage that was reached", async () => {
    await desk.place(limit());
    const change = { price: 1.08, stopLimitPrice: undefined, stopLoss: undefined, takeProfit: undefined };
    const draft = { ...change, timeInForce: undefined, expireTime: undefined };
    const { order } = await modifyOrder(
      desk.desk,
      key("b"),
      { by: "client_order_id", value: key("a") },
      draft,
      caller(),
    );
    expect(order).toMatchObject({ stage: "working", version: 4 });
    const working = 'mt5bridge_orders_total{stage="working",side="buy",type="limit"}';
    expect((await scrape()).get(working)).toBe(1);
  });

  it("count rejections by reason, and show doubts", async () => {
    desk.terminal.script = [10019, "lost"];
    await desk.place();
    const lost = desk.place({ clientOrderId: key("b") });
    await quiet(); // it is on its way
    desk.clock.advance(6000);
    await lost;
    const samples = await scrape();
    expect(samples.get('mt5bridge_order_rejections_total{reason="NO_MONEY"}')).toBe(1);
    expect(samples.get('mt5bridge_orders_in_doubt{account="paper"}')).toBe(1);
    expect(samples.get('mt5bridge_orders_open{account="paper"}')).toBe(1);
    expect(samples.get('mt5bridge_commands_in_flight{account="paper"}')).toBe(0);
  });

  it("show the kill switch where it is set, and dead-man switches", async () => {
    const everywhere = 'mt5bridge_trading_mode{account="",symbol=""}';
    expect((await scrape()).get(everywhere)).toBe(0);
    const { control, account } = desk;
    await control.setMode({ symbol: "EURUSD" }, "halted", { reason: "test", by: "test" });
    await account.deadMen.connect(7 as StrategyId, { action: "cancel_orders", timeout: 1000 }, "test");
    const samples = await scrape();
    expect(samples.get(everywhere)).toBe(0);
    expect(samples.get('mt5bridge_trading_mode{account="",symbol="EURUSD"}')).toBe(2);
    expect(samples.get('mt5bridge_dead_man_switches_armed{account="paper"}')).toBe(1);
    expect(samples.get('mt5bridge_dead_man_switches_fired_total{account="paper"}')).toBe(0);
  });

  it("do not count again what a restart folds", async () => {
    await desk.place();
    const before = [...watch.orders.reached.values()].map(({ count }) => count);
    await openDesk({ witness: watch, journal: desk.journal, terminal: desk.terminal });
    expect([...watch.orders.reached.values()].map(({ count }) => count)).toEqual(before);
  });

  it("count calls by method and code, and streams by kind", async () => {
    const unary = call("mt5bridge.v1.OrdersService/GetOrder", "unary");
    const stream = call("mt5bridge.v1.TicksService/StreamTicks", "stream");
    const untraced = () => ({ traceId: "", caller: undefined });
    for (const { method, kind } of [unary, unary, stream, stream]) watch.entered(method, kind, untraced);
    watch.ended({ ...unary, status: "NOT_FOUND", fault: "unknown_order" });
    watch.ended({ ...stream, status: "RESOURCE_EXHAUSTED", fault: "slow_consumer" });
    const samples = await scrape();
    const calls = "mt5bridge_rpc_requests_total";
    expect(samples.get(`${calls}{method="mt5bridge.v1.OrdersService/GetOrder",code="NOT_FOUND"}`)).toBe(1);
    expect(samples.get("mt5bridge_calls_in_flight")).toBe(1);
    expect(samples.get('mt5bridge_streams_open{kind="ticks"}')).toBe(1);
    expect(samples.get('mt5bridge_slow_consumers_total{kind="ticks"}')).toBe(1);
    const durations = [...samples.keys()].filter((name) => name.startsWith("mt5bridge_rpc_duration_seconds_count"));
    expect(durations).toEqual(['mt5bridge_rpc_duration_seconds_count{method="mt5bridge.v1.OrdersService/GetOrder"}']);
  });

  it("count ticks as they come, and for each reader", async () => {
    const { hub } = desk;
    const wish = { symbols: ["EURUSD"], lossless: true };
    hub.open("a", wish, undefined);
    hub.open("b", wish, undefined);
    const tick = { symbol: "EURUSD", time: 1, brokerTime: 1, bid: 1, ask: 2, last: 0, volume: 0, flags: 0 } as never;
    hub.publish([tick, tick, tick]);
    const samples = await scrape();
    expect(samples.get('mt5bridge_ticks_received_total{account="paper"}')).toBe(3);
    expect(samples.get('mt5bridge_ticks_delivered_total{account="paper"}')).toBe(6);
    expect(samples.get('mt5bridge_tick_readers{account="paper"}')).toBe(2);
  });

  it("tell of the journal, the process and the build", async () => {
    commits.add(3, 2);
    const samples = await scrape();
    expect(samples.get("mt5bridge_journal_events_total")).toBe(7);
    expect(samples.get("mt5bridge_journal_refused_total")).toBe(1);
    expect(samples.get("mt5bridge_journal_failed")).toBe(0);
    expect(samples.get('mt5bridge_journal_commit_events_bucket{le="2"}')).toBe(0);
    expect(samples.get('mt5bridge_journal_commit_events_bucket{le="4"}')).toBe(1);
    expect(samples.get("mt5bridge_journal_commit_seconds_sum")).toBeCloseTo(0.002, 9);
    expect(samples.get('mt5bridge_build_info{version="1.2.3",runtime="v24",environment="test"}')).toBe(1);
    expect(samples.get("process_cpu_seconds_total")).toBeGreaterThan(0.05);
    expect(samples.get("process_resident_memory_bytes")).toBeGreaterThan(1e6);
    for (const name of [
      "mt5bridge_event_loop_utilization_ratio",
      'mt5bridge_event_loop_lag_seconds{quantile="0.99"}',
    ]) {
      expect(samples.get(name), name).toBeGreaterThanOrEqual(0);
    }
  });

  it("have a bounded number of reasons, whatever a terminal makes up", () => {
    const orders = new OrderCounts();
    for (let i = 0; i < 1000; i++) {
      const rejection = { reason: `RETCODE_${i}`, retcode: i, message: "", retriable: false };
      orders.add({ stage: "rejected", side: "buy", type: "market", rejection } as Order);
    }
    expect(orders.rejections.size).toBe(101);
    expect(orders.rejections.get("OTHER")).toBe(900);
  });
});

describe("a tally", () => {
  it("puts a value at its bound, the first that it does not exceed", () => {
    const tally = new Tally([1, 2]);
    for (const value of [0, 1, 1.5, 2, 2.1]) tally.add(value);
    expect([...tally.counts]).toEqual([2, 2, 1]);
    expect(tally).toMatchObject({ count: 5, sum: 6.6 });
  });
});

describe("the metrics' port", () => {
  it("says that the process lives, and knows nothing else", async () => {
    expect(await (await get("/livez")).text()).toBe("ok\n");
    expect((await get("/livez?verbose")).status).toBe(200);
    expect((await get("/")).status).toBe(404);
    const refused = await get("/metrics", { method: "POST", body: "x" });
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    expect((await get("/metrics", { method: "HEAD" })).status).toBe(200);
    expect((await get("/metrics")).headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  });

  it("outlives what is not HTTP", async () => {
    const socket = connect(server.port, "127.0.0.1");
    socket.end("\u0016\u0003\u0001 nonsense\r\n\r\n");
    expect(await text(socket)).toContain("400 Bad Request");
    expect((await get("/livez")).status).toBe(200);
  });

  it("that is taken is an error at the start", async () => {
    const second = serveMetrics({ host: "127.0.0.1", port: server.port }, {} as never, new Notes());
    await expect(second).rejects.toThrow("EADDRINUSE");
  });
});
