/**
 * The ways in which a client may speak: three protocols, each in protobuf or JSON.
 *
 * gRPC, gRPC-Web and Connect's streams put every message in an envelope and tell at the end how it went: gRPC in HTTP's
 * trailers, the others in a last envelope, as clients in browsers cannot see HTTP's. Connect's unary calls are bare: one
 * message is the whole body, and a failure is an HTTP status with JSON.
 */
import type { ConnectError } from "@connectrpc/connect";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import * as connect from "@connectrpc/connect/protocol-connect";
import * as grpc from "@connectrpc/connect/protocol-grpc";
import * as grpcWeb from "@connectrpc/connect/protocol-grpc-web";

export interface Dialect {
  readonly protocol: "connect" | "grpc-web" | "grpc";
  readonly json: boolean;
  readonly bare: boolean;
  readonly contentType: string;
  /** The headers for compression, of the request and of what may be sent, and for how long the caller will wait. */
  readonly encoding: string;
  readonly acceptEncoding: string;
  readonly timeout: string;
  readonly parseTimeout: typeof grpc.parseTimeout;
  /** How it went, behind all messages: the last envelope, or else `trailer` is filled. */
  end(trailer: Headers, error: ConnectError | undefined): Uint8Array | undefined;
}

type Protocol = Omit<Dialect, "json" | "bare" | "contentType">;

const endOfStream = connect.createEndStreamSerialization(undefined);

const connectStream: Protocol = {
  protocol: "connect",
  encoding: connect.headerStreamEncoding,
  acceptEncoding: connect.headerStreamAcceptEncoding,
  timeout: connect.headerTimeout,
  parseTimeout: connect.parseTimeout,
  end: (_, error) => {
    const how = { metadata: new Headers(), ...(error && { error }) };
    return encodeEnvelope(connect.endStreamFlag, endOfStream.serialize(how));
  },
};
const connectUnary: Protocol = {
  ...connectStream,
  encoding: connect.headerUnaryEncoding,
  acceptEncoding: connect.headerUnaryAcceptEncoding,
};
const grpcAlone: Protocol = {
  protocol: "grpc",
  encoding: grpc.headerEncoding,
  acceptEncoding: grpc.headerAcceptEncoding,
  timeout: grpc.headerTimeout,
  parseTimeout: grpc.parseTimeout,
  end: (trailer, error) => void grpc.setTrailerStatus(trailer, error),
};
const grpcInBrowsers: Protocol = {
  ...grpcAlone,
  protocol: "grpc-web",
  end: (_, error) => {
    const trailer = grpc.setTrailerStatus(new Headers(), error);
    return encodeEnvelope(grpcWeb.trailerFlag, grpcWeb.trailerSerialize(trailer));
  },
};

function both(protocol: Protocol, protobuf: string, json: string, bare = false): readonly [Dialect, Dialect] {
  return [
    { ...protocol, bare, json: false, contentType: protobuf },
    { ...protocol, bare, json: true, contentType: json },
  ];
}

const overGrpc = both(grpcAlone, grpc.contentTypeProto, grpc.contentTypeJson);
const overGrpcWeb = both(grpcInBrowsers, grpcWeb.contentTypeProto, grpcWeb.contentTypeJson);
const overConnect = {
  unary: both(connectUnary, connect.contentTypeUnaryProto, connect.contentTypeUnaryJson, true),
  stream: both(connectStream, connect.contentTypeStreamProto, connect.contentTypeStreamJson),
};

/** Undefined: nobody here speaks so of such a method. */
export function dialectOf(contentType: string | null, kind: "unary" | "stream"): Dialect | undefined {
  const pick = ([protobuf, json]: readonly [Dialect, Dialect], binary: boolean) => (binary ? protobuf : json);
  const asConnect = connect.parseContentType(contentType);
  if (asConnect)
    return asConnect.stream === (kind === "stream") ? pick(overConnect[kind], asConnect.binary) : undefined;
  const asGrpc = grpc.parseContentType(contentType);
  if (asGrpc) return pick(overGrpc, asGrpc.binary);
  const asGrpcWeb = grpcWeb.parseContentType(contentType);
  return asGrpcWeb && !asGrpcWeb.text ? pick(overGrpcWeb, asGrpcWeb.binary) : undefined;
}

/** What to speak instead. */
export function contentTypesFor(kind: "unary" | "stream"): string {
  const all = [...overConnect[kind], ...overGrpc, ...overGrpcWeb];
  return all.map(({ contentType }) => contentType).join(", ");
}
