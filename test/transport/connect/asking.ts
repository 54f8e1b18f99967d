/** Ways to ask: every client of Connect's, and grpc-js. */
import type { DescMethod, DescMethodStreaming, DescMethodUnary, Message } from "@bufbuild/protobuf";
import { ConnectError, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import type { Ask, Outcome } from "../cases.ts";
import { collected, type Failed, type TestClient } from "../served.ts";
import { detailsOfTrailers, type Told, toldOf } from "../told.ts";

type TransportOf = (baseUrl: string) => Transport;

/** By name: protocol, format and version of HTTP. */
export const transports: Readonly<Record<string, TransportOf>> = {
  "Connect, JSON, HTTP/1.1": (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
  "Connect, JSON, HTTP/2": (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: false }),
  "Connect, protobuf, HTTP/1.1": (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true }),
  "Connect, protobuf, HTTP/2": (baseUrl) =>
    createConnectTransport({ baseUrl, httpVersion: "2", useBinaryFormat: true }),
  "gRPC-Web, protobuf, HTTP/1.1": (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
  "gRPC-Web, protobuf, HTTP/2": (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" }),
  "gRPC-Web, JSON, HTTP/1.1": (baseUrl) =>
    createGrpcWebTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
  "gRPC, protobuf, HTTP/2": (baseUrl) => createGrpcTransport({ baseUrl }),
  "gRPC, JSON, HTTP/2": (baseUrl) => createGrpcTransport({ baseUrl, useBinaryFormat: false }),
};

type Headers = Readonly<Record<string, string>>;

export function asking(transport: Transport, headers: Headers = {}): Ask {
  return async (method, request) => {
    const messages: Message[] = [];
    try {
      for await (const message of answers(transport, method, request, headers)) messages.push(message);
      return { messages, told: undefined };
    } catch (error) {
      return { messages, told: toldIn(error) };
    }
  };
}

async function* answers(
  transport: Transport,
  method: DescMethod,
  request: Message,
  headers: Headers,
): AsyncGenerator<Message> {
  if (method.methodKind === "unary") {
    yield (await transport.unary(method as DescMethodUnary, undefined, undefined, headers, request)).message;
    return;
  }
  const requests = (async function* () {
    yield request;
  })();
  const streaming = method as DescMethodStreaming;
  yield* (await transport.stream(streaming, undefined, undefined, headers, requests)).message;
}

export function toldIn(error: unknown): Told {
  const { code, rawMessage, details } = ConnectError.from(error);
  const incoming = details.flatMap((detail) => ("type" in detail ? [detail] : []));
  return toldOf(code, rawMessage, incoming);
}

/** Over grpc-js, on whatever port speaks gRPC. */
export function askingGrpc(client: TestClient, metadata: Headers = {}): Ask {
  return async (method, request): Promise<Outcome> => {
    if (method.methodKind === "unary") {
      const result = await client.call(method, request, { metadata });
      if (!result.ok) return { messages: [], told: toldBy(result.failed) };
      return { messages: [result.answer as Message], told: undefined };
    }
    const { messages, failed } = await collected(client.stream(method, request, { metadata }));
    return { messages: messages as Message[], told: failed && toldBy(failed) };
  };
}

function toldBy({ code, message, metadata }: Failed): Told {
  return toldOf(code, decodeURIComponent(escapedOdd(message)), detailsOfTrailers(metadata));
}

/** grpc-js leaves a lone percent sign as it is. */
const escapedOdd = (text: string) => text.replace(/%(?![\dA-Fa-f]{2})/g, "%25");
