/**
 * A service as grpc-js takes it.
 *
 * Requests arrive as bytes and are read inside the wrapper, so that damaged ones are answered like every other bad
 * request; answers leave as bytes, so that streams can share them.
 */
import type { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import type { DescService, Message } from "@bufbuild/protobuf";
import {
  Metadata,
  type MethodDefinition,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { decode } from "../../contract/wire.ts";
import type { Instant } from "../../core/model/ids.ts";
import type { Reader, WrappedMethod } from "../call.ts";
import { bytesOf, sharedBytes } from "../frame.ts";
import type { Incoming } from "../passage.ts";
import { type FrameSink, pump } from "../pump.ts";
import { grpcStatusOf } from "./status.ts";

type UnaryCall = ServerUnaryCall<Buffer, Buffer>;
type StreamCall = ServerWritableStream<Buffer, Buffer>;
type BidiCall = ServerDuplexStream<Buffer, Buffer>;

const asIs = (bytes: Buffer): Buffer => bytes;

/** The paths and kinds of a service's methods; messages are bytes on both sides. */
export function definitionOf(service: DescService): ServiceDefinition {
  return Object.fromEntries(
    service.methods.map((method) => {
      const definition: MethodDefinition<Buffer, Buffer> = {
        path: `/${service.typeName}/${method.name}`,
        requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
        responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      };
      return [method.name, definition];
    }),
  );
}

/** `headers` go out with every answer. */
export function grpcImplementation(
  methods: readonly WrappedMethod[],
  headers: Readonly<Record<string, string>>,
): UntypedServiceImplementation {
  return Object.fromEntries(methods.map((wrapped) => [wrapped.method.name, handlerOf(wrapped, headers)]));
}

function handlerOf(wrapped: WrappedMethod, headers: Readonly<Record<string, string>>) {
  const { input, output } = wrapped.method;
  const metadata = Metadata.fromHttp2Headers(headers);
  const reader =
    (bytes: Buffer): Reader =>
    () =>
      decode(input, bytes);
  const own = (message: Message) => bytesOf(output, message);
  const shared = (message: Message) => sharedBytes(output, message);

  switch (wrapped.kind) {
    case "unary":
      return (call: UnaryCall, callback: sendUnaryData<Buffer>): void => {
        wrapped.run(reader(call.request), incomingOf(call), own).then(
          (bytes) => {
            call.sendMetadata(metadata);
            callback(null, bytes);
          },
          (fault) => callback(grpcStatusOf(fault)),
        );
      };
    case "server_streaming":
      return (call: StreamCall): void => {
        call.sendMetadata(metadata);
        void stream(call, wrapped.run(reader(call.request), incomingOf(call), shared));
      };
    case "bidi_streaming":
      return (call: BidiCall): void => {
        call.sendMetadata(metadata);
        void stream(call, wrapped.run(requestsOf(call, reader), incomingOf(call), shared));
      };
  }
}

async function stream(call: StreamCall | BidiCall, frames: AsyncIterable<Buffer>): Promise<void> {
  const sink = sinkOf(call);
  try {
    await pump(frames, sink);
    if (!sink.gone) call.end();
  } catch (fault) {
    // The library's way to end a stream with a status, behind everything that was written before.
    if (!sink.gone) call.emit("error", grpcStatusOf(fault));
  }
}

/** \`write\` returns false after 16 messages that the peer has not taken; what is queued stays bounded. */
function sinkOf(call: StreamCall | BidiCall): FrameSink<Buffer> {
  return {
    write: (bytes) => call.write(bytes),
    drained: () =>
      new Promise((resolve) => {
        const done = () => {
          for (const event of wakers) call.off(event, done);
          resolve();
        };
        for (const event of wakers) call.once(event, done);
        if (call.cancelled || call.destroyed || !call.writableNeedDrain) done();
      }),
    get gone() {
      return call.cancelled || call.destroyed;
    },
  };
}

const wakers = ["drain", "cancelled", "close"] as const;

async function* requestsOf(call: BidiCall, reader: (bytes: Buffer) => Reader): AsyncGenerator<Reader> {
  try {
    for await (const bytes of (call as unknown as Duplex).iterator({ destroyOnReturn: false })) yield reader(bytes);
  } catch (error) {
    if (!call.cancelled) throw error; // a call that is cancelled in the middle destroys its stream
  }
}

function incomingOf(call: UnaryCall | StreamCall | BidiCall): Incoming {
  const deadline = Number(call.getDeadline());
  return {
    transport: "grpc",
    peer: call.getPeer(),
    deadline: Number.isFinite(deadline) ? (deadline as Instant) : undefined,
    header: (name) => {
      const [value] = call.metadata.get(name);
      return typeof value === "string" ? value : undefined;
    },
    onGone: (listener) => {
      if (call.cancelled) listener();
      else (call as EventEmitter).once("cancelled", listener);
    },
  };
}
