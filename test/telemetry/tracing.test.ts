import { EventEmitter } from "node:events";
import { promisify } from "node:util";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { ROOT_CONTEXT } from "@opentelemetry/api";
import { SamplingDecision, TraceIdRatioBasedSampler } from "@opentelemetry/sdk-trace";
import { afterEach, describe, expect, it } from "vitest";
import type { Order } from "../../src/core/model/order.ts";
import { samplerOf } from "../../src/telemetry/sampler.ts";
import { type Reply, type Request, type SpanRecord, unpack } from "../../src/telemetry/span-messages.ts";
import { SpanQueue, type SpanThread } from "../../src/telemetry/span-queue.ts";
import { openTracing, Tracing } from "../../src/telemetry/tracing.ts";
import { seeded } from "../../src/terminals/paper/seeded.ts";
import { type Collector, type SeenSpan, spansOf, startCollector } from "../otlp.ts";
import { Notes } from "../terminals/paper/scripted.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const parent = { traceId, spanId: "b7ad6b7169203331" };

const record = (more: Partial<SpanRecord> = {}): SpanRecord => ({
  ...{ traceId, spanId: "00f067aa0ba902b7", parentId: parent.spanId, remote: false, name: "order", kind: "internal" },
  ...{ start: 1_795_277_517_001.25, end: 1_795_277_517_002.5, attributes: undefined, error: undefined, failed: false },
  ...more,
});

/** The other side of a queue, which answers when the test says so. */
class ScriptedThread extends EventEmitter implements SpanThread {
  readonly batches: ReturnType<typeof spansIn>[] = [];
  closed = false;

  postMessage(request: Request): void {
    if (request === "close") this.closed = true;
    else this.batches.push(spansIn(request));
  }

  says(reply: Reply): void {
    this.emit("message", reply);
  }

  ends(): void {
    this.emit("exit");
  }
}

const spansIn = (request: Exclude<Request, "close">) => [...unpack(structuredClone(request))];

describe("the queue of spans", () => {
  const queueOf = (limit: number) => {
    const [thread, notes] = [new ScriptedThread(), new Notes()];
    return { thread, notes, queue: new SpanQueue(thread, limit, notes) };
  };

  it("hands them over in batches, each span whole, and the rest when it is closed", async () => {
    const { thread, queue } = queueOf(10_000);
    const attributes = { "a.text": "ü€😀", "a.flag": false, "a.number": 1.5, "not.set": undefined };
    for (let i = 0; i < 600; i++) queue.add(record({ name: `span ${i}`, attributes, error: "NO_MONEY", failed: true }));
    const closed = queue.close();
    expect(thread.batches.map(({ length }) => length)).toEqual([512, 88]);
    expect(thread.batches.flat().map(({ name }) => name)).toEqual(Array.from({ length: 600 }, (_, i) => `span ${i}`));
    const { error: _, ...rest } = record({ name: "span 599", failed: true });
    expect(thread.batches.flat().at(-1)).toEqual({
      ...rest,
      attributes: { "a.text": "ü€😀", "a.flag": false, "a.number": 1.5, "error.type": "NO_MONEY" },
    });
    expect(thread.closed).toBe(true);
    thread.says({ kind: "exported", spans: 600 });
    thread.ends();
    await closed;
    expect(queue).toMatchObject({ exported: 600, dropped: 0 });
  });

  it("is bounded, wherever the spans are: those beyond the limit are dropped and counted", () => {
    const { thread, queue } = queueOf(1000);
    for (let i = 0; i < 1200; i++) queue.add(record());
    expect(queue).toMatchObject({ exported: 0, dropped: 200 });
    thread.says({ kind: "exported", spans: 300 });
    for (let i = 0; i < 400; i++) queue.add(record());
    expect(queue).toMatchObject({ exported: 300, dropped: 300 });
    expect(thread.batches.flat()).toHaveLength(1024); // of 1300
  });

  it("says once that the collector takes nothing, and once that it does again", () => {
    const { thread, notes, queue } = queueOf(10);
    for (let i = 0; i < 4; i++) queue.add(record());
    for (let i = 0; i < 3; i++) thread.says({ kind: "lost", spans: 1, error: new Error("refused") });
    thread.says({ kind: "exported", spans: 1 });
    expect(queue).toMatchObject({ exported: 1, dropped: 3 });
    expect(notes.lines).toEqual([
      "warn tracing: spans do not reach the collector",
      "info tracing: spans get through again",
    ]);
  });

  it("goes on without its thread: what that had, and what comes later, is counted as dropped", async () => {
    const { thread, notes, queue } = queueOf(10);
    for (let i = 0; i < 4; i++) queue.add(record());
    thread.emit("error", new Error("out of memory"));
    thread.ends();
    for (let i = 0; i < 3; i++) queue.add(record());
    expect(queue).toMatchObject({ exported: 0, dropped: 7 });
    expect(notes.lines).toEqual(["error tracing: spans are not exported any more"]);
    await queue.close();
  });
});

