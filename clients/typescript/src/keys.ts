/**
 * Keys of orders under way, kept from before they are sent until their answer is known.
 *
 * Whoever crashes in between finds here what it had sent, and sends it again with the same key: the bridge acts on a
 * key once, whenever and however often it comes.
 */
import type { JsonValue } from "@bufbuild/protobuf";

/** A request that was sent, or was just about to be. */
export interface KeptRequest {
  readonly clientOrderId: string;
  /** Which RPC, for example `placeOrder`. */
  readonly rpc: string;
  /** The whole request as protobuf's JSON. */
  readonly request: JsonValue;
}

export interface KeyStore {
  /** Resolves when the request would survive a crash. */
  keep(kept: KeptRequest): Promise<void>;
  forget(clientOrderId: string): Promise<void>;
  all(): Promise<KeptRequest[]>;
}

/** Survives nothing: for tests, and for strategies that keep their keys themselves. */
export function memoryKeys(): KeyStore {
  const kept = new Map<string, KeptRequest>();
  return {
    keep: async (request) => void kept.set(request.clientOrderId, request),
    forget: async (id) => void kept.delete(id),
    all: async () => [...kept.values()],
  };
}

/** What browsers call localStorage. */
export interface TextStorage {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** In a browser: survives a reload and a crash of the page. Another `prefix` is another set of keys. */
export function storageKeys(storage: TextStorage, prefix = "mt5bridge."): KeyStore {
  return {
    keep: async (request) => storage.setItem(prefix + request.clientOrderId, JSON.stringify(request)),
    forget: async (id) => storage.removeItem(prefix + id),
    all: async () =>
      Array.from({ length: storage.length }, (_, index) => storage.key(index))
        .filter((name) => name?.startsWith(prefix) === true)
        .map((name) => JSON.parse(storage.getItem(name ?? "") ?? "null") as KeptRequest),
  };
}
