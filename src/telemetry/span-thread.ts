/**
 * The thread that exports spans: OpenTelemetry's own SDK, configured by the standard variables.
 *
 * Until a span is bytes, the SDK computes for several microseconds, and an order has eighteen of them. Here that takes
 * nothing from the thread that orders travel through. Which traces are recorded was decided where they began, and
 * spans come when they are over: so they go to the SDK's processor as they are, past its tracer.
 */
import { constants, setPriority } from "node:os";
import { platform } from "node:process";
import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { type Attributes, diag, type HrTime, SpanKind, SpanStatusCode, TraceFlags, trace } from "@opentelemetry/api";
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from "@opentelemetry/sdk-trace";
import { newSpanId } from "./span-ids.ts";
import { type Origin, type Protocol, type Reply, type Request, type SpanRecord, spansIn } from "./span-messages.ts";

const exporters: Readonly<Record<Protocol, () => SpanExporter>> = {
  "http/protobuf": () => new ProtobufExporter(),
  "http/json": () => new JsonExporter(),
  grpc: () => new GrpcExporter(),
};
const kinds = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER, client: SpanKind.CLIENT } as const;
const [passed, failed] = [{ code: SpanStatusCode.UNSET }, { code: SpanStatusCode.ERROR }];
const EXPORTED = 0;
/** How long the last spans may take to leave: nobody waits longer for a collector that is not there. */
const LAST_MS = 2000;

const port = parentPort;
if (port === null) throw new Error("span-thread runs in a thread of its own");
// Where a thread has a priority of its own, orders go first.
if (platform === "linux") setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
const { resource, scope, version, protocol, limits } = workerData as Origin;
const reply = (message: Reply): void => port.postMessage(message);

/** Of the request that is being answered. */
let refused = 0;
let isStarting = true;

/** What OpenTelemetry says of its settings; later, only of what a collector refuses of a request that it takes. */
function heard(message: string, detail?: unknown): void {
  if (isStarting) reply({ kind: "doubt", message });
  else if (message.startsWith("Received Partial Success"))
    refused = Number(JSON.parse(String(detail)).rejectedSpans ?? 0);
}

const ignored = () => undefined;
diag.setLogger({ error: heard, warn: heard, info: ignored, debug: ignored, verbose: ignored });

/** The bridge is told what becomes of every span. */
function told(own: SpanExporter): SpanExporter {
  return {
    export: (spans, done) =>
      own.export(spans, (result) => {
        const lost = result.code === EXPORTED ? Math.min(refused, spans.length) : spans.length;
        refused = 0;
        reply({ kind: "sent", spans: spans.length, refused: lost, error: result.error });
        done(result);
      }),
    shutdown: () => own.shutdown(),
  };
}

const exporter = told(exporters[protocol]());
const processor = new BatchSpanProcessor({
  exporter,
  maxExportBatchSize: limits.batch,
  maxQueueSize: limits.queue,
  scheduledDelayMillis: 0, // they have waited
});
const sdk = new NodeSDK({
  resource: defaultResource().merge(resourceFromAttributes({ ...resource })),
  spanProcessors: [processor],
});
sdk.start();
isStarting = false;

/** What all spans have in common, as the SDK makes it. */
const blank = trace.getTracer(scope, version).startSpan("") as unknown as ReadableSpan;

/** Seconds and nanoseconds. */
function timeOf(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

const none: never[] = [];

function readable(span: Omit<SpanRecord, "error">): ReadableSpan {
  const { traceId, spanId = newSpanId(), parentId, remote, start, end } = span;
  const context = { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
  const made = {
    name: span.name,
    kind: kinds[span.kind],
    spanContext: () => context,
    startTime: timeOf(start),
    endTime: timeOf(end),
    duration: timeOf(end - start),
    status: span.failed ? failed : passed,
    attributes: span.attributes as Attributes,
    ended: true,
    resource: blank.resource,
    instrumentationScope: blank.instrumentationScope,
    links: none,
    events: none,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
  if (parentId === undefined) return made;
  const parentSpanContext = { traceId, spanId: parentId, traceFlags: TraceFlags.SAMPLED, isRemote: remote };
  return Object.assign(made, { parentSpanContext });
}

port.on("message", async (request: Request) => {
  if (request !== "close") {
    for (const span of spansIn(request)) processor.onEnd(readable(span));
    return;
  }
  // The SDK ends with the first failure, and leaves the exporter with what else is on its way.
  const sent = sdk.shutdown().catch(() => exporter.shutdown());
  await Promise.race([sent, delay(LAST_MS)]);
  process.exit();
});