describe("sampling", () => {
  const sampled = { ...parent, sampled: true };
  const unsampled = { ...parent, sampled: false };

  it("follows the caller, and records what begins here", () => {
    const sampler = samplerOf();
    expect([sampler(traceId, sampled), sampler(traceId, unsampled), sampler(traceId, undefined)]).toEqual([
      true,
      false,
      true,
    ]);
  });

  it.each([
    ["always_on", undefined, [true, true, true]],
    ["always_off", undefined, [false, false, false]],
    ["parentbased_always_off", undefined, [true, false, false]],
    ["traceidratio", "0", [false, false, false]],
    ["parentbased_traceidratio", "1", [true, false, true]],
  ])("%s %s", (name, argument, expected) => {
    const sampler = samplerOf(name, argument);
    expect([sampled, unsampled, undefined].map((caller) => sampler(traceId, caller))).toEqual(expected);
  });

  it.each([0, 1e-9, 0.1, 0.25, 1 / 3, 0.999, 1])("takes the share of %d as the SDK does", (ratio) => {
    const [ours, library] = [samplerOf("traceidratio", String(ratio)), new TraceIdRatioBasedSampler(ratio)];
    const chance = seeded(7);
    const digits = () =>
      Math.floor(chance.next() * 2 ** 32)
        .toString(16)
        .padStart(8, "0");
    let taken = 0;
    for (let i = 0; i < 2000; i++) {
      const id = digits() + digits() + digits() + digits();
      const { decision } = library.shouldSample(ROOT_CONTEXT, id);
      expect(ours(id, undefined), `seed 7, ${id}`).toBe(decision === SamplingDecision.RECORD_AND_SAMPLED);
      if (ours(id, undefined)) taken += 1;
    }
    expect(Math.abs(taken / 2000 - ratio)).toBeLessThan(0.05);
  });

  it("is refused when nobody knows it", () => {
    expect(() => samplerOf("sometimes")).toThrow("OTEL_TRACES_SAMPLER=sometimes");
    expect(() => samplerOf("traceidratio", "2")).toThrow("from 0 to 1");
  });
});

