/**
 * How long a caller will wait, by its request's header.
 *
 * The wrapper watches the deadline, on every transport alike.
 */
import { BridgeError } from "../../core/errors.ts";
import type { Instant } from "../../core/model/ids.ts";
import type { Dialect } from "./dialect.ts";

// biome-ignore format: a table is read by its columns
const grpcUnits: Readonly<Record<string, number>> = {
  H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6,
};

/** Undefined: for ever. Throws for what is no time. */
export function deadlineOf(value: string | undefined, { timeoutHeader }: Dialect, now: Instant): Instant | undefined {
  if (value === undefined) return undefined;
  const ms = timeoutHeader === "grpc-timeout" ? grpcMs(value) : connectMs(value);
  if (ms === undefined) throw new BridgeError("invalid_argument", `Invalid ${timeoutHeader} value.`);
  return (now + ms) as Instant;
}

function connectMs(value: string): number | undefined {
  return /^\d{1,10}$/.test(value) ? Number(value) : undefined;
}

function grpcMs(value: string): number | undefined {
  const [, digits, unit = ""] = /^(\d{1,8})([HMSmun])$/.exec(value) ?? [];
  return digits === undefined ? undefined : Number(digits) * (grpcUnits[unit] ?? 0);
}
