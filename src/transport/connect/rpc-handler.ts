/**
 * Every RPC of the contract over Connect, gRPC-Web and gRPC, for HTTP/1.1 and HTTP/2 alike, as connect-node takes it.
 *
 * The library knows the protocols; what it leaves to a handler is done as on every other transport. A request is read
 * inside the wrapper, by the same strict readers, and an answer leaves as bytes, so that streams share them: the
 * library's own handlers read a message before anybody can look at its bytes, and encode it anew for each reader.
 *
 * Always true: whatever is sent to a path of an RPC, it is answered in the caller's dialect, or nobody is left.
 */
import type { DescMessage, Message, Registry } from "@bufbuild/protobuf";
import {
  compressionNegotiate,
  contentTypeMatcher,
  createMethodUrl,
  type UniversalHandler,
  type UniversalServerRequest,
  type UniversalServerResponse,
  uResponseMethodNotAllowed,
  uResponseUnsupportedMediaType,
  uResponseVersionNotSupported,
} from "@connectrpc/connect/protocol";
import * as connect from "@connectrpc/connect/protocol-connect";
import * as grpc from "@connectrpc/connect/protocol-grpc";
import * as grpcWeb from "@connectrpc/connect/protocol-grpc-web";
import { envelopeHead } from "../../contract/envelope.ts";
import { decodeJson, parseObject } from "../../contract/json.ts";
import { decode } from "../../contract/wire.ts";
import { BridgeError } from "../../core/errors.ts";
import type { Instant } from "../../core/model/ids.ts";
import type { CallOptions, Reader, WrappedMethod } from "../call.ts";
import type { Exchange } from "../exchange.ts";
import { contentOf, sharedEnvelope, withinLimit } from "../frame.ts";
import { exchangeOf } from "./adapter.ts";
import { inFrames, oneFrame, whole } from "./answer.ts";
import { Abandoned, type Room, readBody } from "./body.ts";
import { contentTypesFor, type Dialect, dialectOf } from "./dialect.ts";
import { compressions, messagesIn, onlyMessage, requestFault } from "./message.ts";

export interface RpcOptions {
  readonly calls: Pick<CallOptions, "clock" | "observer" | "refusals">;
  /** Of a request's message, also after it is inflated. */
  readonly maxRequestBytes: number;
  /** How long a request may take to arrive, unless its deadline is sooner. */
  readonly requestMs: number;
  readonly room: Room;
  /** What may travel as google.protobuf.Any; the contract has none. */
  readonly types?: Registry;
}

export function rpcHandler(wrapped: WrappedMethod, options: RpcOptions): UniversalHandler {
  const { method } = wrapped;
  const kind = wrapped.kind === "unary" ? "unary" : "stream";
  const handler = async (request: UniversalServerRequest): Promise<UniversalServerResponse> => {
    const dialect = dialectOf(request.header.get("content-type"), kind);
    const refusal = refusalOf(request, wrapped.kind, dialect);
    if (refusal !== undefined) {
      const { peer, request: body } = exchangeOf(request);
      options.calls.refusals.note("malformed", "http", "a request was refused", { peer, status: refusal.status });
      body.resume();
      return refusal;
    }
    try {
      return await converse(request, wrapped, dialect as Dialect, options);
    } catch (cause) {
      if (!(cause instanceof Abandoned))
        options.calls.observer.note("error", "http", "an answer could not be made", { cause });
      return { status: 500 };
    }
  };
  const ofConnect = kind === "unary" ? connect.contentTypeUnaryRegExp : connect.contentTypeStreamRegExp;
  return Object.assign(handler, {
    service: method.parent,
    method,
    requestPath: createMethodUrl("/", method),
    allowedMethods: ["POST"],
    supportedContentType: contentTypeMatcher(ofConnect, grpc.contentTypeRegExp, grpcWeb.contentTypeRegExp),
    protocolNames: ["connect", "grpc", "grpc-web"],
  });
}

/** What HTTP itself has words for. */
function refusalOf(
  { method, httpVersion }: UniversalServerRequest,
  kind: WrappedMethod["kind"],
  dialect: Dialect | undefined,
): UniversalServerResponse | undefined {
  if (method !== "POST") return { ...uResponseMethodNotAllowed, header: new Headers({ allow: "POST" }) };
  if (dialect === undefined) {
    const types = contentTypesFor(kind === "unary" ? "unary" : "stream");
    return { ...uResponseUnsupportedMediaType, header: new Headers({ "accept-post": types }) };
  }
  // A client that wants to talk both ways at once would hang on HTTP/1.1, where we hear it to the end first.
  if (kind === "bidi_streaming" && httpVersion.startsWith("1.")) {
    return { ...uResponseVersionNotSupported, header: new Headers({ connection: "close" }) };
  }
  return undefined;
}

