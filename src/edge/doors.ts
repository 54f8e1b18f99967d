/**
 * The bridge's doors: gRPC, and HTTP with WebSocket, before the same services.
 *
 * They are the whole edge. Behind them are the services themselves, or, where the edge has threads of its own, lines
 * to whoever has them.
 */
import type { Config } from "../config.ts";
import type { Serving } from "../contract/probe-service.ts";
import type { Service } from "../contract/service.ts";
import type { SymbolsMeant } from "../contract/symbols-meant.ts";
import { createValidation } from "../contract/validation.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { LinkCarrier } from "../core/ports/link.ts";
import type { Observer } from "../core/ports/observer.ts";
import type { CallWitness } from "../core/ports/witness.ts";
import { newTraceId } from "../telemetry/span-ids.ts";
import type { Access } from "../transport/access.ts";
import type { Drain, InFlight } from "../transport/drain.ts";
import { serveGrpc } from "../transport/grpc/server.ts";
import { docsRoutes } from "../transport/http/docs.ts";
import { isAllowedOrigin } from "../transport/http/origins.ts";
import { serveHttp } from "../transport/http/server.ts";
import type { Refusals } from "../transport/refusals.ts";
import { websocketEndpoint } from "../transport/websocket/endpoint.ts";

/** Unary calls in flight at once, all clients together. */
const unaryLimit = 4096;

export interface DoorOptions {
  readonly config: Pick<Config, "network" | "limits">;
  readonly services: readonly Service[];
  readonly access: Access;
  readonly symbolsMeant: SymbolsMeant;
  readonly drain: Drain;
  readonly refusals: Refusals;
  readonly witness: CallWitness;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly health: Serving;
  /** What `mt5bridge-mode` says on every answer. */
  readonly mode: string;
  readonly ports: Ports;
  /** Takes terminals that dial in over gRPC; absent: none can. */
  readonly links?: ((carrier: LinkCarrier) => Promise<void>) | undefined;
  /** Whether other threads listen on the very same ports; the system shares connections out among them. */
  readonly shared: boolean;
  /** Told of every answer over HTTP. */
  readonly answered: (status: number, ms: number) => void;
}

/** 0: any free one. */
export interface Ports {
  readonly grpc: number;
  readonly http: number;
}

export interface Doors {
  readonly ports: Ports;
  /** Streams that are open. */
  streams(): number;
  /** WebSockets that are open. */
  webSockets(): number;
  /** Tells the streams, lets calls end for `graceMs`, then closes everything. Resolves with what was cut off. */
  stop(graceMs: number): Promise<InFlight>;
}

export async function openDoors(options: DoorOptions): Promise<Doors> {
  const { config, services, access, ports, ...parts } = options;
  const { network, limits } = config;
  const { authenticate, rates, certificate } = access;
  const calls = {
    ...parts,
    validation: createValidation(),
    authenticate,
    rates,
    limits: { unary: unaryLimit, streams: limits.streams },
    newTraceId,
  };
  const { connections: maxConnections, peerTimeoutMs } = limits;
  // Asked again after the one, given up after the other: together no more than may pass.
  const pings = { pingEveryMs: (3 * peerTimeoutMs) / 4, pingMs: peerTimeoutMs / 4 };
  const { bindAddress: host, origins } = network;
  const served = { ...parts, services, calls, host, maxConnections, certificate };
  const grpc = await serveGrpc({ ...served, port: ports.grpc, limits: pings });
  const endpoint = websocketEndpoint({
    ...served,
    allowsOrigin: (origin, host) => isAllowedOrigin(origin, host, origins),
    limits: { connections: maxConnections, pingMs: peerTimeoutMs / 2 },
  });
  const webSockets = () => endpoint.status().connections;
  const http = await serveHttp({
    ...served,
    port: ports.http,
    limits: pings,
    origins,
    routes: docsRoutes(),
    onUpgrade: (request, socket, head) => endpoint.handleUpgrade(request, socket, head),
    webSockets,
  });
  return {
    ports: { grpc: grpc.port, http: http.port },
    streams: () => options.drain.inFlight.streams,
    webSockets,
    async stop(graceMs) {
      const webSocketsGone = options.drain.settle(graceMs).then(() => endpoint.stop());
      const [left] = await Promise.all([grpc.stop(graceMs), http.stop(graceMs), webSocketsGone]);
      return left;
    },
  };
}
