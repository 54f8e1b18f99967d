/**
 * The gRPC server: services, reflection and health on one port.
 *
 * Every limit is set; grpc-js leaves most of them off. Long streams are not cut: a connection that has become old is
 * asked to go (GOAWAY), its streams run on for as long as they like, new calls go to a new connection. Only a
 * connection without any call for `idle` is closed, and one that does not answer pings.
 */
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { type ChannelOptions, Metadata, Server, ServerCredentials } from "@grpc/grpc-js";
import { probeService, type Serving } from "../../contract/probe-service.ts";
import { reflectionServices } from "../../contract/reflection-service.ts";
import type { Service } from "../../contract/service.ts";
import type { LinkCarrier } from "../../core/ports/link.ts";
import { type CallOptions, wrapped } from "../call.ts";
import { limitedConnections, partWith, tooManyOnHttp2 } from "../connections.ts";
import type { InFlight } from "../drain.ts";
import { maxAnswerBytes } from "../frame.ts";
import type { Certificate } from "../tls.ts";
import { definitionOf, grpcImplementation } from "./adapter.ts";
import { linkDefinition, linkImplementation } from "./link.ts";
import { polishStatuses } from "./status.ts";

export interface GrpcOptions {
  readonly services: readonly Service[];
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Whether other threads listen on the same port. */
  readonly shared?: boolean;
  /** What `mt5bridge-mode` says on every answer. */
  readonly mode: string;
  readonly health: Serving;
  readonly calls: CallOptions;
  /** Takes terminals that dial in; absent: none can. */
  readonly links?: ((carrier: LinkCarrier) => Promise<void>) | undefined;
  readonly maxConnections: number;
  /** With it connections are encrypted; without, they are not. */
  readonly certificate?: Certificate | undefined;
  readonly limits?: Partial<GrpcLimits>;
  /** Of a request, also after it is decompressed. Default 1 MiB. */
  readonly maxRequestBytes?: number;
}

/** How often a peer is asked whether it is alive, and how long it may take to answer. */
interface GrpcLimits {
  readonly pingEveryMs: number;
  readonly pingMs: number;
}

const grpcLimits: GrpcLimits = { pingEveryMs: 30_000, pingMs: 10_000 };

export interface GrpcServer {
  readonly port: number;
  /**
   * Tells the streams, refuses new calls, waits at most `graceMs` for those in flight and closes every connection.
   * Resolves with what had to be cut off.
   */
  stop(graceMs: number): Promise<InFlight>;
}

const minute = 60_000;
/** How long connections may take to close when calls had to be cut off; otherwise the last answers get the grace. */
const closingMs = 500;

export async function serveGrpc(options: GrpcOptions): Promise<GrpcServer> {
  const { calls, mode } = options;
  const headers = { "mt5bridge-mode": mode };
  const server = new Server({ ...limitsOf(options), interceptors: [polishStatuses(headers, calls.refusals)] });

  const probe = probeService(
    options.health,
    options.services.map(({ descriptor }) => descriptor),
  );
  const named = [...options.services, probe];
  for (const service of [...named, ...reflectionServices(named.map(({ descriptor }) => descriptor))]) {
    server.addService(definitionOf(service.descriptor), grpcImplementation(wrapped(service, calls), headers));
  }
  if (options.links !== undefined) {
    server.addService(linkDefinition, linkImplementation(options.links, Metadata.fromHttp2Headers(headers)));
  }

  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const inject = (socket: Socket) => injector.injectConnection(socket);
  const turnAway = (socket: Socket) => partWith(socket, tooManyOnHttp2);
  const { listener, allClosed, hangUp } = limitedConnections(inject, turnAway, {
    limit: options.maxConnections,
    refusals: calls.refusals,
    component: "grpc",
    certificate: options.certificate,
    protocols: ["h2"],
  });
  listener.listen({ host: options.host, port: options.port, reusePort: options.shared === true });
  await once(listener, "listening");

  return {
    port: (listener.address() as AddressInfo).port,
    async stop(graceMs) {
      const left = await calls.drain.settle(graceMs); // probes can still come in and see it
      listener.close();
      calls.drain.cutOff();
      const closed = new AbortController();
      server.tryShutdown(() => undefined); // GOAWAY: connections end when their last answer is written
      const patienceMs = left.unary + left.streams > 0 ? closingMs : Math.max(closingMs, graceMs);
      await Promise.race([allClosed(), calls.clock.sleep(patienceMs, closed.signal)]);
      closed.abort();
      server.forceShutdown();
      hangUp();
      return left;
    },
  };
}

function limitsOf({ maxRequestBytes = 1024 * 1024, limits }: GrpcOptions): ChannelOptions {
  const { pingEveryMs, pingMs } = { ...grpcLimits, ...limits };
  return {
    "grpc.max_receive_message_length": maxRequestBytes,
    "grpc.max_send_message_length": maxAnswerBytes,
    // Per connection, and above what the wrapper lets in: a client learns of a limit rather than waiting unawares.
    "grpc.max_concurrent_streams": 2_000,
    "grpc.keepalive_time_ms": pingEveryMs,
    "grpc.keepalive_timeout_ms": pingMs,
    "grpc.max_connection_idle_ms": 15 * minute,
    "grpc.max_connection_age_ms": 24 * 60 * minute,
    // No grace is set: the streams of an old connection are never cut.
    "grpc-node.max_session_memory": 64, // MiB of HTTP/2 bookkeeping and bytes not yet sent, per connection
    "grpc.enable_channelz": 0,
  };
}
