/**
 * A real server on a free port with services made for the test, and a real client for any of them.
 */
import { once } from "node:events";
import { create, type DescMethod, type DescService, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import {
  type ChannelOptions,
  Client,
  type CallOptions as ClientCallOptions,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { type Service, service } from "../../src/contract/service.ts";
import type { CallOptions as BridgeCallOptions } from "../../src/transport/call.ts";
import type { Drain } from "../../src/transport/drain.ts";
import { type GrpcOptions, type GrpcServer, serveGrpc } from "../../src/transport/grpc/server.ts";
import { callOptions, type Lines } from "./call-options.ts";
import { detailsIn, detailsOfTrailers } from "./told.ts";

export interface Served extends GrpcServer, Lines {
  readonly drain: Drain;
}

type Setup = Partial<Pick<GrpcOptions, "maxConnections" | "health" | "mode" | "port" | "certificate" | "links">> & {
  /** Instead of what is usual here. */
  readonly calls?: Partial<BridgeCallOptions>;
  readonly limits?: BridgeCallOptions["limits"];
  readonly pings?: NonNullable<GrpcOptions["limits"]>;
};

export async function served(services: readonly Service[], setup: Setup = {}): Promise<Served> {
  const { calls: more, limits, pings, ...options } = setup;
  const { calls, ...lines } = callOptions({ ...(limits === undefined ? {} : { limits }), ...more });
  const server = await serveGrpc({
    services,
    calls,
    host: "127.0.0.1",
    port: 0,
    mode: "test",
    health: { serving: () => true, changed: () => () => undefined },
    maxConnections: 100,
    ...(pings === undefined ? {} : { limits: pings }),
    ...options,
  });
  return { ...server, ...lines, drain: calls.drain };
}

/** A service of which the test needs some methods only. */
export function someOf(descriptor: DescService, methods: Record<string, unknown>): Service {
  return service(descriptor, methods as never);
}

export interface Failed extends ReturnType<typeof detailsIn> {
  readonly code: number;
  readonly message: string;
  readonly metadata: Metadata;
}

/** What a client can read out of an error. */
export function failureOf({ code, details, metadata }: ServiceError): Failed {
  return { code, message: details, ...detailsIn(detailsOfTrailers(metadata)), metadata };
}

interface Sent {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly deadline?: Date;
}

/** A plain grpc-js client of any service. */
export class TestClient {
  readonly client: Client;

  constructor(port: number, options: ChannelOptions = {}, channel = credentials.createInsecure()) {
    this.client = new Client(`127.0.0.1:${port}`, channel, {
      "grpc.use_local_subchannel_pool": 1,
      ...options,
    });
  }

  /** Resolves with the answer and its headers, or with how it failed. */
  call(method: DescMethod, request: Message | Buffer | object, sent: Sent = {}): Promise<UnaryResult> {
    return new Promise((resolve) => {
      let headers = new Metadata();
      const call = this.client.makeUnaryRequest(
        pathOf(method),
        (bytes: Buffer) => bytes,
        (bytes) => fromBinary(method.output, bytes),
        requestBytes(method, request),
        metadataOf(sent),
        optionsOf(sent),
        (error, answer) =>
          resolve(
            error ? { ok: false, failed: failureOf(error), headers } : { ok: true, answer: answer as never, headers },
          ),
      );
      call.on("metadata", (metadata) => {
        headers = metadata;
      });
    });
  }

  stream(method: DescMethod, request: Message | Buffer | object, sent: Sent = {}): ClientReadableStream<Message> {
    return this.client.makeServerStreamRequest(
      pathOf(method),
      (bytes: Buffer) => bytes,
      (bytes) => fromBinary(method.output, bytes),
      requestBytes(method, request),
      metadataOf(sent),
      optionsOf(sent),
    );
  }

  close(): void {
    this.client.close();
  }
}

type UnaryResult =
  | { readonly ok: true; readonly answer: never; readonly headers: Metadata }
  | { readonly ok: false; readonly failed: Failed; readonly headers: Metadata };

/** All messages of a stream, and how it ended. */
export async function collected(
  stream: ClientReadableStream<Message>,
): Promise<{ messages: unknown[]; failed: Failed | undefined }> {
  const messages: unknown[] = [];
  stream.on("data", (message) => messages.push(message));
  const failed = new Promise<Failed | undefined>((resolve) => {
    stream.on("error", (error: ServiceError) => resolve(failureOf(error)));
    stream.on("end", () => resolve(undefined));
  });
  stream.resume();
  return { failed: await failed, messages };
}

/** The first message of a stream; the stream is paused then. */
export async function firstOf(stream: ClientReadableStream<Message>): Promise<unknown> {
  const [message] = await once(stream, "data");
  stream.pause();
  return message;
}

export const pathOf = (method: DescMethod): string => `/${method.parent.typeName}/${method.name}`;

function requestBytes(method: DescMethod, request: Message | Buffer | object): Buffer {
  return Buffer.isBuffer(request)
    ? request
    : Buffer.from(toBinary(method.input, create(method.input, request as never)));
}

function metadataOf({ metadata = {} }: Sent): Metadata {
  const all = new Metadata();
  for (const [name, value] of Object.entries(metadata)) all.set(name, value);
  return all;
}

const optionsOf = ({ deadline }: Sent): ClientCallOptions => (deadline === undefined ? {} : { deadline });