type Head = ReturnType<typeof headOf>;

/** What the request's headers say, and what is wrong with them. */
function headOf({ header }: UniversalServerRequest, dialect: Dialect, { calls, maxRequestBytes }: RpcOptions) {
  const { timeoutMs, error: late } = dialect.parseTimeout(header.get(dialect.timeout), Number.MAX_SAFE_INTEGER);
  const encoding = header.get(dialect.encoding) || null;
  const { request: compression, error } = compressionNegotiate(compressions, encoding, null, dialect.acceptEncoding);
  const wrong = late ?? error;
  return {
    deadline: timeoutMs === undefined ? undefined : ((calls.clock.now() + timeoutMs) as Instant),
    reading: { compression, limit: maxRequestBytes },
    wrong: wrong && requestFault(wrong),
  };
}

async function converse(
  request: UniversalServerRequest,
  wrapped: WrappedMethod,
  dialect: Dialect,
  options: RpcOptions,
): Promise<UniversalServerResponse> {
  const exchange = exchangeOf(request);
  const { input, output } = wrapped.method;
  const head = headOf(request, dialect, options);
  exchange.transport = dialect.protocol;
  exchange.deadline = head.deadline;
  const read = readerOf(input, dialect, options);
  const writing = { json: dialect.json, types: options.types };
  const shared = (message: Message) => withinLimit(sharedEnvelope(output, message, writing), envelopeHead);
  const own = (message: Message) => withinLimit(contentOf(output, message, writing));

  if (wrapped.kind === "bidi_streaming") {
    // A client that goes on sending is to have its answer, and then an end: behind the trailers, which leave next.
    const { stream } = exchange.request;
    stream?.once("wantTrailers", () => setImmediate(() => stream.close()));
    const all = requests(exchange, head, read);
    return inFrames((peer) => wrapped.run(all, exchange, shared, peer), dialect, exchange);
  }
  const one = await oneRequest(exchange, head, read, dialect, options);
  if (wrapped.kind === "server_streaming") {
    return inFrames((peer) => wrapped.run(one, exchange, shared, peer), dialect, exchange);
  }
  const answer = () => wrapped.run(one, exchange, own);
  return dialect.bare ? whole(answer, dialect) : inFrames(oneFrame(answer), dialect, exchange);
}

type Read = (bytes: Uint8Array) => Reader;

function readerOf(input: DescMessage, { json }: Dialect, { types }: RpcOptions): Read {
  return (bytes) => (json ? () => decodeJson(input, parseObject(textOf(bytes)), types) : () => decode(input, bytes));
}

/** What is wrong with a request is thrown by its reader, inside the wrapper. */
function failing({ wrong }: Head, error: unknown): Reader {
  return () => {
    throw wrong ?? requestFault(error);
  };
}

/** The one request of a call. */
async function oneRequest(
  exchange: Exchange,
  head: Head,
  read: Read,
  dialect: Dialect,
  { requestMs, room, calls, maxRequestBytes: limit }: RpcOptions,
): Promise<Reader> {
  const { deadline, reading, wrong } = head;
  const left = deadline === undefined ? requestMs : Math.max(1, deadline - calls.clock.now());
  const bytes = dialect.bare ? limit : limit + envelopeHead;
  try {
    const body = await readBody(exchange.request, { bytes, patienceMs: Math.min(requestMs, left), room });
    if (wrong !== undefined) throw wrong;
    if (!dialect.bare) return read(await onlyMessage(body, reading));
    return read(reading.compression ? await reading.compression.decompress(body, limit) : body);
  } catch (error) {
    if (error instanceof Abandoned) throw error;
    return failing(head, error);
  }
}

/** The requests of a stream, as they come. */
async function* requests(exchange: Exchange, head: Head, read: Read): AsyncGenerator<Reader, void> {
  try {
    if (head.wrong !== undefined) throw head.wrong;
    const pieces = exchange.request.iterator({ destroyOnReturn: false });
    for await (const message of messagesIn(pieces, head.reading)) yield read(message);
  } catch (error) {
    if (!exchange.gone) yield failing(head, error);
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new BridgeError("invalid_argument", "The request is no UTF-8.", { cause });
  }
}