describe("a trace", () => {
  const recording = () => {
    const thread = new ScriptedThread();
    const one = new Tracing(new SpanQueue(thread, 100, new Notes()), samplerOf());
    const sent = () => {
      void one.queue.close();
      return thread.batches.flat();
    };
    return { one, sent };
  };
  const order = (more: Partial<Order>) => ({ traceId, traced: true, id: "paper-0000000001", ...more }) as Order;

  it("names an order's span by the order: after a restart too, and another for each order", () => {
    const [{ one }, { one: other }] = [recording(), recording()];
    const name = one.spanOf(order({}));
    expect(name).toEqual({ traceId, spanId: expect.stringMatching(/^(?!0{16})[0-9a-f]{16}$/) });
    expect(other.spanOf(order({ version: 9 } as Partial<Order>))).toEqual(name);
    const ids = Array.from({ length: 1000 }, (_, i) => one.spanOf(order({ id: `paper-${i}` as Order["id"] }))?.spanId);
    expect(new Set(ids).size).toBe(1000);
  });

  it("is recorded as a whole or not at all", () => {
    const { one, sent } = recording();
    expect(one.entered(traceId, { ...parent, sampled: false })).toBeUndefined();
    const { traced: _, ...untraced } = order({});
    expect(one.spanOf(untraced as Order)).toBeUndefined();
    expect(one.span({ name: "order", parent: undefined, start: 0, end: 1 })).toBeUndefined();
    expect(sent()).toEqual([]);
  });

  it("follows the caller's, and holds the server's failures against it but not the caller's", () => {
    const { one, sent } = recording();
    const caller = { ...parent, sampled: true };
    const call = { transport: "connect", method: "a.B/C", kind: "unary", caller, start: 1 } as const;
    for (const [status, fault] of [
      ["OK", undefined],
      ["NOT_FOUND", "unknown_order"],
      ["INTERNAL", "internal"],
    ] as const) {
      one.ended({ ...call, span: one.entered(traceId, caller), status, fault }, 2);
    }
    const spans = sent();
    expect(spans.map(({ failed, attributes }) => [failed, attributes?.["error.type"]])).toEqual([
      [false, undefined],
      [false, "NOT_FOUND"],
      [true, "INTERNAL"],
    ]);
    expect(spans.at(-1)).toMatchObject({
      ...{ traceId, parentId: parent.spanId, remote: true, name: "a.B/C", kind: "server" },
      attributes: { "rpc.system.name": "connectrpc", "rpc.method": "a.B/C", "rpc.response.status_code": "INTERNAL" },
    });
  });
});

