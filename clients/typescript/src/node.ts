/** The client for Node: over Connect (port 8001), on HTTP/2 or HTTP/1.1, or over gRPC (port 50051). */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
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

interface Place extends CommonOptions {
  /** For example http://127.0.0.1:8001, or https:// where the bridge has TLS. */
  readonly baseUrl: string;
  /** For https: `ca` are the authorities to trust instead of Node's own, as PEM; `cert` and `key` are the client's. */
  readonly tls?: { readonly ca?: string | Buffer; readonly cert?: string | Buffer; readonly key?: string | Buffer };
}
/** Connect, the default, is spoken on port 8001; gRPC on both. HTTP/1.1 is for what stands between and knows no other. */
export type BridgeOptions = Place &
  (
    | { readonly protocol?: "connect"; readonly httpVersion?: "1.1" | "2" }
    | { readonly protocol: "grpc"; readonly httpVersion?: "2" }
  );

/** A bridge that vanishes without a word is missed after so long. */
const pingIntervalMs = 10_000;
const pingTimeoutMs = 5_000;

/** Connects when the first call is made, and again whenever it has to. Call `close` in the end. */
export function bridge(options: BridgeOptions): Bridge {
  const { baseUrl, tls = {}, protocol = "connect", httpVersion = "2" } = options;
  const interceptors = interceptorsOf(options);
  if (httpVersion === "1.1") {
    const agent = new (baseUrl.startsWith("https:") ? HttpsAgent : HttpAgent)({ keepAlive: true });
    const transport = createConnectTransport({ baseUrl, interceptors, httpVersion, nodeOptions: { ...tls, agent } });
    return new Bridge(transport, options, () => agent.destroy());
  }
  const sessionManager = new Http2SessionManager(baseUrl, { pingIntervalMs, pingTimeoutMs }, tls);
  const setup = { baseUrl, sessionManager, interceptors };
  const transport =
    protocol === "grpc" ? createGrpcTransport(setup) : createConnectTransport({ ...setup, httpVersion });
  return new Bridge(transport, options, () => sessionManager.abort());
}
