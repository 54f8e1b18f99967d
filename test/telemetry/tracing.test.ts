import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { afterEach, describe, expect, it } from "vitest";
import type { Order } from "../../src/core/model/order.ts";
import { samplerOf } from "../../src/telemetry/sampler.ts";
import { SpanBytes, type SpanRecord } from "../../src/telemetry/span-bytes.ts";
import { SpanQueue } from "../../src/telemetry/span-queue.ts";
import { openTracing, Tracing } from "../../src/telemetry/tracing.ts";
import { type Collector, type SeenSpan, spansOf, startCollector } from "../otlp.ts";
import { Notes } from "../terminals/paper/scripted.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const parent = { traceId, spanId: "b7ad6b7169203331" };

const record = (more: Partial<SpanRecord> = {}): SpanRecord => ({
  ...{ traceId, spanId: "00f067aa0ba902b7", parentId: parent.spanId, remote: false, name: "order", kind: "internal" },
  ...{ start: 1_795_277_517_001.25, end: 1_795_277_517_002.5, attributes: undefined, error: undefined, failed: false },
  ...more,
});

const origin = { resource: { "service.name": "bridge" }, scope: "mt5-bridge", version: "1.2.3" };
const written = (...records: SpanRecord[]): SeenSpan[] => {
  const bytes = new SpanBytes(64); // it has to grow
  for (const one of records) bytes.add(one);
  return spansOf(bytes.request(origin.resource, origin.scope, origin.version));
};

/** What OpenTelemetry's own serializer writes for the same span. */
function library(one: SpanRecord): SeenSpan[] {
  const time = (ms: number): [number, number] => [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)];
  const { traceId, spanId, parentId, attributes, error } = one;
  const given = Object.entries({ ...attributes, "error.type": error }).filter(([, value]) => value !== undefined);
  const bytes = ProtobufTraceSerializer.serializeRequest([
    {
      name: one.name,
      kind: { internal: 0, server: 1, client: 2 }[one.kind],
      spanContext: () => ({ traceId, spanId, traceFlags: 1 }),
      ...(parentId === undefined
        ? {}
        : { parentSpanContext: { traceId, spanId: parentId, traceFlags: 1, isRemote: one.remote } }),
      ...{ startTime: time(one.start), endTime: time(one.end), duration: [0, 0], ended: true, events: [], links: [] },
      status: { code: one.failed ? 2 : 0 },
      attributes: Object.fromEntries(given) as Record<string, string>,
      resource: resourceFromAttributes({ "service.name": "bridge" }),
      instrumentationScope: { name: origin.scope, version: origin.version },
      ...{ droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
    },
  ]);
  return spansOf(Buffer.from(bytes ?? []));
}

describe("a span's bytes", () => {
  it.each<[string, Partial<SpanRecord>]>([
    ["a plain one", {}],
    ["one without a parent", { parentId: undefined }],
    ["one whose parent is elsewhere", { remote: true, kind: "server" }],
    ["a failure", { error: "NO_MONEY", failed: true, kind: "client" }],
    ["the caller's doing", { error: "NOT_FOUND" }],
    [
      "attributes of every kind",
      { attributes: { a: "ü€😀 text", b: true, c: false, d: 0, e: 127, f: 128, g: 2 ** 40 } },
    ],
    ["fractions, and what is not set", { attributes: { a: 1.5, b: -0.25, c: undefined } }],
    ["more than a byte of length", { name: "n".repeat(300), attributes: { a: "é".repeat(20_000) } }],
    ["the first and the last moment", { start: 0, end: 4_102_444_799_999.75 }],
  ])("say of %s what the library says", (_, more) => {
    const one = record(more);
    expect(written(one)).toEqual(library(one));
  });

  it("hold many spans, each whole", () => {
    const many = Array.from({ length: 500 }, (_, i) => record({ name: `span ${i}`, attributes: { i } }));
    const names = written(...many).map(({ name, attributes }) => `${name} ${attributes["i"]}`);
    expect(names.toReversed()).toEqual(many.map(({ name }, i) => `${name} ${i}`));
  });
});

