/**
 * A failure, as every transport tells it: `google.rpc.Status` with typed details.
 *
 * Always true:
 *   - Whatever was thrown, the caller gets a row of the fault table, never a stack, a path or a library's words.
 *   - A status fits into the trailers of every gRPC client; C-based ones refuse more than 8 KiB. What does not fit
 *     is counted, not sent.
 *   - A detail can always be serialised: they are built here only, from well-formed strings.
 */
import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack, durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "../../gen/ts/google/rpc/error_details_pb.ts";
import { type Status, StatusSchema } from "../../gen/ts/google/rpc/status_pb.ts";
import { BridgeError, faults } from "../core/errors.ts";

const domain = "mt5bridge";

// biome-ignore format: a table is read by its columns
export const codes = {
  OK: 0, CANCELLED: 1, UNKNOWN: 2, INVALID_ARGUMENT: 3, DEADLINE_EXCEEDED: 4, NOT_FOUND: 5, ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7, RESOURCE_EXHAUSTED: 8, FAILED_PRECONDITION: 9, ABORTED: 10, OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12, INTERNAL: 13, UNAVAILABLE: 14, DATA_LOSS: 15, UNAUTHENTICATED: 16,
} as const;

const messageLimit = 600;
/** All strings of the details together. */
const detailsLimit = 3_500;

/** The row of the table that anything thrown stands for. What the caller must not see stays behind as the cause. */
export function faultOf(error: unknown, traceId: string, signal?: AbortSignal): BridgeError {
  if (signal?.aborted && (error === signal.reason || isAbort(error))) {
    return signal.reason instanceof BridgeError ? signal.reason : new BridgeError("canceled", "The caller has gone.");
  }
  if (error instanceof BridgeError && error.fault !== "internal") return error;
  if (isAbort(error)) return new BridgeError("canceled", "The call was canceled.", { cause: error });
  const message = `Something went wrong inside the bridge. It is in the bridge's log under trace id ${traceId}.`;
  return new BridgeError("internal", message, { metadata: { trace_id: traceId }, cause: error });
}

export function statusOf(error: BridgeError): Status {
  const row = faults[error.fault];
  const budget = { left: detailsLimit };
  const metadata: Record<string, string> = { order_may_exist: String(row.orderMayExist), retry: row.retry };
  for (const [key, value] of Object.entries(error.metadata)) {
    const text = shortened(value, 300);
    if (fits(budget, key, text)) metadata[key] = text;
  }
  const details: Any[] = [detail(ErrorInfoSchema, { reason: error.fault.toUpperCase(), domain, metadata })];
  if (error.retryAfterMs !== undefined) {
    details.push(detail(RetryInfoSchema, { retryDelay: durationFromMs(Math.ceil(error.retryAfterMs)) }));
  }
  if (error.fault === "quota_exceeded") {
    const { quota = "requests" } = error.metadata;
    const violations = [{ subject: shortened(quota, 100), description: shortened(error.message, messageLimit) }];
    details.push(detail(QuotaFailureSchema, { violations }));
  }
  const fieldViolations = error.violations
    .map(({ field, description }) => ({ field: shortened(field, 150), description: shortened(description, 400) }))
    .filter(({ field, description }) => fits(budget, field, description));
  if (fieldViolations.length > 0) details.push(detail(BadRequestSchema, { fieldViolations }));
  return create(StatusSchema, {
    code: codes[row.status],
    message: shortened(error.message, messageLimit),
    details,
  });
}

export function encodeStatus(status: Status): Uint8Array {
  return toBinary(StatusSchema, status);
}

function detail<D extends DescMessage>(schema: D, init: MessageInitShape<D>): Any {
  return anyPack(schema, create(schema, init));
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

function fits(budget: { left: number }, ...texts: string[]): boolean {
  const size = texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 4, 0);
  if (size > budget.left) return false;
  budget.left -= size;
  return true;
}

/** Cut to `limit` characters, and free of halves of characters, which no encoder takes. */
function shortened(text: string, limit: number): string {
  return (text.length > limit ? `${text.slice(0, limit - 1)}…` : text).toWellFormed();
}
