/**
 * Where grpc-js writes what a call answers: HTTP/2's own stream.
 *
 * It does not show it, but it has been there under these names through many versions, and ours is pinned. Nothing else
 * in the bridge reads what grpc-js keeps to itself, and a test calls each kind of method, so that it is known when one of
 * them has moved.
 *
 * Through the library a message of a stream costs 7 to 17 µs for each reader, of which HTTP/2's share is 2.4: three
 * objects, as many callbacks, and a copy of the bytes. With many readers that is nearly all that a stream of ticks costs.
 * A single answer is written in three steps, each of which waits for the one before and makes its headers anew.
 */
import type { ServerHttp2Stream } from "node:http2";
import type { ServerDuplexStream, ServerUnaryCall, ServerWritableStream } from "@grpc/grpc-js";

export type UnaryCall = ServerUnaryCall<Buffer, Buffer>;
export type StreamCall = ServerWritableStream<Buffer, Buffer>;
export type BidiCall = ServerDuplexStream<Buffer, Buffer>;
export type AnyCall = UnaryCall | StreamCall | BidiCall;

/** The layers of a call, one in the other; interceptors may add some. */
interface Layer {
  readonly nextCall?: Layer;
  readonly stream?: ServerHttp2Stream;
  sendStatus(status: unknown): void;
}

function innermost(call: AnyCall): Layer & { readonly stream: ServerHttp2Stream } {
  let layer = (call as unknown as { call: Layer }).call;
  while (layer.nextCall !== undefined) layer = layer.nextCall;
  const { stream } = layer;
  if (stream === undefined) throw new Error("grpc-js keeps the stream of a call elsewhere than it did");
  return layer as Layer & { stream: ServerHttp2Stream };
}

export const bodyOf = (call: AnyCall): ServerHttp2Stream => innermost(call).stream;

/** What stands before the answer to a unary call, as names and values in turn: gRPC's own headers and those given. */
export const headOf = (headers: Readonly<Record<string, string>>): readonly string[] => [
  ...[":status", "200"],
  ...["content-type", "application/grpc+proto"],
  ...["grpc-accept-encoding", "identity,deflate,gzip"],
  ...["grpc-encoding", "identity"],
  ...Object.entries(headers).flat(),
];

const options = { waitForTrailers: true, sendDate: false };
const success = { "grpc-status": "0" };

/** Answers a unary call with success: head, message and status, none of which is made for this call alone. */
export function answer(call: UnaryCall, head: readonly string[], envelope: Buffer): void {
  const layer = innermost(call);
  const { stream } = layer;
  if (stream.destroyed || stream.closed || stream.headersSent) return; // gone, or told that it is too late
  layer.sendStatus = ignore; // the library's timer of the deadline runs until the stream has closed
  stream.respond(head as string[], options);
  stream.on("wantTrailers", sendSuccess);
  stream.end(envelope);
}

function sendSuccess(this: ServerHttp2Stream): void {
  this.sendTrailers(success);
}

const ignore = () => undefined;
