/** The client for browsers: over Connect (port 8001), with keys in localStorage. */
import { createConnectTransport } from "@connectrpc/connect-web";
import { Bridge, type CommonOptions, interceptorsOf } from "./bridge.ts";
import { memoryKeys, storageKeys } from "./keys.ts";

export { Bridge, type OrderEvent } from "./bridge.ts";
export * from "./contract.ts";
export { BridgeError, type Retry, type Violation } from "./failure.ts";
export type { FollowOptions, StreamState } from "./follow.ts";
export { type KeptRequest, type KeyStore, memoryKeys, storageKeys, type TextStorage } from "./keys.ts";
export type { Orders, SendOptions } from "./orders.ts";
export { stageName } from "./words.ts";

export interface BridgeOptions extends CommonOptions {
  /** For example http://127.0.0.1:8001 */
  readonly baseUrl: string;
}

export function bridge(options: BridgeOptions): Bridge {
  const { baseUrl } = options;
  const transport = createConnectTransport({ baseUrl, useBinaryFormat: true, interceptors: interceptorsOf(options) });
  // A page that may not store anything can still trade; it forgets its keys when it is left.
  const keys = typeof localStorage === "undefined" ? memoryKeys() : storageKeys(localStorage);
  return new Bridge(transport, { keys, ...options });
}
