/**
 * How spans leave: OpenTelemetry's own ways to a collector, with their addresses, headers, certificates, compression,
 * timeouts and retries, all of which they read from the standard variables by themselves.
 *
 * Loaded only where spans are to leave at all.
 */
import { diag } from "@opentelemetry/api";
import type { IOtlpExportDelegate } from "@opentelemetry/otlp-exporter-base";
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from "@opentelemetry/otlp-exporter-base/node-http";
import { convertLegacyOtlpGrpcOptions, createOtlpGrpcExportDelegate } from "@opentelemetry/otlp-grpc-exporter-base";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { envDetector } from "@opentelemetry/resources";
import type { Attributes } from "../core/ports/witness.ts";
import type { Batch } from "./span-bytes.ts";
import type { SpanExport } from "./span-queue.ts";

const grpcPath = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const httpHeaders = { "Content-Type": "application/x-protobuf" };
const metrics = { name: "span", countItems: ({ spans }: Batch) => spans } as const;

type Serializer = Parameters<typeof createOtlpHttpExportDelegate<Batch, unknown>>[1];
type Delegate = IOtlpExportDelegate<Batch>;

/** How spans are brought to the collector. */
const delegates = {
  "http/protobuf": (serializer: Serializer): Delegate => {
    const options = convertLegacyHttpOptions({}, "TRACES", "v1/traces", httpHeaders);
    return createOtlpHttpExportDelegate(options, serializer, "otlp_http_span_exporter", metrics, undefined);
  },
  grpc: (serializer: Serializer): Delegate => {
    const options = convertLegacyOtlpGrpcOptions({}, "TRACES");
    const type = "otlp_grpc_span_exporter";
    return createOtlpGrpcExportDelegate(options, serializer, type, metrics, undefined, "TraceExportService", grpcPath);
  },
};

export type Protocol = keyof typeof delegates;

/** `doubt` is told what is wrong with the variables. */
export function openExport(protocol: Protocol, doubt: (message: string) => void): SpanExport {
  let refused = 0;
  const ignored = () => undefined;
  diag.setLogger({ error: doubt, warn: doubt, info: ignored, debug: ignored, verbose: ignored });
  const delegate = delegates[protocol]({
    serializeRequest: ({ bytes }) => bytes,
    // Read before the result is told.
    deserializeResponse: (bytes) => {
      const answer = ProtobufTraceSerializer.deserializeResponse(bytes);
      refused = Number(answer.partialSuccess?.rejectedSpans ?? 0);
      return answer;
    },
  });
  diag.disable(); // the variables are read; from now on what is told of spans is enough
  return {
    send: (batch) =>
      new Promise((resolve, reject) => {
        refused = 0;
        delegate.export(batch, ({ code, error }) => {
          if (code === 0) resolve(Math.min(refused, batch.spans));
          else reject(error);
        });
      }),
    close: () => void delegate.shutdown(),
  };
}

/** Who spans are from, by OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME. */
export function resourceSaid(): Attributes {
  return { ...(envDetector.detect().attributes as Attributes) };
}