describe("tracing", () => {
  let collector: Collector | undefined;
  afterEach(() => collector?.close());

  it("is off unless an endpoint is set, and when it is switched off", () => {
    const OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:4318";
    for (const env of [
      {},
      { OTEL_EXPORTER_OTLP_ENDPOINT: "" },
      { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: "true" },
      { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: "none" },
    ]) {
      expect(openTracing(env, {}, new Notes())).toBeUndefined();
    }
  });

  it("brings spans to the collector with its headers and resource, and all of them before it closes", async () => {
    collector = await startCollector();
    const notes = new Notes();
    const env = {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.endpoint}/v1/traces`,
      OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=desk%207",
      OTEL_RESOURCE_ATTRIBUTES: "team=fx,service.version=9",
      OTEL_SERVICE_NAME: "gateway",
      OTEL_TRACES_SAMPLER: "parentbased_always_off", // decided before a span is told
    };
    const tracing = openTracing(env, { "service.name": "mt5-bridge", "service.version": "1" }, notes);
    tracing?.span({ name: "order", parent, start: 1, end: 2 });
    await tracing?.queue.close();
    expect(collector.headers).toHaveLength(1);
    expect(collector.headers[0]).toMatchObject({ "content-type": "application/x-protobuf", "x-tenant": "desk 7" });
    expect(collector.spans).toEqual([expect.objectContaining({ name: "order", traceId, scope: "mt5-bridge" })]);
    expect(collector.spans[0]?.resource).toMatchObject({
      "service.name": "gateway",
      team: "fx",
      "service.version": "9",
    });
    expect(tracing?.queue).toMatchObject({ exported: 1, dropped: 0 });
    expect(notes.lines).toEqual([]);
  });

  it.each<[string, Partial<SpanRecord>, Partial<SeenSpan>]>([
    ["a plain one", {}, { parentId: parent.spanId, kind: 1, status: 0, flags: 0x101, attributes: {} }],
    ["one without a parent", { parentId: undefined }, { parentId: "", flags: 0x101 }],
    ["one whose parent is elsewhere", { remote: true, kind: "server" }, { kind: 2, flags: 0x301 }],
    [
      "a failure",
      { error: "NO_MONEY", failed: true, kind: "client" },
      { kind: 3, status: 2, attributes: { "error.type": "NO_MONEY" } },
    ],
    ["the caller's doing", { error: "NOT_FOUND" }, { status: 0, attributes: { "error.type": "NOT_FOUND" } }],
    [
      "attributes of every kind",
      { attributes: { a: "ü€😀 text", b: true, c: false, d: 0, e: 128, f: 2 ** 40, g: -0.25, h: undefined } },
      { attributes: { a: "ü€😀 text", b: true, c: false, d: 0, e: 128, f: 2 ** 40, g: -0.25 } },
    ],
    ["its times", {}, { start: 1_795_277_517_001_250_000n, end: 1_795_277_517_002_500_000n }],
  ])("says of a span what was told: %s", async (_, more, seen) => {
    collector = await startCollector();
    const tracing = openTracing({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint }, {}, new Notes());
    tracing?.queue.add(record(more));
    await tracing?.queue.close();
    expect(collector.spans).toHaveLength(1);
    expect(collector.spans[0]).toMatchObject({ traceId, spanId: record().spanId, name: "order", ...seen });
    expect(collector.spans[0]?.attributes).toEqual(seen.attributes ?? {});
  });

  it("speaks JSON and gRPC where that is asked for", async () => {
    collector = await startCollector();
    const json = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" };
    const one = openTracing(json, {}, new Notes());
    one?.span({ name: "order", parent, start: 1, end: 2 });
    await one?.queue.close();
    expect(collector.headers[0]).toMatchObject({ "content-type": "application/json" });
    expect(one?.queue).toMatchObject({ exported: 1, dropped: 0 });

    const received: Buffer[] = [];
    const server = new Server();
    const asIs = (bytes: Buffer) => bytes;
    const path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    const method = { path, requestStream: false, responseStream: false } as const;
    const codec = {
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    };
    server.addService(
      { export: { ...method, ...codec } },
      {
        export: (call: { request: Buffer }, answer: (error: null, bytes: Buffer) => void) => {
          received.push(call.request);
          answer(null, Buffer.alloc(0));
        },
      },
    );
    const insecure = ServerCredentials.createInsecure();
    const port = await promisify(server.bindAsync.bind(server))("127.0.0.1:0", insecure);
    const grpc = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" };
    const other = openTracing(grpc, {}, new Notes());
    other?.span({ name: "order", parent, start: 1, end: 2 });
    await other?.queue.close();
    server.forceShutdown();
    expect(received.flatMap(spansOf)).toEqual([expect.objectContaining({ name: "order", traceId })]);
  });

  it("counts what a collector refuses, and says so once", async () => {
    collector = await startCollector(() => 400);
    const notes = new Notes();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "2" };
    const tracing = openTracing(env, {}, notes);
    for (let i = 0; i < 5; i++) tracing?.span({ name: "order", parent, start: 1, end: 2 });
    await tracing?.queue.close();
    expect(tracing?.queue).toMatchObject({ exported: 0, dropped: 5 });
    expect(notes.lines).toEqual(["warn tracing: spans do not reach the collector"]);
  });

  it.each([
    ["OTEL_BSP_MAX_QUEUE_SIZE", "-1"],
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "thrift"],
    ["OTEL_TRACES_SAMPLER", "sometimes"],
    ["OTEL_TRACES_SAMPLER_ARG", "2"],
  ])("refuses %s=%s, which makes no sense", (name, value) => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318", OTEL_TRACES_SAMPLER: "traceidratio" };
    expect(() => openTracing({ ...env, [name]: value }, {}, new Notes())).toThrow(`${name}=${value}`);
  });
});
