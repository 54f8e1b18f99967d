/**
 * The suite's service, as an implementation like ours: it knows messages and a Call.
 *
 * What ours cannot do, because no method of the contract wants it, is kept in the `Exchange` of a call, which the
 * server around the adapter sees to: headers and trailers of an answer, and errors that are not in our table.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { create, type Message } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import {
  type BidiStreamRequest,
  BidiStreamRequestSchema,
  BidiStreamResponseSchema,
  type ConformancePayload_RequestInfo,
  ConformancePayload_RequestInfoSchema,
  ConformancePayloadSchema,
  ConformanceService,
  type Error as DefinedError,
  type Header,
  type IdempotentUnaryRequest,
  IdempotentUnaryRequestSchema,
  IdempotentUnaryResponseSchema,
  type ServerStreamRequest,
  ServerStreamRequestSchema,
  ServerStreamResponseSchema,
  type StreamResponseDefinition,
  type UnaryRequest,
  UnaryRequestSchema,
  type UnaryResponseDefinition,
  UnaryResponseSchema,
} from "../../gen/conformance/connectrpc/conformance/v1/service_pb.ts";
import type { Call, Service } from "../../src/contract/service.ts";
import { BridgeError } from "../../src/core/errors.ts";
import { machineClock } from "../../src/telemetry/machine-clock.ts";

export interface Exchange {
  readonly headers: readonly Header[];
  readonly timeoutMs: bigint | undefined;
  /** Sends the headers of the answer, once. */
  answer(headers: readonly Header[]): void;
  trailers: readonly Header[];
  error: DefinedError | undefined;
}

export const exchanges = new AsyncLocalStorage<Exchange>();
const clock = machineClock();

function exchange(): Exchange {
  const found = exchanges.getStore();
  if (found === undefined) throw new Error("outside of any call");
  return found;
}

function infoOf(requests: readonly Any[]): ConformancePayload_RequestInfo {
  const { headers, timeoutMs } = exchange();
  const timeout = timeoutMs === undefined ? {} : { timeoutMs };
  return create(ConformancePayload_RequestInfoSchema, {
    requestHeaders: [...headers],
    ...timeout,
    requests: [...requests],
  });
}

/** The server around the adapter tells the caller of it as it is defined. */
function fail(error: DefinedError, info?: ConformancePayload_RequestInfo): never {
  const details = info === undefined ? [] : [anyPack(ConformancePayload_RequestInfoSchema, info)];
  exchange().error = { ...error, details: [...error.details, ...details] };
  throw new BridgeError("canceled", "as defined");
}

async function unary(definition: UnaryResponseDefinition | undefined, request: Any, { signal }: Call) {
  const here = exchange();
  here.answer(definition?.responseHeaders ?? []);
  here.trailers = definition?.responseTrailers ?? [];
  if (definition?.responseDelayMs) await clock.sleep(definition.responseDelayMs, signal);
  signal.throwIfAborted();
  const info = infoOf([request]);
  if (definition?.response.case === "error") fail(definition.response.value, info);
  const data = definition?.response.case === "responseData" ? definition.response.value : new Uint8Array();
  return create(ConformancePayloadSchema, { data, requestInfo: info });
}

async function* stream(definition: StreamResponseDefinition | undefined, requests: readonly Any[], { signal }: Call) {
  const here = exchange();
  here.answer(definition?.responseHeaders ?? []);
  here.trailers = definition?.responseTrailers ?? [];
  const info = infoOf(requests);
  for (const [index, data] of (definition?.responseData ?? []).entries()) {
    if (definition?.responseDelayMs) await clock.sleep(definition.responseDelayMs, signal);
    signal.throwIfAborted();
    yield create(ConformancePayloadSchema, index === 0 ? { data, requestInfo: info } : { data });
  }
  if (definition?.error) fail(definition.error, definition.responseData.length === 0 ? info : undefined);
}

const implementation = {
  unary: async (request: UnaryRequest, call: Call) =>
    create(UnaryResponseSchema, {
      payload: await unary(request.responseDefinition, anyPack(UnaryRequestSchema, request), call),
    }),

  idempotentUnary: async (request: IdempotentUnaryRequest, call: Call) =>
    create(IdempotentUnaryResponseSchema, {
      payload: await unary(request.responseDefinition, anyPack(IdempotentUnaryRequestSchema, request), call),
    }),

  async *serverStream(request: ServerStreamRequest, call: Call) {
    const any = anyPack(ServerStreamRequestSchema, request);
    for await (const payload of stream(request.responseDefinition, [any], call)) {
      yield create(ServerStreamResponseSchema, { payload });
    }
  },

  async *bidiStream(requests: AsyncIterable<BidiStreamRequest>, call: Call): AsyncGenerator<Message> {
    const seen: Any[] = [];
    let definition: StreamResponseDefinition | undefined;
    let full: boolean | undefined;
    let sent = 0;
    for await (const request of requests) {
      const any = anyPack(BidiStreamRequestSchema, request);
      seen.push(any);
      if (full === undefined) {
        full = request.fullDuplex;
        definition = request.responseDefinition;
        exchange().trailers = definition?.responseTrailers ?? [];
        if (full) exchange().answer(definition?.responseHeaders ?? []);
      }
      const data = definition?.responseData[sent];
      if (full && data === undefined && definition?.error)
        fail(definition.error, sent === 0 ? infoOf(seen) : undefined);
      if (!full || data === undefined) continue;
      if (definition?.responseDelayMs) await clock.sleep(definition.responseDelayMs, call.signal);
      call.signal.throwIfAborted();
      sent++;
      const payload = create(ConformancePayloadSchema, { data, requestInfo: infoOf([any]) });
      yield create(BidiStreamResponseSchema, { payload });
    }
    const rest = definition && { ...definition, responseData: definition.responseData.slice(sent) };
    if (rest?.error && sent > 0 && rest.responseData.length === 0) fail(rest.error);
    for await (const payload of stream(rest, full ? [] : seen, call))
      yield create(BidiStreamResponseSchema, { payload });
  },
};

/** Without what the bridge does not serve: a stream of requests with one answer, and a method that is not there. */
export const conformanceService: Service = {
  descriptor: {
    ...ConformanceService,
    methods: ConformanceService.methods.filter(({ localName }) => localName in implementation),
  },
  implementation,
  always: false,
};
