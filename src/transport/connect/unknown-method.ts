/** A path like an RPC's that is none: told so in the caller's dialect. */
import { createAsyncIterable, type UniversalServerResponse } from "@connectrpc/connect/protocol";
import { contentTypeUnaryJson, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { BridgeError } from "../../core/errors.ts";
import type { Exchange } from "../exchange.ts";
import { dialectOf } from "./dialect.ts";
import { connectError } from "./failure.ts";

/** Undefined for what looks like no RPC. */
export function unknownMethod(exchange: Exchange, path: string): UniversalServerResponse | undefined {
  const type = exchange.header("content-type") ?? null;
  const dialect = dialectOf(type, "unary") ?? dialectOf(type, "stream");
  const looksLikeOne = /^\/[\w.]+\.\w+\/\w+$/.test(path) || dialect?.bare === false;
  if (dialect === undefined || !looksLikeOne || exchange.request.method !== "POST") return undefined;
  const error = connectError(new BridgeError("unknown_method", "There is no such method here."));
  if (dialect.protocol === "connect") {
    const body = createAsyncIterable([errorToJsonBytes(error, undefined)]);
    return { status: 404, header: new Headers({ "content-type": contentTypeUnaryJson }), body };
  }
  const trailer = new Headers();
  const last = dialect.end(trailer, error);
  const header = new Headers({ "content-type": dialect.contentType });
  return { status: 200, header, ...(last ? { body: createAsyncIterable([last]) } : { trailer }) };
}
