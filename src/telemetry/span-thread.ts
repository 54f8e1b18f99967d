/**
 * The thread that exports spans: OpenTelemetry's own SDK, configured by the standard variables.
 *
 * Until a span is bytes, the SDK computes for several microseconds, and an order has
 * seventeen of them. Here that takes nothing from the thread that orders travel through.
 * Which traces are recorded was decided where they began: whatever comes is exported.
 */
import { constants, setPriority } from "node:os";
import { platform } from "node:process";
import { parentPort, workerData } from "node:worker_threads";
import { diag, ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from "@opentelemetry/api";
import { OTLPTraceExporter as GrpcExporter } from "@opentelemetry/exporter-trace-otlp-grpc";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { defaultResource, resourceFromAttributes } from "@opentelemetry/resources";
import { NodeSDK, type NodeSDKConfiguration } from "@opentelemetry/sdk-node";
import { type Origin, type Protocol, type Reply, type Request, type SpanRecord, unpack } from "./span-messages.ts";

type Exporter = NodeSDKConfiguration["traceExporter"];

const exporters: Readonly<Record<Protocol, () => Exporter>> = {
  "http/protobuf": () => new ProtobufExporter(),
  "http/json": () => new JsonExporter(),
  grpc: () => new GrpcExporter(),
};
const kinds = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER, client: SpanKind.CLIENT } as const;
const EXPORTED = 0;

const port = parentPort;
if (port === null) throw new Error("span-thread runs in a thread of its own");
// Where a thread has a priority of its own, orders go first.
if (platform === "linux") setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
const reply = (message: Reply): void => port.postMessage(message);
const doubt = (message: string): void => reply({ kind: "doubt", message });

/** The bridge is told what becomes of every span. */
function told(exporter: Exporter): Exporter {
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.code === EXPORTED) reply({ kind: "exported", spans: spans.length });
        else reply({ kind: "lost", spans: spans.length, error: result.error });
        done(result);
      }),
    shutdown: () => exporter.shutdown(),
  };
}

/** The span that is being made: its names were given before. */
let made: Pick<SpanRecord, "traceId" | "spanId"> = { traceId: "", spanId: "" };

const { resource, scope, version, protocol } = workerData as Origin;
const ignored = () => undefined;
diag.setLogger({ error: doubt, warn: doubt, info: ignored, debug: ignored, verbose: ignored });
const sdk = new NodeSDK({
  resource: defaultResource().merge(resourceFromAttributes({ ...resource })),
  traceExporter: told(exporters[protocol]()),
  idGenerator: { generateTraceId: () => made.traceId, generateSpanId: () => made.spanId },
});
sdk.start();
diag.disable(); // its settings are read; from now on what is told of spans is enough
const tracer = trace.getTracer(scope, version);

function make(span: Omit<SpanRecord, "error">): void {
  made = span;
  const { traceId, parentId, remote, start, attributes } = span;
  const parent = parentId && { traceId, spanId: parentId, traceFlags: TraceFlags.SAMPLED, isRemote: remote };
  const context = parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
  const options = { kind: kinds[span.kind], startTime: start, attributes: { ...attributes } };
  const one = tracer.startSpan(span.name, options, context);
  if (span.failed) one.setStatus({ code: SpanStatusCode.ERROR });
  one.end(span.end);
}

port.on("message", (request: Request) => {
  if (request !== "close") {
    for (const span of unpack(request)) make(span);
    return;
  }
  sdk
    .shutdown()
    .catch(() => undefined) // that they are lost was told
    .finally(() => port.close());
});
