import { EventEmitter, once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { promisify } from "node:util";
import type { Transferable } from "node:worker_threads";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { ROOT_CONTEXT } from "@opentelemetry/api";
import { SamplingDecision, TraceIdRatioBasedSampler } from "@opentelemetry/sdk-trace";
import { afterEach, describe, expect, it } from "vitest";
import type { Order } from "../../src/core/model/order.ts";
import type { SpanRef } from "../../src/core/ports/witness.ts";
import { samplerOf } from "../../src/telemetry/sampler.ts";
import { type Request, type SpanRecord, SpanWriter, spansIn } from "../../src/telemetry/span-messages.ts";
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

/** As the thread has it: on the other side of what is between threads. */
const received = (batch: Exclude<Request, "close">, transfer: readonly Transferable[] = []) => [
  ...spansIn(structuredClone(batch, { transfer: transfer as ArrayBuffer[] })),
];

/** A thread that answers when the test says so. */
class ScriptedThread extends EventEmitter implements SpanThread {
  readonly batches: ReturnType<typeof received>[] = [];
  closed = false;

  postMessage(request: Request, transfer: readonly Transferable[] = []): void {
    if (request === "close") this.closed = true;
    else this.batches.push(received(request, transfer));
  }

  sent(spans: number, refused = 0, error?: Error): void {
    this.emit("message", { kind: "sent", spans, refused, error });
  }
}

describe("the queue of spans", () => {
  const queueOf = (limits: { readonly queue: number; readonly batch: number }) => {
    const [thread, notes] = [new ScriptedThread(), new Notes()];
    return { thread, notes, queue: new SpanQueue(thread, { delayMs: 1e6, ...limits }, notes) };
  };

  it("hands them over in batches, each span whole, and the rest when it is closed", async () => {
    const { thread, queue } = queueOf({ queue: 10_000, batch: 512 });
    const attributes = { "a.text": "ü€😀", "a.flag": false, "a.number": 1.5, "not.set": undefined };
    for (let i = 0; i < 1600; i++) queue.add(record({ name: `span ${i}`, attributes, error: "NO_MONEY" }));
    const closed = queue.close();
    expect(thread.batches.map(({ length }) => length)).toEqual([512, 512, 512, 64]);
    const { error: _, ...rest } = record();
    expect(thread.batches.flat()).toEqual(
      Array.from({ length: 1600 }, (_, i) => ({
        ...{ ...rest, name: `span ${i}` },
        attributes: { "a.text": "ü€😀", "a.flag": false, "a.number": 1.5, "error.type": "NO_MONEY" },
      })),
    );
    expect(thread.closed).toBe(true);
    thread.sent(1600);
    thread.emit("exit");
    await closed;
    expect(queue).toMatchObject({ exported: 1600, dropped: 0 });
  });

  it("is bounded, wherever the spans are: those beyond the limit are dropped and counted", () => {
    const { thread, queue } = queueOf({ queue: 1000, batch: 300 });
    for (let i = 0; i < 1200; i++) queue.add(record());
    expect(queue).toMatchObject({ exported: 0, dropped: 200 });
    thread.sent(300);
    for (let i = 0; i < 400; i++) queue.add(record());
    expect(queue).toMatchObject({ exported: 300, dropped: 300 });
    expect(thread.batches.flat()).toHaveLength(1200); // of 1300: the others wait for more
  });

  it("says once that the collector takes nothing, and once that it does again", () => {
    const { thread, notes, queue } = queueOf({ queue: 10, batch: 1 });
    for (let i = 0; i < 5; i++) queue.add(record());
    for (let i = 0; i < 2; i++) thread.sent(1, 1, new Error("refused"));
    thread.sent(1, 1); // which the collector took, but for one span
    for (let i = 0; i < 2; i++) thread.sent(1);
    expect(queue).toMatchObject({ exported: 2, dropped: 3 });
    expect(notes.lines).toEqual([
      "warn tracing: spans do not reach the collector",
      "info tracing: spans get through again",
    ]);
  });

  it("goes on without its thread: what that had, and what comes later, is counted as dropped", async () => {
    const { thread, notes, queue } = queueOf({ queue: 10, batch: 1 });
    for (let i = 0; i < 4; i++) queue.add(record());
    thread.emit("error", new Error("out of memory"));
    thread.emit("exit");
    for (let i = 0; i < 3; i++) queue.add(record());
    await queue.close();
    expect(queue).toMatchObject({ exported: 0, dropped: 7 });
    expect(notes.lines).toEqual([
      "error tracing: spans are not exported any more",
      "warn tracing: the last spans have not reached the collector",
    ]);
  });
});

describe("spans that are written down", () => {
  it("are read again as they were told, whatever they say and behind whatever they come", () => {
    for (let seed = 0; seed < 100; seed++) {
      const chance = seeded(seed);
      const any = <T>(...of: readonly T[]) => of[Math.floor(chance.next() * of.length)] as T;
      const writer = new SpanWriter();
      for (let batch = 0; batch < 3; batch++) {
        const told = Array.from({ length: 1 + Math.floor(chance.next() * 40) }, () =>
          record({
            ...{ traceId: any(traceId, "f".repeat(32)), parentId: any(undefined, parent.spanId) },
            ...{ spanId: any(undefined, "00f067aa0ba902b7"), name: any("order", "", "ü".repeat(70), "n".repeat(1000)) },
            ...{ kind: any("internal", "server", "client"), remote: any(true, false), failed: any(true, false) },
            start: 1.7e12 + Math.floor(chance.next() * 1e12) / 8,
            attributes: any(undefined, {
              n: any(0, 127, -1, -2, -3, 0.1, 2 ** 53 - 1, 1e300, Number.NaN),
              text: any<string | boolean | undefined>(
                "",
                "a",
                "€".repeat(300),
                "\n\0",
                "\ud800",
                true,
                false,
                undefined,
              ),
            }),
            error: any(undefined, "NO_MONEY"),
          }),
        );
        for (const span of told) writer.add(span);
        expect(writer.spans, `seed ${seed}`).toBe(told.length);
        expect(received(writer.take()), `seed ${seed}`).toEqual(told.map(plain));
      }
    }
  });

  /** `toEqual` takes what is undefined for what is not there. */
  const plain = ({ error, attributes, ...rest }: SpanRecord) => ({
    ...rest,
    attributes: { ...attributes, "error.type": error },
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
    const limits = { delayMs: 1e6, batch: 100, queue: 100 };
    const one = new Tracing(new SpanQueue(thread, limits, new Notes()), samplerOf());
    const sent = () => {
      void one.queue.close();
      thread.emit("exit");
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

  it("goes on where it was brought from another thread, with the times that are told", async () => {
    const { one, sent } = recording();
    const elsewhere = structuredClone(one.entered(traceId, undefined) as SpanRef);
    one.span({ name: "order.validate", parent: elsewhere, start: 1, end: 2 });
    one.span({ name: "order.risk", parent: elsewhere, start: 4, end: 5 });
    const [first, second] = sent();
    expect([first?.parentId, second?.parentId]).toEqual([elsewhere.spanId, elsewhere.spanId]);
    expect((second?.start ?? 0) - (first?.end ?? 0)).toBe(2);
  });

  it("has no time between two parts of which it says nothing", async () => {
    const { one, sent } = recording();
    const call = one.entered(traceId, undefined);
    one.span({ name: "order.validate", parent: call, start: 1, end: 2 });
    one.span({ name: "order.risk", parent: call, start: 4, end: 5 });
    const [first, second] = sent();
    expect(second?.start).toBe(first?.end);
  });

  it("is recorded as a whole or not at all", async () => {
    const { one, sent } = recording();
    expect(one.entered(traceId, { ...parent, sampled: false })).toBeUndefined();
    const { traced: _, ...untraced } = order({});
    expect(one.spanOf(untraced as Order)).toBeUndefined();
    expect(one.named(undefined)).toBeUndefined();
    one.span({ name: "order", parent: undefined, start: 0, end: 1 });
    expect(sent()).toEqual([]);
  });

  it("follows the caller's, and holds the server's failures against it but not the caller's", async () => {
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
    const calls = spans.filter(({ name }) => name === "a.B/C");
    expect(calls.map(({ failed, attributes }) => [failed, attributes?.["error.type"]])).toEqual([
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

  it("is off unless an endpoint is set, and when it is switched off", async () => {
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
    tracing?.span({ name: "order", parent: tracing.entered(traceId, { ...parent, sampled: true }), start: 1, end: 2 });
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

  it("speaks JSON where that is asked for", async () => {
    collector = await startCollector();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" };
    const tracing = openTracing(env, {}, new Notes());
    tracing?.queue.add(record());
    await tracing?.queue.close();
    expect(collector.headers[0]).toMatchObject({ "content-type": "application/json" });
    expect(tracing?.queue).toMatchObject({ exported: 1, dropped: 0 });
  });

  it("names every span without a name of its own, each differently", async () => {
    collector = await startCollector();
    const tracing = openTracing({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint }, {}, new Notes());
    for (let i = 0; i < 1000; i++) tracing?.queue.add(record({ spanId: undefined }));
    await tracing?.queue.close();
    const ids = collector.spans.map(({ spanId }) => spanId);
    for (const id of ids) expect(id).toMatch(/^(?!0{16})[0-9a-f]{16}$/);
    expect(new Set(ids).size).toBe(1000);
  });

  it("speaks gRPC where that is asked for", async () => {
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
    other?.span({ name: "order", parent: other.entered(traceId, undefined), start: 1, end: 2 });
    await other?.queue.close();
    server.forceShutdown();
    expect(received.flatMap(spansOf)).toEqual([expect.objectContaining({ name: "order", traceId })]);
  });

  /** A collector's answer: so many spans were refused, by the numbers of the fields. */
  const partly = (rejected: number) => Buffer.from([0x0a, 2, 0x08, rejected]);

  it.each([
    ["a request", 400, 0],
    ["some spans of each request", partly(1), 2],
  ])("counts it when a collector refuses %s, and says so once", async (_, answer, exported) => {
    collector = await startCollector(() => answer);
    const notes = new Notes();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "2" };
    const tracing = openTracing(env, {}, notes);
    for (let i = 0; i < 5; i++) tracing?.queue.add(record());
    await tracing?.queue.close();
    expect(tracing?.queue).toMatchObject({ exported, dropped: 5 - exported });
    expect(notes.lines).toEqual(["warn tracing: spans do not reach the collector"]);
  });

  it("does not wait for ever for a collector that never answers, and says what is lost", async () => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const notes = new Notes();
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const tracing = openTracing({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }, {}, notes);
    tracing?.queue.add(record());
    await tracing?.queue.close();
    expect(tracing?.queue).toMatchObject({ exported: 0, dropped: 1 });
    expect(notes.lines).toEqual(["warn tracing: the last spans have not reached the collector"]);
    silent.close();
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
