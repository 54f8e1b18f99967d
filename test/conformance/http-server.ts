/** The suite's server on the bridge's own Connect, gRPC-Web and gRPC, over HTTP/1.1 or HTTP/2 without TLS. */
import { once } from "node:events";
import { createServer, type OutgoingHttpHeaders } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code as Codes } from "@connectrpc/connect";
import { HTTPVersion } from "../../gen/conformance/connectrpc/conformance/v1/config_pb.ts";
import type { Error as DefinedError, Header } from "../../gen/conformance/connectrpc/conformance/v1/service_pb.ts";
import { StatusSchema } from "../../gen/ts/google/rpc/status_pb.ts";
import { wrapped } from "../../src/transport/call.ts";
import { Room } from "../../src/transport/connect/body.ts";
import { endFlag, enveloped, trailersFlag } from "../../src/transport/connect/envelope.ts";
import { type RpcHandler, rpcHandler } from "../../src/transport/connect/rpc-handler.ts";
import { Exchange, type HttpRequest, type HttpResponse } from "../../src/transport/exchange.ts";
import { asked, conformanceCalls, listening } from "./runner.ts";
import { conformanceService, exchanges } from "./service.ts";

const httpStatus: Readonly<Record<number, number>> = {
  1: 499,
  2: 500,
  3: 400,
  4: 504,
  5: 404,
  6: 409,
  7: 403,
  8: 429,
  9: 400,
  10: 409,
  11: 400,
  12: 501,
  13: 500,
  14: 503,
  15: 500,
  16: 401,
};

const many = (headers: readonly Header[], prefix = ""): Record<string, string[]> =>
  Object.fromEntries(headers.map(({ name, value }) => [prefix + name.toLowerCase(), [...value]]));

function errorJson({ code, message = "", details }: DefinedError) {
  const name = (Codes[code] ?? "").replace(/(?<!^)([A-Z])/g, "_$1").toLowerCase();
  return {
    code: name,
    message,
    details: details.map(({ typeUrl, value }) => ({
      type: typeUrl.split("/").at(-1),
      value: Buffer.from(value).toString("base64").replace(/=+$/, ""),
    })),
  };
}

function grpcTrailers(error: DefinedError | undefined, trailers: Record<string, string[]>): Record<string, string[]> {
  if (error === undefined) return { "grpc-status": ["0"], ...trailers };
  const { code, message = "", details } = error;
  const bytes = Buffer.from(toBinary(StatusSchema, create(StatusSchema, { code, message, details })));
  return {
    "grpc-status": [String(code)],
    "grpc-message": [encodeURIComponent(message)],
    "grpc-status-details-bin": [bytes.toString("base64").replace(/=+$/, "")],
    ...trailers,
  };
}

/**
 * Gives the answers what the suite wants of them and ours never have: headers and trailers of a method's own, and errors
 * that are not in our table. Everything else leaves as the bridge wrote it.
 */
function converse(rpc: RpcHandler, request: HttpRequest, response: HttpResponse): void {
  const type = String(request.headers["content-type"] ?? "");
  const bare = type === "application/proto" || type === "application/json";
  const protocol = type.startsWith("application/grpc-web")
    ? "grpc-web"
    : type.startsWith("application/grpc")
      ? "grpc"
      : "connect";
  const writeHead = response.writeHead.bind(response);
  const addTrailers = response.addTrailers.bind(response);
  const write = response.write.bind(response);
  const end = response.end.bind(response);
  let head: readonly [number, OutgoingHttpHeaders] | undefined;
  let answered: readonly Header[] | undefined;
  let left = false;

  const timeout = request.headers[protocol === "connect" ? "connect-timeout-ms" : "grpc-timeout"];
  const own: Parameters<typeof exchanges.run>[0] = {
    headers: Object.entries(request.headers)
      .filter(([name]) => !name.startsWith(":"))
      .map(([name, value = ""]) => ({
        $typeName: "connectrpc.conformance.v1.Header",
        name,
        value: Array.isArray(value)
          ? value
          : name.endsWith("-bin") || name.startsWith("x-")
            ? value.split(/, ?/)
            : [value],
      })),
    timeoutMs: timeout === undefined ? undefined : millisecondsOf(String(timeout)),
    answer(headers) {
      answered ??= headers;
    },
    trailers: [],
    error: undefined,
  };

  const flush = () => {
    if (left || head === undefined) return;
    left = true;
    const [status, headers] = head;
    const more = { ...many(answered ?? []), ...(bare ? many(own.trailers, "trailer-") : {}) };
    const changed = own.error !== undefined && bare;
    const { "content-length": length, ...rest } = headers;
    const size = length === undefined || changed ? {} : { "content-length": length };
    writeHead(changed ? (httpStatus[own.error?.code ?? 0] ?? 500) : status, { ...rest, ...size, ...more });
  };
  response.writeHead = (status, headers) => {
    head = [status, headers];
    return response;
  };
  Object.defineProperty(response, "headersSent", { get: () => head !== undefined });
  response.write = ((chunk: Buffer) => {
    flush();
    return write(chunk);
  }) as typeof response.write;
  response.addTrailers = (trailers) => {
    flush();
    const all = own.error ? grpcTrailers(own.error, many(own.trailers)) : { ...trailers, ...many(own.trailers) };
    addTrailers(all as unknown as Readonly<Record<string, string>>);
  };
  response.end = ((chunk?: Buffer) => {
    flush();
    if (bare) return end(own.error === undefined ? chunk : Buffer.from(JSON.stringify(errorJson(own.error))));
    if (chunk?.[0] === endFlag) {
      const said = JSON.parse(chunk.subarray(5).toString()) as object;
      const error = own.error === undefined ? {} : { error: errorJson(own.error) };
      return end(enveloped(Buffer.from(JSON.stringify({ ...said, ...error, metadata: many(own.trailers) })), endFlag));
    }
    if (chunk?.[0] === trailersFlag) {
      const lines = Object.entries(grpcTrailers(own.error, many(own.trailers))).flatMap(([name, values]) =>
        values.map((value) => `${name}: ${value}\r\n`),
      );
      const asIs = chunk.subarray(5).toString().startsWith("grpc-status: 0") || own.error !== undefined;
      return end(asIs ? enveloped(Buffer.from(lines.join("")), trailersFlag) : chunk);
    }
    return chunk === undefined ? end() : end(chunk);
  }) as typeof response.end;

  const [path = ""] = (request.url ?? "").split("?", 1);
  exchanges.run(own, () => {
    if (rpc(new Exchange(request, response), path)) return;
    request.resume();
    writeHead(404, {});
    end();
  });
}

function millisecondsOf(timeout: string): bigint {
  const units: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };
  return BigInt(Math.round(Number.parseInt(timeout, 10) * (units[timeout.at(-1) ?? ""] ?? 1)));
}

const { httpVersion, messageReceiveLimit } = await asked();
const calls = conformanceCalls();
const rpc = rpcHandler(wrapped(conformanceService, calls), {
  calls,
  headers: {},
  maxRequestBytes: messageReceiveLimit || 4 * 2 ** 20,
  maxAnswerBytes: 4 * 2 ** 20,
  requestMs: 30_000,
  room: new Room(2 ** 28),
});
const listener = (request: unknown, response: unknown) =>
  converse(rpc, request as HttpRequest, response as HttpResponse);
const server = httpVersion === HTTPVersion.HTTP_VERSION_1 ? createServer(listener) : createHttp2Server(listener);
server.listen(0, "127.0.0.1");
await once(server, "listening");
listening((server.address() as AddressInfo).port);
