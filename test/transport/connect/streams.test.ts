import { once } from "node:events";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from "vitest";
import {
  GetSymbolResponseSchema,
  StreamTicksRequestSchema,
  type StreamTicksResponse,
  StreamTicksResponseSchema,
  TicksService,
} from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { ClosingReason } from "../../../gen/ts/mt5bridge/v1/types_pb.ts";
import type { Call } from "../../../src/contract/service.ts";
import { type HttpSetup, type ServedHttp, servedHttp } from "../http/served-http.ts";
import { pathOf, someOf } from "../served.ts";
import { toldIn, transports } from "./asking.ts";
import { allOf, envelopesIn, inEnvelope, type RawCall, rawCall, streamHeaders } from "./raw-call.ts";

let server: ServedHttp | undefined;
let said: MockInstance;

beforeEach(() => {
  said = vi.spyOn(console, "error");
});

afterEach(async () => {
  await server?.stop(0);
  expect(said, "a peer that vanishes is no news for the console").not.toHaveBeenCalled();
  vi.restoreAllMocks();
});

type Producer = (request: unknown, call: Call) => AsyncIterable<StreamTicksResponse>;

async function serve(streamTicks: Producer, setup: HttpSetup = {}, methods: Record<string, unknown> = {}) {
  const getSymbol = async () => create(GetSymbolResponseSchema);
  server = await servedHttp([someOf(TicksService, { getSymbol, streamTicks, ...methods })], setup);
  return server;
}

const batch = (size: number) =>
  create(StreamTicksResponseSchema, {
    event: {
      case: "batch",
      value: { ticks: Array.from({ length: size }, (_, i) => ({ symbol: "EURUSD", bid: 1 + i / 1e5 })) },
    },
  });
const opened = () => create(StreamTicksResponseSchema, { event: { case: "opened", value: { streamId: "s" } } });
const closing = () =>
  create(StreamTicksResponseSchema, { event: { case: "closing", value: { reason: ClosingReason.SHUTDOWN } } });
const aborted = (signal: AbortSignal) =>
  signal.aborted ? Promise.resolve() : once(signal, "abort").then(() => undefined);

const clientOf = (name: string, { url }: ServedHttp) => {
  const of = transports[name];
  if (of === undefined) throw new Error(name);
  return createClient(TicksService, of(url));
};

const path = pathOf(TicksService.method.streamTicks);

/** A stream of EURUSD, or of a symbol of that name, that is read only when the test reads it. */
function call(
  version: "1.1" | "2",
  protocol: string,
  symbol = "EURUSD",
  headers: Record<string, string> = {},
): RawCall {
  const request = { symbols: [symbol] };
  const content = protocol.endsWith("+json")
    ? Buffer.from(JSON.stringify(request))
    : toBinary(StreamTicksRequestSchema, create(StreamTicksRequestSchema, request));
  const all = { ...streamHeaders[protocol], ...headers };
  return rawCall({ version, port: server?.port ?? 0, path, headers: all, body: inEnvelope(content) });
}

const byHand: ["1.1" | "2", string][] = [
  ["1.1", "connect"],
  ["1.1", "connect+json"],
  ["1.1", "grpc-web"],
  ["2", "connect"],
  ["2", "grpc-web"],
  ["2", "grpc"],
];

describe.each(Object.keys(transports))("a stream over %s", (name) => {
  it("brings every message in order, then ends", async () => {
    await serve(async function* () {
      yield opened();
      for (let size = 1; size <= 300; size++) yield batch(size);
    });
    const got: StreamTicksResponse[] = [];
    for await (const message of clientOf(name, server as ServedHttp).streamTicks({ symbols: ["A"] })) got.push(message);
    expect(got).toEqual([opened(), ...Array.from({ length: 300 }, (_, i) => batch(i + 1))]);
  });

  it("tells its producer when the reader cancels, and its place is free again", async () => {
    const gone = Promise.withResolvers<unknown>();
    await serve(
      async function* (_, call) {
        yield opened();
        await aborted(call.signal);
        gone.resolve(call.signal.reason);
      },
      { callLimits: { unary: 1, streams: 1 } },
    );
    const client = clientOf(name, server as ServedHttp);
    const cancel = new AbortController();
    const reading = (async () => {
      for await (const _ of client.streamTicks({ symbols: ["A"] }, { signal: cancel.signal })) cancel.abort();
    })();
    await expect(reading).rejects.toMatchObject({ code: Code.Canceled });
    expect(await gone.promise).toMatchObject({ fault: "canceled" });
    await server?.line(({ context }) => context["status"] === "CANCELLED");
    expect(server?.drain.inFlight).toEqual({ unary: 0, streams: 0 });
  });

  it("says closing when the bridge leaves, and new calls are refused with when to come back", async () => {
    await serve(async function* (_, call) {
      yield opened();
      await aborted(call.leaving);
      yield closing();
    });
    const client = clientOf(name, server as ServedHttp);
    const got: (string | undefined)[] = [];
    for await (const { event } of client.streamTicks({ symbols: ["A"] })) {
      got.push(event.case);
      if (event.case === "opened") server?.drain.begin();
    }
    expect(got).toEqual(["opened", "closing"]);
    const error = await client.getSymbol({ symbol: "A" }).catch((error: unknown) => error);
    expect(toldIn(error)).toMatchObject({ code: Code.Unavailable, reason: "DRAINING", retrySeconds: 1 });
  });
});

