/**
 * A real server on a free port with services made for the test, and a real client for any of them.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  type ChannelOptions,
  Client,
  type CallOptions as ClientCallOptions,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import {
  type BadRequest,
  BadRequestSchema,
  type ErrorInfo,
  ErrorInfoSchema,
  type QuotaFailure,
  QuotaFailureSchema,
  type RetryInfo,
  RetryInfoSchema,
} from "../../gen/ts/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/ts/google/rpc/status_pb.ts";
import { type Service, service } from "../../src/contract/service.ts";
import { createValidation } from "../../src/contract/validation.ts";
import type { Observer } from "../../src/core/ports/observer.ts";
import { machineClock } from "../../src/telemetry/machine-clock.ts";
import { everyoneIsTheDeveloper } from "../../src/transport/authenticate.ts";
import { Drain } from "../../src/transport/drain.ts";
import { type GrpcOptions, type GrpcServer, serveGrpc } from "../../src/transport/grpc/server.ts";

export type Line = Readonly<{ severity: string; message: string; context: Readonly<Record<string, unknown>> }>;

export interface Served extends GrpcServer {
  readonly drain: Drain;
  readonly lines: readonly Line[];
  /** Resolves with the first line, past or future, that satisfies the question. */
  line(question: (line: Line) => boolean): Promise<Line>;
}

type Limits = Partial<Pick<GrpcOptions, "maxConnections" | "health" | "mode" | "port" | "certificate">> & {
  /** Instead of what is usual here. */
  readonly calls?: Partial<GrpcOptions["calls"]>;
  readonly limits?: { readonly unary: number; readonly streams: number };
};

const validation = createValidation();
const clock = machineClock();

export async function served(services: readonly Service[], options: Limits = {}): Promise<Served> {
  const lines: Line[] = [];
  let wakes: (() => void)[] = [];
  const observer: Observer = {
    note(severity, _component, message, context = {}) {
      lines.push({ severity, message, context });
      for (const wake of wakes.splice(0)) wake();
    },
  };
  const drain = new Drain(clock);
  const server = await serveGrpc({
    services,
    host: "127.0.0.1",
    port: options.port ?? 0,
    mode: options.mode ?? "test",
    health: options.health ?? { serving: () => true, changed: () => () => undefined },
    maxConnections: options.maxConnections ?? 100,
    certificate: options.certificate,
    calls: {
      clock,
      observer,
      validation,
      authenticate: everyoneIsTheDeveloper,
      drain,
      limits: options.limits ?? { unary: 100, streams: 100 },
      newTraceId: () => randomBytes(16).toString("hex"),
      ...options.calls,
    },
  });
  return {
    ...server,
    drain,
    lines,
    async line(question) {
      for (;;) {
        const found = lines.find(question);
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => {
          wakes = [...wakes, resolve];
        });
      }
    },
  };
}

/** A service of which the test needs some methods only. */
export function someOf(descriptor: DescService, methods: Record<string, unknown>): Service {
  return service(descriptor, methods as never);
}

export interface Failed {
  readonly code: number;
  readonly message: string;
  readonly info: ErrorInfo | undefined;
  readonly badRequest: BadRequest | undefined;
  readonly retryInfo: RetryInfo | undefined;
  readonly quotaFailure: QuotaFailure | undefined;
  readonly metadata: Metadata;
}

/** What a client can read out of an error. */
export function failureOf(error: ServiceError): Failed {
  const [bytes] = error.metadata?.get("grpc-status-details-bin") ?? [];
  const status = bytes === undefined ? undefined : fromBinary(StatusSchema, bytes as Buffer);
  const one = <D extends DescMessage>(schema: D) => {
    for (const any of status?.details ?? []) {
      const found = anyUnpack(any, schema);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return {
    code: error.code,
    message: error.details,
    info: one(ErrorInfoSchema),
    badRequest: one(BadRequestSchema),
    retryInfo: one(RetryInfoSchema),
    quotaFailure: one(QuotaFailureSchema),
    metadata: error.metadata,
  };
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
