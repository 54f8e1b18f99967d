import type { CallerTrace } from "../core/ports/witness.ts";

/** The caller's trace by its header `traceparent`, as the W3C defines it; undefined for anything else. */
export function readTraceparent(traceparent: string | undefined): CallerTrace | undefined {
  if (traceparent === undefined) return undefined;
  const [, version, traceId = "", spanId = "", flags = ""] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/.exec(traceparent) ?? [];
  if (version === undefined || version === "ff" || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}
