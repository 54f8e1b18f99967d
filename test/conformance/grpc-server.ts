/**
 * The suite's server on the bridge's own adapter for gRPC: reads one request from the standard input, serves, and says
 * where on the standard output.
 */
import type { ServerHttp2Stream } from "node:http2";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  Metadata,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  type StatusObject,
  type sendUnaryData,
} from "@grpc/grpc-js";
import type { Error as DefinedError, Header } from "../../gen/conformance/connectrpc/conformance/v1/service_pb.ts";
import { StatusSchema } from "../../gen/ts/google/rpc/status_pb.ts";
import { wrapped } from "../../src/transport/call.ts";
import { definitionOf, grpcImplementation } from "../../src/transport/grpc/adapter.ts";
import { type AnyCall, bodyOf } from "../../src/transport/grpc/body.ts";
import { polishStatuses } from "../../src/transport/grpc/status.ts";
import { asked, conformanceCalls, credentialsIn, listening } from "./runner.ts";
import { conformanceService, type Exchange, exchanges } from "./service.ts";

type Handler = (call: AnyCall, callback: sendUnaryData<Buffer>) => void;

function metadataOf(headers: readonly Header[], start = new Metadata()): Metadata {
  for (const { name, value } of headers) {
    for (const one of value) start.add(name, name.endsWith("-bin") ? Buffer.from(one, "base64") : one);
  }
  return start;
}

function headersOf(metadata: Metadata): Header[] {
  return Object.keys(metadata.getMap()).map((name) => ({
    $typeName: "connectrpc.conformance.v1.Header",
    name,
    value: metadata.get(name).map((value) => (typeof value === "string" ? value : value.toString("base64"))),
  }));
}

function statusOf({ code, message = "", details }: DefinedError, trailers: Metadata): StatusObject {
  const bytes = toBinary(StatusSchema, create(StatusSchema, { code, message, details }));
  trailers.set("grpc-status-details-bin", Buffer.from(bytes));
  return { code, details: message, metadata: trailers };
}

/** Gives the adapter's answers what the suite wants of them and ours never have: headers, trailers, errors of its own. */
function dressed(handler: Handler): Handler {
  return (call, callback) => {
    const send = call.sendMetadata.bind(call);
    const deadline = Number(call.getDeadline());
    let base: Metadata | undefined;
    let answered: readonly Header[] | undefined;
    const flush = () => {
      if (base === undefined || answered === undefined) return;
      send(metadataOf(answered, base.clone()));
      base = undefined;
    };
    const exchange: Exchange = {
      headers: headersOf(call.metadata),
      timeoutMs: Number.isFinite(deadline) ? BigInt(Math.max(0, Math.round(deadline - Date.now()))) : undefined,
      answer(headers) {
        answered ??= headers;
        flush();
      },
      trailers: [],
      error: undefined,
    };
    call.sendMetadata = (metadata) => {
      base = metadata;
      flush();
    };
    const trailers = () => metadataOf(exchange.trailers);
    dressAnswer(bodyOf(call), () => metadataOf(answered ?? []), trailers);
    const told = (fault: StatusObject) => (exchange.error ? statusOf(exchange.error, trailers()) : fault);
    if ("end" in call) {
      const { end, emit } = call;
      call.end = ((..._: unknown[]) => end.call(call, trailers())) as typeof call.end;
      call.emit = ((event: string, ...values: unknown[]) => {
        if (event !== "error") return emit.call(call, event as never, ...(values as never[]));
        exchange.answer([]);
        return emit.call(call, "error", told(values[0] as StatusObject) as never);
      }) as typeof call.emit;
    }
    exchanges.run(exchange, () =>
      handler(call, (fault) => {
        if (exchange.error !== undefined && answered !== undefined) send(metadataOf(answered));
        callback(told(fault as StatusObject));
      }),
    );
  };
}

/** The same for an answer that goes past the library, whose headers are a list where the library's are an object. */
function dressAnswer(body: ServerHttp2Stream, headers: () => Metadata, trailers: () => Metadata): void {
  const { respond, sendTrailers } = body;
  body.respond = (head, options) => {
    if (!Array.isArray(head)) return respond.call(body, head, options);
    body.sendTrailers = (status) => sendTrailers.call(body, { ...status, ...trailers().toHttp2Headers() });
    const more = Object.entries(headers().toHttp2Headers()).flatMap(([name, values]) =>
      [values ?? []].flat().flatMap((value) => [name, String(value)]),
    );
    respond.call(body, [...head, ...more], options);
  };
}

const detailsKey = "grpc-status-details-bin";

/** The bridge puts details to every failure, of which the suite knows nothing. */
const withoutDetails: ServerInterceptor = (_method, call) => {
  const send = call.sendStatus.bind(call);
  call.sendStatus = (told) => {
    const [bytes] = told.metadata?.get(detailsKey) ?? [];
    const details = bytes === undefined ? [] : fromBinary(StatusSchema, bytes as Buffer).details;
    if (details.some(({ typeUrl }) => typeUrl.endsWith("google.rpc.ErrorInfo"))) told.metadata?.remove(detailsKey);
    send(told);
  };
  return new ServerInterceptingCall(call);
};

const request = await asked();
const { messageReceiveLimit } = request;
const own = credentialsIn(request);
const calls = conformanceCalls();
const server = new Server({
  "grpc.max_receive_message_length": messageReceiveLimit || 4 * 2 ** 20,
  interceptors: [withoutDetails, polishStatuses({}, calls.refusals)],
});
const methods = wrapped(conformanceService, calls);
const handlers = Object.entries(grpcImplementation(methods, {})).map(([name, handler]) => [
  name,
  dressed(handler as unknown as Handler),
]);
server.addService(definitionOf(conformanceService.descriptor), Object.fromEntries(handlers));
const credentials =
  own === undefined
    ? ServerCredentials.createInsecure()
    : ServerCredentials.createSsl(null, [{ cert_chain: own.cert, private_key: own.key }]);
server.bindAsync("127.0.0.1:0", credentials, (error, port) => {
  if (error !== null) throw error;
  listening(port, own?.cert);
});
