import { promisify } from "node:util";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { ROOT_CONTEXT } from "@opentelemetry/api";
import { SamplingDecision, TraceIdRatioBasedSampler } from "@opentelemetry/sdk-trace";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Order } from "../../src/core/model/order.ts";
import type { Attributes, SpanRef } from "../../src/core/ports/witness.ts";
import { samplerOf } from "../../src/telemetry/sampler.ts";
import { type Batch, SpanBytes, type SpanRecord } from "../../src/telemetry/span-bytes.ts";
import { type SpanExport, SpanQueue } from "../../src/telemetry/span-queue.ts";
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

const origin = { resource: { "service.name": "mt5-bridge" }, scope: "mt5-bridge", version: "1" };

/** A way to the collector that answers when the test says so. */
class ScriptedExport implements SpanExport {
  readonly batches: SeenSpan[][] = [];
  readonly #sent: PromiseWithResolvers<number>[] = [];
  closed = false;

  send({ bytes }: Batch): Promise<number> {
    this.batches.push(spansOf(Buffer.from(bytes)));
    const sent = Promise.withResolvers<number>();
    this.#sent.push(sent);
    return sent.promise;
  }

  close(): void {
    this.closed = true;
  }

  /** The oldest request is answered. */
  async answers(refused: number | Error): Promise<void> {
    await vi.waitFor(() => expect(this.#sent.length).toBeGreaterThan(0));
    const sent = this.#sent.shift();
    if (refused instanceof Error) sent?.reject(refused);
    else sent?.resolve(refused);
  }
}

describe("the queue of spans", () => {
  const queueOf = (limits: { readonly queue: number; readonly batch: number }) => {
    const [exporter, notes] = [new ScriptedExport(), new Notes()];
    return {
      exporter,
      notes,
      queue: new SpanQueue(new SpanBytes(origin), exporter, { delayMs: 1e6, ...limits }, notes),
    };
  };

  it("hands them over in batches, one at a time, each span whole, and the rest when it is closed", async () => {
    const { exporter, queue } = queueOf({ queue: 10_000, batch: 512 });
    const attributes = { "a.text": "ü€😀", "a.flag": false, "a.number": 1.5, "not.set": undefined };
    for (let i = 0; i < 1600; i++) queue.add(record({ name: `span ${i}`, attributes, error: "NO_MONEY" }));
    const closed = queue.close();
    for (let i = 1; i <= 4; i++) {
      await exporter.answers(0);
      expect(exporter.batches).toHaveLength(i);
    }
    await closed;
    expect(exporter.batches.map(({ length }) => length)).toEqual([512, 512, 512, 64]);
    const seen = exporter.batches.flat();
    expect(seen.map(({ name }) => name)).toEqual(Array.from({ length: 1600 }, (_, i) => `span ${i}`));
    for (const span of seen) {
      expect(span).toMatchObject({ resource: origin.resource, scope: origin.scope });
      expect(span.attributes).toEqual({ "a.text": "ü€😀", "a.flag": false, "a.number": 1.5, "error.type": "NO_MONEY" });
    }
    expect(exporter.closed).toBe(true);
    expect(queue).toMatchObject({ exported: 1600, dropped: 0 });
  });

  it("is bounded, wherever the spans are: those beyond the limit are dropped and counted", async () => {
    const { exporter, queue } = queueOf({ queue: 1000, batch: 300 });
    for (let i = 0; i < 1200; i++) queue.add(record());
    expect(queue).toMatchObject({ exported: 0, dropped: 200 });
    await exporter.answers(0);
    await vi.waitFor(() => expect(queue.exported).toBe(300));
    for (let i = 0; i < 400; i++) queue.add(record());
    expect(queue).toMatchObject({ exported: 300, dropped: 300 });
  });

  it("does not wait for ever for a collector that never answers, and says what is lost", async () => {
    const { exporter, notes, queue } = queueOf({ queue: 10, batch: 10 });
    queue.add(record());
    await queue.close();
    expect(exporter.closed).toBe(true);
    expect(notes.lines).toEqual(["warn tracing: the last spans have not reached the collector"]);
  });

  it("says once that the collector takes nothing, and once that it does again", async () => {
    const { exporter, notes, queue } = queueOf({ queue: 10, batch: 1 });
    for (let i = 0; i < 5; i++) queue.add(record());
    const closed = queue.close();
    for (let i = 0; i < 2; i++) await exporter.answers(new Error("refused"));
    await exporter.answers(1); // which the collector took, but for one span
    for (let i = 0; i < 2; i++) await exporter.answers(0);
    await closed;
    expect(queue).toMatchObject({ exported: 2, dropped: 3 });
    expect(notes.lines).toEqual([
      "warn tracing: spans do not reach the collector",
      "info tracing: spans get through again",
    ]);
  });
});

describe("the bytes of spans", () => {
  const hex = (chance: ReturnType<typeof seeded>, length: number) =>
    Array.from({ length }, () => Math.floor(chance.next() * 16).toString(16)).join("");

  it("say what was told, whatever it was and behind whatever it came", () => {
    for (let seed = 0; seed < 100; seed++) {
      const chance = seeded(seed);
      const any = <T>(...of: readonly T[]) => of[Math.floor(chance.next() * of.length)] as T;
      const traces = Array.from({ length: 2 }, () => hex(chance, 32));
      const parents = [undefined, ...Array.from({ length: 2 }, () => hex(chance, 16))];
      const bytes = new SpanBytes(origin);
      for (let batch = 0; batch < 3; batch++) {
        const told = Array.from({ length: 1 + Math.floor(chance.next() * 40) }, () =>
          record({
            ...{ traceId: any(...traces), parentId: any(...parents), spanId: any(undefined, hex(chance, 16)) },
            name: any("order", "ü".repeat(70), "n".repeat(1000)),
            start: 1.7e12 + Math.floor(chance.next() * 1e12) / 8,
            attributes: {
              n: any(0, 127, 128, -1, 0.1, 2 ** 53 - 1, 1e300),
              text: any<string | boolean>("", "a", "€".repeat(300), true),
            },
          }),
        );
        for (const span of told) bytes.add(span);
        const sent = bytes.take();
        const seen = spansOf(Buffer.from(sent.bytes));
        expect(sent.spans, `seed ${seed}`).toBe(told.length);
        expect(seen.map(plain), `seed ${seed}`).toEqual(told.map(asSeen));
        for (const { spanId } of seen) expect(spanId, `seed ${seed}`).toMatch(/^[0-9a-f]{16}$/);
        if (chance.next() < 0.5) bytes.reuse(sent);
      }
    }
  });

  const plain = ({ traceId, parentId, name, start, attributes }: SeenSpan) => ({
    ...{ traceId, parentId, name, start, attributes },
  });
  const asSeen = ({ traceId, parentId = "", name, start, attributes }: SpanRecord) => ({
    ...{ traceId, parentId, name, start: BigInt(start * 8) * 125_000n, attributes },
  });

  it("name every span without a name of its own, each differently", () => {
    const bytes = new SpanBytes(origin);
    for (let i = 0; i < 2000; i++) bytes.add(record({ spanId: undefined }));
    const seen = spansOf(Buffer.from(bytes.take().bytes));
    expect(new Set(seen.map(({ spanId }) => spanId)).size).toBe(2000);
  });

  it("have room for as much of a text as a collector shows", () => {
    const bytes = new SpanBytes(origin);
    bytes.add(record({ attributes: { ascii: "a".repeat(1e6), wide: "€".repeat(1e6) } }));
    const [seen] = spansOf(Buffer.from(bytes.take().bytes));
    expect(seen?.attributes).toEqual({ ascii: "a".repeat(1000), wide: "€".repeat(1000) });
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
    const exporter = new ScriptedExport();
    const limits = { delayMs: 1e6, batch: 100, queue: 100 };
    const one = new Tracing(new SpanQueue(new SpanBytes(origin), exporter, limits, new Notes()), samplerOf());
    const sent = async () => {
      const closed = one.queue.close();
      if (one.queue.waiting > 0) await exporter.answers(0);
      await closed;
      return exporter.batches.flat();
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
    const [first, second] = await sent();
    expect([first?.parentId, second?.parentId]).toEqual([elsewhere.spanId, elsewhere.spanId]);
    expect((second?.start ?? 0n) - (first?.end ?? 0n)).toBe(2_000_000n);
  });

  it("has no time between two parts of which it says nothing", async () => {
    const { one, sent } = recording();
    const call = one.entered(traceId, undefined);
    one.span({ name: "order.validate", parent: call, start: 1, end: 2 });
    one.span({ name: "order.risk", parent: call, start: 4, end: 5 });
    const [first, second] = await sent();
    expect(second?.start).toBe(first?.end);
  });

  it("is recorded as a whole or not at all", async () => {
    const { one, sent } = recording();
    expect(one.entered(traceId, { ...parent, sampled: false })).toBeUndefined();
    const { traced: _, ...untraced } = order({});
    expect(one.spanOf(untraced as Order)).toBeUndefined();
    expect(one.named(undefined)).toBeUndefined();
    one.span({ name: "order", parent: undefined, start: 0, end: 1 });
    expect(await sent()).toEqual([]);
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
    const spans = await sent();
    const calls = spans.filter(({ name }) => name === "a.B/C");
    expect(calls.map(({ status, attributes }) => [status, attributes["error.type"]])).toEqual([
      [0, undefined],
      [0, "NOT_FOUND"],
      [2, "INTERNAL"],
    ]);
    expect(spans.at(-1)).toMatchObject({
      ...{ traceId, parentId: parent.spanId, flags: 0x301, name: "a.B/C", kind: 2 },
      attributes: { "rpc.system.name": "connectrpc", "rpc.method": "a.B/C", "rpc.response.status_code": "INTERNAL" },
    });
  });
});

describe("tracing", () => {
  let collector: Collector | undefined;
  afterEach(async () => {
    vi.unstubAllEnvs();
    await collector?.close();
  });

  /** The variables are the process's own: OpenTelemetry's exporters read them there. */
  const openedWith = (env: Readonly<Record<string, string>>, known: Attributes = {}, notes = new Notes()) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    return openTracing(process.env, known, notes);
  };

  it("is off unless an endpoint is set, and when it is switched off", async () => {
    const OTEL_EXPORTER_OTLP_ENDPOINT = "http://127.0.0.1:4318";
    for (const env of [
      {},
      { OTEL_EXPORTER_OTLP_ENDPOINT: "" },
      { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: "true" },
      { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: "none" },
    ]) {
      expect(await openTracing(env, {}, new Notes())).toBeUndefined();
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
    const tracing = await openedWith(env, { "service.name": "mt5-bridge", "service.version": "1" }, notes);
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
    const tracing = await openedWith({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
    tracing?.queue.add(record(more));
    await tracing?.queue.close();
    expect(collector.spans).toHaveLength(1);
    expect(collector.spans[0]).toMatchObject({ traceId, spanId: record().spanId, name: "order", ...seen });
    expect(collector.spans[0]?.attributes).toEqual(seen.attributes ?? {});
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
    const other = await openedWith(grpc);
    other?.span({ name: "order", parent: other.entered(traceId, undefined), start: 1, end: 2 });
    await other?.queue.close();
    server.forceShutdown();
    expect(received.flatMap(spansOf)).toEqual([expect.objectContaining({ name: "order", traceId })]);
  });

  it("counts what a collector refuses, and says so once", async () => {
    collector = await startCollector(() => 400);
    const notes = new Notes();
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "2" };
    const tracing = await openedWith(env, {}, notes);
    for (let i = 0; i < 5; i++)
      tracing?.span({
        name: "order",
        parent: tracing.entered(traceId, { ...parent, sampled: true }),
        start: 1,
        end: 2,
      });
    await tracing?.queue.close();
    expect(tracing?.queue).toMatchObject({ exported: 0, dropped: 5 });
    expect(notes.lines).toEqual(["warn tracing: spans do not reach the collector"]);
  });

  it.each([
    ["OTEL_BSP_MAX_QUEUE_SIZE", "-1"],
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"],
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "thrift"],
    ["OTEL_TRACES_SAMPLER", "sometimes"],
    ["OTEL_TRACES_SAMPLER_ARG", "2"],
  ])("refuses %s=%s, which makes no sense", async (name, value) => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318", OTEL_TRACES_SAMPLER: "traceidratio" };
    await expect(openTracing({ ...env, [name]: value }, {}, new Notes())).rejects.toThrow(`${name}=${value}`);
  });
});
