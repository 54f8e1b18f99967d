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
  type ServiceDefinition,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { envelopeHead } from "../../contract/envelope.ts";
import { decode } from "../../contract/wire.ts";
import type { Instant } from "../../core/model/ids.ts";
import { type Reader, settle, type WrappedMethod } from "../call.ts";
import { peerOf } from "../exchange.ts";
import { envelopeOf, sharedEnvelope, withinLimit } from "../frame.ts";
import type { Incoming } from "../passage.ts";
import { StreamSink } from "../stream-sink.ts";
import { type AnyCall, answer, type BidiCall, bodyOf, headOf, type StreamCall, type UnaryCall } from "./body.ts";
import { grpcStatusOf } from "./status.ts";

const writing = { json: false };
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
  const head = headOf(headers);
  const reader =
    (bytes: Buffer): Reader =>
    () =>
      decode(input, bytes);
  const own = (message: Message) => withinLimit(envelopeOf(output, message, writing), envelopeHead);
  const shared = (message: Message) => withinLimit(sharedEnvelope(output, message, writing), envelopeHead);

  switch (wrapped.kind) {
    case "unary":
      return (call: UnaryCall, callback: sendUnaryData<Buffer>): void => {
        settle(
          () => wrapped.run(reader(call.request), new Called(call), own),
          (envelope) => answer(call, head, envelope),
          (fault) => callback(grpcStatusOf(fault)),
        );
      };
    case "server_streaming":
      return (call: StreamCall): void => {
        call.sendMetadata(metadata);
        void ended(call, wrapped.run(reader(call.request), new Called(call), shared, sinkOf(call)));
      };
    case "bidi_streaming":
      return (call: BidiCall): void => {
        call.sendMetadata(metadata);
        void ended(call, wrapped.run(requestsOf(call, reader), new Called(call), shared, sinkOf(call)));
      };
  }
}

async function ended(call: StreamCall | BidiCall, over: Promise<void>): Promise<void> {
  try {
    await over;
    if (!isGone(call)) call.end();
  } catch (fault) {
    // The library's way to end a stream with a status, behind everything that was written before.
    if (!isGone(call)) call.emit("error", grpcStatusOf(fault));
  }
}

const isGone = (call: StreamCall | BidiCall): boolean => call.cancelled || call.destroyed;

/** Frames that are shared, in their envelope, go past the library to where it would write its own. */
function sinkOf(call: StreamCall | BidiCall): StreamSink {
  const body = bodyOf(call);
  return new StreamSink(body, () => isGone(call) || body.destroyed);
}

async function* requestsOf(call: BidiCall, reader: (bytes: Buffer) => Reader): AsyncGenerator<Reader> {
  try {
    for await (const bytes of (call as unknown as Duplex).iterator({ destroyOnReturn: false })) yield reader(bytes);
  } catch (error) {
    if (!call.cancelled) throw error; // a call that is cancelled in the middle destroys its stream
  }
}

/** What the wrapper around every method wants to know. */
class Called implements Incoming {
  readonly transport = "grpc";
  readonly peer: string;
  readonly deadline: Instant | undefined;
  readonly #call: AnyCall;

  constructor(call: AnyCall) {
    const deadline = Number(call.getDeadline());
    const { session } = bodyOf(call);
    this.peer = session === undefined ? "unknown" : peerOf(session);
    this.deadline = Number.isFinite(deadline) ? (deadline as Instant) : undefined;
    this.#call = call;
  }

  header(name: string): string | undefined {
    const [value] = this.#call.metadata.get(name);
    return typeof value === "string" ? value : undefined;
  }

  onGone(listener: () => void): void {
    if (this.#call.cancelled) listener();
    else (this.#call as EventEmitter).once("cancelled", listener);
  }
}
