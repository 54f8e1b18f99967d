/**
 * How a failure looks in HTTP, as the Connect protocol has it.
 */
import { codeToHttpStatus } from "@connectrpc/connect/protocol-connect";
import { codes } from "../contract/fault-status.ts";
import { type BridgeError, faults } from "../core/errors.ts";

/** Whole seconds, for the header of that name. */
export function retryAfterOf({ retryAfterMs }: BridgeError): string | undefined {
  return retryAfterMs === undefined ? undefined : String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
}

export function httpStatusOf({ fault }: BridgeError): number {
  return codeToHttpStatus(codes[faults[fault].status]);
}
