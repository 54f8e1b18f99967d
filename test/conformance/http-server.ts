/** The suite's server on the bridge's own Connect, gRPC-Web and gRPC, over HTTP/1.1 or HTTP/2, with or without TLS. */
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createHttp2Server, createSecureServer } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { createRegistry } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import {
  createAsyncIterable,
  encodeEnvelope,
  type UniversalHandler,
  type UniversalServerRequest,
  type UniversalServerResponse,
  uResponseNotFound,
} from "@connectrpc/connect/protocol";
import * as connect from "@connectrpc/connect/protocol-connect";
import * as grpc from "@connectrpc/connect/protocol-grpc";
import * as grpcWeb from "@connectrpc/connect/protocol-grpc-web";
import { HTTPVersion } from "../../gen/conformance/connectrpc/conformance/v1/config_pb.ts";
import {
  type Error as DefinedError,
  file_connectrpc_conformance_v1_service,
  type Header,
} from "../../gen/conformance/connectrpc/conformance/v1/service_pb.ts";
import { wrapped } from "../../src/transport/call.ts";
import { connectListener, exchangeOf, send } from "../../src/transport/connect/adapter.ts";
import { Room } from "../../src/transport/connect/body.ts";
import { rpcHandler } from "../../src/transport/connect/rpc-handler.ts";
import { unknownMethod } from "../../src/transport/connect/unknown-method.ts";
import { Exchange, type HttpRequest, type HttpResponse } from "../../src/transport/exchange.ts";
import { asked, conformanceCalls, credentialsIn, listening } from "./runner.ts";
import { conformanceService, exchanges, type Exchange as Own } from "./service.ts";

/** What the suite wants of an answer and ours never have: headers and trailers of a method's own. */
interface Dress extends Own {
  headersOfAnswer: readonly Header[];
}

/** For what no method answers. */
const nakedness: Dress = {
  headers: [],
  headersOfAnswer: [],
  trailers: [],
  answer() {},
  timeoutMs: undefined,
  error: undefined,
};

function dressFor(request: UniversalServerRequest): Dress {
  const headers = Object.entries(exchangeOf(request).request.headers).filter(([name]) => !name.startsWith(":"));
  const several = (name: string) => name.endsWith("-bin") || name.startsWith("x-");
  const connectMs = connect.parseTimeout(request.header.get(connect.headerTimeout), Number.MAX_SAFE_INTEGER).timeoutMs;
  const grpcMs = grpc.parseTimeout(request.header.get(grpc.headerTimeout), Number.MAX_SAFE_INTEGER).timeoutMs;
  const timeoutMs = connectMs ?? grpcMs;
  return {
    headers: headers.map(([name, value = ""]) => ({
      $typeName: "connectrpc.conformance.v1.Header",
      name,
      value: [value].flat().flatMap((one) => (several(name) ? one.split(/, ?/) : [one])),
    })),
    timeoutMs: timeoutMs === undefined ? undefined : BigInt(Math.round(timeoutMs)),
    headersOfAnswer: [],
    answer(headers) {
      if (this.headersOfAnswer.length === 0) this.headersOfAnswer = headers;
    },
    trailers: [],
    error: undefined,
  };
}

function webHeaders(headers: readonly Header[]): Headers {
  return new Headers(headers.flatMap(({ name, value }) => value.map((one): [string, string] => [name, one])));
}

/** The error that the suite defined, or else the bridge's: without its details, which the suite knows nothing of. */
function told(error: ConnectError | undefined, defined: DefinedError | undefined): ConnectError | undefined {
  if (defined === undefined) return error && new ConnectError(error.rawMessage, error.code);
  const own = new ConnectError(defined.message ?? "", defined.code as number);
  own.details = defined.details.map(({ typeUrl, value }) => ({ type: typeUrl.split("/").at(-1) ?? "", value }));
  return own;
}

/** Everything but what `told` and the suite's headers are about leaves as the bridge made it. */
async function dressed(response: UniversalServerResponse, dress: Dress): Promise<UniversalServerResponse> {
  const type = response.header?.get("content-type") ?? "";
  const content = connect.parseContentType(type);
  if (content?.stream === false) return dressedWhole(response, dress);
  if (response.body === undefined && response.trailer === undefined) return response;
  return { ...response, body: dressedFrames(response, dress, content !== undefined) };
}

