/**
 * The way to the collector: OTLP over HTTP in protobuf, by the standard OTEL_* variables.
 *
 * OpenTelemetry's own exporter brings the bytes there: it knows endpoint, headers,
 * certificates, compression, timeout and when to try again. This file is loaded only
 * where there is a collector; the packages behind it would cost every bridge memory and
 * time to start.
 */
import { convertLegacyHttpOptions, createOtlpHttpExportDelegate } from "@opentelemetry/otlp-exporter-base/node-http";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import type { Attributes } from "../core/ports/witness.ts";
import type { Send } from "./span-queue.ts";

const SUCCESS = 0;

export interface Collector {
  readonly send: Send;
  close(): Promise<void>;
}

export function openCollector(): Collector {
  const headers = { "Content-Type": "application/x-protobuf" };
  const delegate = createOtlpHttpExportDelegate<Buffer, undefined>(
    convertLegacyHttpOptions({}, "TRACES", "v1/traces", headers),
    { serializeRequest: (bytes) => bytes, deserializeResponse: () => undefined },
    "otlp_http_span_exporter",
    { name: "span", countItems: () => 0 },
    undefined,
  );
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        delegate.export(request, ({ code, error }) => {
          if (code === SUCCESS) resolve();
          else reject(error ?? new Error("the collector did not take the spans"));
        });
      }),
    close: () => delegate.shutdown(),
  };
}

/** Who the spans are from: what we know, then OTEL_RESOURCE_ATTRIBUTES, then OTEL_SERVICE_NAME. */
export function resourceOf(known: Attributes): Attributes {
  const { attributes } = defaultResource()
    .merge(resourceFromAttributes({ ...known }))
    .merge(detectResources({ detectors: [envDetector] }));
  return Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [key, typeof value === "object" ? String(value) : value]),
  ) as Attributes;
}