describe("the queue of spans", () => {
  const limits = { scheduleDelay: 3_600_000, maxExportBatchSize: 2, maxQueueSize: 5 };

  it("sends a batch as soon as it is full, one at a time, and the rest when it is flushed", async () => {
    const sent: string[][] = [];
    let underWay = 0;
    const send = async (request: Buffer) => {
      expect(++underWay).toBe(1);
      sent.push(
        spansOf(request)
          .map(({ name }) => name)
          .toReversed(),
      );
      await Promise.resolve();
      underWay -= 1;
    };
    const queue = new SpanQueue(send, origin, limits, new Notes());
    for (const name of ["a", "b", "c", "d", "e"]) queue.add(record({ name }));
    await queue.flush();
    expect(sent).toEqual([["a", "b"], ["c", "d"], ["e"]]);
    expect(queue).toMatchObject({ exported: 5, dropped: 0 });
  });

  it("is bounded: spans beyond the limit are dropped and counted", async () => {
    const queue = new SpanQueue(async () => undefined, origin, limits, new Notes());
    for (let i = 0; i < 9; i++) queue.add(record());
    await queue.flush();
    expect(queue).toMatchObject({ exported: 5, dropped: 4 });
    queue.add(record());
    await queue.flush();
    expect(queue.exported).toBe(6);
  });

  it("says once that the collector takes nothing, and once that it does again", async () => {
    let up = false;
    const send = async () => {
      if (!up) throw new Error("refused");
    };
    const notes = new Notes();
    const queue = new SpanQueue(send, origin, limits, notes);
    for (let i = 0; i < 3; i++) {
      queue.add(record());
      await queue.flush();
    }
    up = true;
    queue.add(record());
    await queue.flush();
    expect(queue).toMatchObject({ exported: 1, dropped: 3 });
    expect(notes.lines).toEqual([
      "warn tracing: spans do not reach the collector",
      "info tracing: spans get through again",
    ]);
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

  it("takes the share that is asked for, and the same traces each time", () => {
    const sampler = samplerOf("traceidratio", "0.25");
    const ids = Array.from(
      { length: 1000 },
      (_, i) =>
        `${"0".repeat(18)}f${Math.floor((i * 2 ** 52) / 1000)
          .toString(16)
          .padStart(13, "0")}`,
    );
    expect(ids.filter((id) => sampler(id, undefined))).toHaveLength(250);
  });

  it("is refused when nobody knows it", () => {
    expect(() => samplerOf("sometimes")).toThrow("OTEL_TRACES_SAMPLER=sometimes");
    expect(() => samplerOf("traceidratio", "2")).toThrow("from 0 to 1");
  });
});

describe("a trace", () => {
  const sent: SeenSpan[] = [];
  const tracing = () => {
    sent.length = 0;
    const limits = { scheduleDelay: 3_600_000, maxExportBatchSize: 100, maxQueueSize: 100 };
    const send = async (request: Buffer) => void sent.push(...spansOf(request));
    return new Tracing(new SpanQueue(send, origin, limits, new Notes()), samplerOf());
  };
  const order = (more: Partial<Order>) => ({ traceId, traced: true, id: "paper-0000000001", ...more }) as Order;

  it("names an order's span by the order: after a restart too, and another for each order", () => {
    const [one, other] = [tracing(), tracing()];
    const name = one.spanOf(order({}));
    expect(name).toEqual({ traceId, spanId: expect.stringMatching(/^(?!0{16})[0-9a-f]{16}$/) });
    expect(other.spanOf(order({ version: 9 } as Partial<Order>))).toEqual(name);
    const ids = Array.from({ length: 1000 }, (_, i) => one.spanOf(order({ id: `paper-${i}` as Order["id"] }))?.spanId);
    expect(new Set(ids).size).toBe(1000);
  });

  it("is recorded as a whole or not at all", async () => {
    const one = tracing();
    expect(one.entered(traceId, { ...parent, sampled: false })).toBeUndefined();
    const { traced: _, ...untraced } = order({});
    expect(one.spanOf(untraced as Order)).toBeUndefined();
    expect(one.span({ name: "order", parent: undefined, start: 0, end: 1 })).toBeUndefined();
    await one.close();
    expect(sent).toEqual([]);
  });

  it("follows the caller's, and holds the server's failures against it but not the caller's", async () => {
    const one = tracing();
    const caller = { ...parent, sampled: true };
    const call = { transport: "connect", method: "a.B/C", kind: "unary", caller, start: 1 } as const;
    for (const [status, fault] of [
      ["OK", undefined],
      ["NOT_FOUND", "unknown_order"],
      ["INTERNAL", "internal"],
    ] as const) {
      one.ended({ ...call, span: one.entered(traceId, caller), status, fault }, 2);
    }
    await one.close();
    expect(sent.toReversed().map(({ status, attributes }) => [status, attributes["error.type"]])).toEqual([
      [0, undefined],
      [0, "NOT_FOUND"],
      [2, "INTERNAL"],
    ]);
    expect(sent[0]).toMatchObject({
      ...{ traceId, parentId: parent.spanId, name: "a.B/C", kind: 2, flags: 0x301 },
      attributes: { "rpc.system.name": "connectrpc", "rpc.method": "a.B/C", "rpc.response.status_code": "INTERNAL" },
    });
  });
});

describe("tracing", () => {
  const before = { ...process.env };
  let collector: Collector | undefined;
  afterEach(async () => {
    process.env = { ...before };
    await collector?.close();
  });

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
    // The exporter reads these by itself.
    process.env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = `${collector.endpoint}/v1/traces`;
    process.env["OTEL_EXPORTER_OTLP_HEADERS"] = "x-tenant=desk%207";
    process.env["OTEL_RESOURCE_ATTRIBUTES"] = "team=fx,service.version=9";
    process.env["OTEL_SERVICE_NAME"] = "gateway";
    const known = { "service.name": "mt5-bridge", "service.version": "1" };
    const tracing = await openTracing(process.env, known, new Notes());
    tracing?.span({ name: "order", parent, start: 1, end: 2 });
    await tracing?.close();
    expect(collector.headers).toHaveLength(1);
    expect(collector.headers[0]).toMatchObject({ "content-type": "application/x-protobuf", "x-tenant": "desk 7" });
    expect(collector.spans).toEqual([expect.objectContaining({ name: "order", traceId, scope: "mt5-bridge" })]);
    expect(collector.spans[0]?.resource).toMatchObject({
      "service.name": "gateway",
      team: "fx",
      "service.version": "9",
    });
  });

  it("refuses settings that make no sense", async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318", OTEL_BSP_MAX_QUEUE_SIZE: "-1" };
    await expect(openTracing(env, {}, new Notes())).rejects.toThrow("OTEL_BSP_MAX_QUEUE_SIZE=-1");
  });
});