async function dressedWhole(response: UniversalServerResponse, dress: Dress): Promise<UniversalServerResponse> {
  const header = connect.trailerMux(new Headers(response.header), webHeaders(dress.trailers));
  webHeaders(dress.headersOfAnswer).forEach((value, name) => void header.append(name, value));
  if (response.status === 200) return { ...response, header };
  const bytes: Uint8Array[] = [];
  for await (const chunk of response.body ?? []) bytes.push(chunk);
  const error = connect.errorFromJsonBytes(Buffer.concat(bytes), undefined, new ConnectError("not told", 2));
  const failure = told(error, dress.error) as ConnectError;
  const body = createAsyncIterable([connect.errorToJsonBytes(failure, undefined)]);
  header.delete("content-length");
  return { status: dress.error ? connect.codeToHttpStatus(failure.code) : response.status, header, body };
}

async function* dressedFrames(
  { header, body, trailer }: UniversalServerResponse,
  dress: Dress,
  overConnect: boolean,
): AsyncGenerator<Uint8Array> {
  const frames = (body ?? createAsyncIterable<Uint8Array>([]))[Symbol.asyncIterator]();
  const next = () => exchanges.run(dress, () => frames.next());
  for (let frame = await next(); frame.done !== true; frame = await next()) {
    webHeaders(dress.headersOfAnswer).forEach((value, name) => void header?.append(name, value));
    dress.headersOfAnswer = [];
    const content = frame.value.subarray(5);
    if (overConnect && frame.value[0] === connect.endStreamFlag) {
      const { error } = connect.endStreamFromJson(content);
      yield encodeEnvelope(
        connect.endStreamFlag,
        connect.createEndStreamSerialization(undefined).serialize({
          metadata: webHeaders(dress.trailers),
          ...orNothing("error", told(error, dress.error)),
        }),
      );
    } else if (!overConnect && frame.value[0] === grpcWeb.trailerFlag) {
      const error = told(grpc.findTrailerError(grpcWeb.trailerParse(content)), dress.error);
      const trailers = grpc.setTrailerStatus(webHeaders(dress.trailers), error);
      yield encodeEnvelope(grpcWeb.trailerFlag, grpcWeb.trailerSerialize(trailers));
    } else yield frame.value;
  }
  webHeaders(dress.headersOfAnswer).forEach((value, name) => void header?.append(name, value));
  if (trailer === undefined) return;
  const error = told(grpc.findTrailerError(trailer), dress.error);
  for (const name of [...trailer.keys()]) trailer.delete(name);
  grpc.setTrailerStatus(trailer, error);
  webHeaders(dress.trailers).forEach((value, name) => void trailer.append(name, value));
}

const orNothing = <K extends string, V>(key: K, value: V | undefined) =>
  (value === undefined ? {} : { [key]: value }) as { [name in K]?: V };

function dressing(handler: UniversalHandler): UniversalHandler {
  const serve = async (request: UniversalServerRequest) => {
    const dress = dressFor(request);
    return dressed(await exchanges.run(dress, () => handler(request)), dress);
  };
  const { service, method, requestPath, allowedMethods, supportedContentType, protocolNames } = handler;
  return Object.assign(serve, {
    ...{ service, method, requestPath },
    ...{ allowedMethods, supportedContentType, protocolNames },
  });
}

const request = await asked();
const { httpVersion, messageReceiveLimit } = request;
const credentials = credentialsIn(request);
const calls = conformanceCalls();
const options = {
  calls,
  maxRequestBytes: messageReceiveLimit || 4 * 2 ** 20,
  requestMs: 30_000,
  room: new Room(2 ** 28),
  types: createRegistry(file_connectrpc_conformance_v1_service),
};
const handlers = wrapped(conformanceService, calls).map((method) => dressing(rpcHandler(method, options)));
const serve = connectListener(handlers, (exchange) => {
  const answer = unknownMethod(exchange, exchange.request.url?.split("?", 1)[0] ?? "");
  void dressed(answer ?? uResponseNotFound, nakedness).then((dressedUp) => send(exchange, dressedUp));
});
const listener = (request: unknown, response: unknown) =>
  serve(new Exchange(request as HttpRequest, response as HttpResponse));
const secureServer = (own: NonNullable<typeof credentials>) =>
  httpVersion === HTTPVersion.HTTP_VERSION_1 ? createHttpsServer(own, listener) : createSecureServer(own, listener);
const plainServer = () =>
  httpVersion === HTTPVersion.HTTP_VERSION_1 ? createServer(listener) : createHttp2Server(listener);
const server = credentials === undefined ? plainServer() : secureServer(credentials);
server.listen(0, "127.0.0.1");
await once(server, "listening");
listening((server.address() as AddressInfo).port, credentials?.cert);
