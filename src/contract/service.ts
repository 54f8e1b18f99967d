/**
 * What a service is to a transport: a descriptor and a function for each RPC.
 *
 * An implementation is written once. It knows messages and a `Call`, and nothing of
 * gRPC, Connect or WebSocket; every transport serves the very same object.
 */
import type {
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageShape,
} from "@bufbuild/protobuf";
import type { Instant } from "../core/model/ids.ts";
import type { SpanRef } from "../core/ports/witness.ts";
import type { Principal } from "./principal.ts";

/** What an implementation may know of the request it answers. */
export interface Call {
  readonly principal: Principal;
  /** Names the request in logs, orders and traces: 32 hexadecimal digits. */
  readonly traceId: string;
  /** The call's own span, where its trace is recorded. */
  readonly span: SpanRef | undefined;
  /** When the caller stops waiting. */
  readonly deadline: Instant | undefined;
  /** Aborts when the caller is gone or its deadline has passed. Every wait obeys it. */
  readonly signal: AbortSignal;
  /** Aborts when the bridge is about to go: a stream says `closing` and ends. Unary calls go on. */
  readonly leaving: AbortSignal;
}

type Method<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: MessageShape<I>, call: Call) => MessageShape<O> | Promise<MessageShape<O>>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageShape<I>, call: Call) => AsyncIterable<MessageShape<O>>
      : M extends DescMethodBiDiStreaming<infer I, infer O>
        ? (requests: AsyncIterable<MessageShape<I>>, call: Call) => AsyncIterable<MessageShape<O>>
        : never;

/** A function for each RPC of a service. */
export type Implementation<S extends DescService> = { readonly [K in keyof S["method"]]: Method<S["method"][K]> };

/** A service as transports take it. */
export interface Service {
  readonly descriptor: DescService;
  readonly implementation: Readonly<Record<string, unknown>>;
  /** Unary calls are answered even while the bridge is full or leaving: health and administration. */
  readonly always: boolean;
}

/** Ties an implementation to its descriptor, and lets the compiler see that no RPC is missing. */
export function service<S extends DescService>(
  descriptor: S,
  implementation: Implementation<S>,
  { always = false }: { readonly always?: boolean } = {},
): Service {
  return { descriptor, implementation: implementation as Readonly<Record<string, unknown>>, always };
}
