/** The client for Node: over gRPC (port 50051) or Connect (port 8001), both on HTTP/2. */
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { Bridge, type CommonOptions, interceptorsOf } from "./bridge.ts";

export { Bridge, type OrderEvent } from "./bridge.ts";
export * from "./contract.ts";
export { BridgeError, type Retry, type Violation } from "./failure.ts";
export { fileKeys } from "./file-keys.ts";
export type { FollowOptions, StreamState } from "./follow.ts";
export { type KeptRequest, type KeyStore, memoryKeys, storageKeys, type TextStorage } from "./keys.ts";
export type { Orders, SendOptions } from "./orders.ts";
export { stageName } from "./words.ts";

export interface BridgeOptions extends CommonOptions {
  /** For example http://127.0.0.1:8001 */
  readonly baseUrl: string;
  /** Default "connect". "grpc" is what port 50051 speaks. */
  readonly protocol?: "connect" | "grpc";
  /** What a TLS connection is made with, such as `ca`, `cert` and `key`. */
  readonly tls?: { readonly ca?: string | Buffer; readonly cert?: string | Buffer; readonly key?: string | Buffer };
}

/** A bridge that vanishes without a word is missed after so long. */
const pingIntervalMs = 10_000;
const pingTimeoutMs = 5_000;

/** Connects when the first call is made, and again whenever it has to. Call `close` in the end. */
export function bridge(options: BridgeOptions): Bridge {
  const { baseUrl, protocol = "connect", tls } = options;
  const sessionManager = new Http2SessionManager(baseUrl, { pingIntervalMs, pingTimeoutMs }, tls);
  const setup = { baseUrl, sessionManager, interceptors: interceptorsOf(options) };
  const transport =
    protocol === "grpc" ? createGrpcTransport(setup) : createConnectTransport({ ...setup, httpVersion: "2" });
  return new Bridge(transport, options, () => sessionManager.abort());
}
