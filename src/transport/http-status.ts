/**
 * The HTTP status that goes with a failure, as the Connect protocol has it.
 */
import { type BridgeError, faults } from "../core/errors.ts";

// biome-ignore format: a table is read by its columns
const httpStatuses: Readonly<Record<string, number>> = {
  CANCELLED: 499, UNKNOWN: 500, INVALID_ARGUMENT: 400, DEADLINE_EXCEEDED: 504, NOT_FOUND: 404, ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403, RESOURCE_EXHAUSTED: 429, FAILED_PRECONDITION: 400, ABORTED: 409, OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501, INTERNAL: 500, UNAVAILABLE: 503, DATA_LOSS: 500, UNAUTHENTICATED: 401,
};

/** Whole seconds, for the header of that name. */
export function retryAfterOf({ retryAfterMs }: BridgeError): string | undefined {
  return retryAfterMs === undefined ? undefined : String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
}

export function httpStatusOf({ fault }: BridgeError): number {
  return httpStatuses[faults[fault].status] ?? 500;
}
