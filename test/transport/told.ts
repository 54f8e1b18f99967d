/** What a client is told of a failure, whatever the form in which a transport brings it. */
import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import type { Metadata } from "@grpc/grpc-js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "../../gen/ts/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/ts/google/rpc/status_pb.ts";
import { codes } from "../../src/contract/fault-status.ts";

export interface Told {
  readonly code: number;
  readonly message: string;
  readonly reason: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly { readonly field: string; readonly description: string }[];
  readonly retrySeconds: number | undefined;
  readonly quotas: readonly string[];
}

/** A detail in its bytes; the type's name may have a prefix. */
export interface Detail {
  readonly type: string;
  readonly value: Uint8Array;
}

/** A failure in Connect's JSON. */
export interface ErrorJson {
  readonly code: string;
  readonly message: string;
  readonly details: readonly { readonly type: string; readonly value: string }[];
}

/** The details by their kinds, each as a message. */
export function detailsIn(details: readonly Detail[]) {
  const one = <D extends DescMessage>(schema: D): MessageShape<D> | undefined => {
    const found = details.find(({ type }) => type.endsWith(schema.typeName));
    return found && fromBinary(schema, found.value);
  };
  return {
    info: one(ErrorInfoSchema),
    badRequest: one(BadRequestSchema),
    retryInfo: one(RetryInfoSchema),
    quotaFailure: one(QuotaFailureSchema),
  };
}

export function toldOf(code: number, message: string, details: readonly Detail[]): Told {
  const { info, badRequest, retryInfo, quotaFailure } = detailsIn(details);
  const delay = retryInfo?.retryDelay;
  return {
    code,
    message,
    reason: info?.domain === "mt5bridge" ? info.reason : undefined,
    metadata: info?.metadata ?? {},
    violations: badRequest?.fieldViolations.map(({ field, description }) => ({ field, description })) ?? [],
    retrySeconds: delay && Number(delay.seconds) + delay.nanos / 1e9,
    quotas: quotaFailure?.violations.map(({ subject }) => subject) ?? [],
  };
}

/** The details of a `google.rpc.Status` in its bytes. */
const detailsOfStatus = (bytes: Uint8Array): Detail[] =>
  fromBinary(StatusSchema, bytes).details.map(({ typeUrl, value }) => ({ type: typeUrl, value }));

/** Those that gRPC brings in its trailers. */
export function detailsOfTrailers(metadata: Metadata | undefined): Detail[] {
  const [bytes] = metadata?.get("grpc-status-details-bin") ?? [];
  return bytes instanceof Buffer ? detailsOfStatus(bytes) : [];
}

export function toldInStatus(bytes: Uint8Array): Told {
  const { code, message } = fromBinary(StatusSchema, bytes);
  return toldOf(code, message, detailsOfStatus(bytes));
}

export function toldInJson({ code, message, details }: ErrorJson): Told {
  const name = (code === "canceled" ? "CANCELLED" : code.toUpperCase()) as keyof typeof codes;
  const decoded = details.map(({ type, value }) => ({ type, value: Buffer.from(value, "base64") }));
  return toldOf(codes[name], message, decoded);
}