describe.each(byHand)("a stream over HTTP/%s, %s", (version, protocol) => {
  it("stops its producer when the reader stops reading, harms nobody else, and goes on when it reads again", async () => {
    const total = 3_000;
    const pulled = new Map<string, number>();
    await serve(async function* (request) {
      const [name = ""] = (request as { symbols: string[] }).symbols;
      const message = batch(1_000); // some 20 KB: 60 MB in all, far more than the sockets between can hold
      for (let n = 1; n <= total; n++) {
        pulled.set(name, n);
        yield message;
      }
    });
    const slow = await call(version, protocol, "slow").answer;
    await once(slow, "readable");

    // A whole stream of the same size goes by meanwhile, so the slow one has had all the time there is.
    const quick = await allOf(await call(version, protocol, "quick").answer);
    expect(envelopesIn(quick).filter(({ flags }) => flags === 0)).toHaveLength(total);
    expect(pulled.get("slow")).toBeLessThan(total / 2);

    const rest = await allOf(slow);
    expect(rest.equals(quick)).toBe(true);
  }, 60_000);

  it.each(["cancel", "hangUp"] as const)("is let go when its reader does %s while it is blocked", async (how) => {
    const left = Promise.withResolvers<void>();
    await serve(async function* () {
      try {
        const message = batch(1_000);
        for (let n = 0; n < 20_000; n++) yield message;
      } finally {
        left.resolve();
      }
    });
    const blocked = call(version, protocol);
    await once(await blocked.answer, "readable");
    blocked[how]();
    await left.promise;
    await server?.line(({ context }) => context["status"] === "CANCELLED");
    expect(server?.drain.inFlight).toEqual({ unary: 0, streams: 0 });
  });

  it("is let go when its reader goes before it has begun", async () => {
    const began = Promise.withResolvers<void>();
    await serve(async function* (_, call) {
      began.resolve();
      await aborted(call.signal);
      yield opened();
    });
    const waiting = call(version, protocol);
    await began.promise;
    waiting.hangUp();
    await server?.line(({ context }) => context["status"] === "CANCELLED");
    expect(server?.drain.inFlight).toEqual({ unary: 0, streams: 0 });
  });

  it("ends at its deadline, which only the server watches", async () => {
    await serve(async function* (_, call) {
      yield opened();
      await aborted(call.signal);
      throw call.signal.reason;
    });
    const timeout: Record<string, string> = protocol.startsWith("grpc")
      ? { "grpc-timeout": "50m" }
      : { "connect-timeout-ms": "50" };
    const bytes = await allOf(await call(version, protocol, "A", timeout).answer);
    const last = envelopesIn(bytes).at(-1);
    if (protocol === "grpc-web") expect(last?.content.toString()).toContain("grpc-status: 4\r\n");
    if (protocol.startsWith("connect")) expect(last?.content.toString()).toContain('"deadline_exceeded"');
    await server?.line(({ context }) => context["status"] === "DEADLINE_EXCEEDED");
  });

  it("is cut off when it will not end, and told why", async () => {
    await serve(async function* (_, call) {
      yield opened();
      await aborted(call.signal);
      throw call.signal.reason;
    });
    const answer = await call(version, protocol).answer;
    const ending = allOf(answer);
    expect(await server?.stop(1)).toEqual({ unary: 0, streams: 1 });
    const last = envelopesIn(await ending).at(-1);
    if (protocol === "grpc-web") expect(last?.content.toString()).toContain("grpc-status: 14\r\n");
    if (protocol.startsWith("connect")) expect(last?.content.toString()).toContain('"unavailable"');
  });
});

describe("messages of a stream", () => {
  it.each(["connect", "connect+json"])("are encoded once for all who get them, over %s", async (protocol) => {
    let encodings = 0;
    const shared = batch(3);
    const { event } = shared;
    Object.defineProperty(shared, "event", {
      enumerable: true,
      get: () => {
        encodings++;
        return event;
      },
    });
    await serve(async function* () {
      yield shared;
    });
    await allOf(await call("1.1", protocol).answer);
    const once = encodings;
    await Promise.all(Array.from({ length: 20 }, async () => allOf(await call("1.1", protocol).answer)));
    expect(once).toBeGreaterThan(0);
    expect(encodings).toBe(once);
  });

  it("may be 4 MiB, and are told when they are more", async () => {
    let length = 4 * 1024 * 1024 - 100;
    const getSymbol = async () => create(GetSymbolResponseSchema, { symbol: { description: "x".repeat(length) } });
    await serve(async function* () {}, {}, { getSymbol });
    const client = clientOf("Connect, protobuf, HTTP/1.1", server as ServedHttp);
    expect((await client.getSymbol({ symbol: "A" })).symbol?.description).toHaveLength(length);
    length += 100;
    const error = await client.getSymbol({ symbol: "A" }).catch((error: unknown) => error);
    expect(ConnectError.from(error).code).toBe(Code.ResourceExhausted);
    expect(toldIn(error)).toMatchObject({ metadata: { quota: "message_size" } });
  });
});
