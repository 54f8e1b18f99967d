import { once } from "node:events";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import { create, type Message } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import {
  GetSymbolResponseSchema,
  type StreamTicksResponse,
  StreamTicksResponseSchema,
  TicksService,
} from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { ClosingReason } from "../../../gen/ts/mt5bridge/v1/types_pb.ts";
import type { Call } from "../../../src/contract/service.ts";
import { BridgeError } from "../../../src/core/errors.ts";
import { collected, firstOf, type Served, served, someOf, TestClient } from "../served.ts";

const { streamTicks, getSymbol } = TicksService.method;
const request = { symbols: ["EURUSD"] };

let server: Served | undefined;
const clients: TestClient[] = [];

function clientOf({ port }: Served): TestClient {
  const client = new TestClient(port);
  clients.push(client);
  return client;
}

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server?.stop(0);
});

type Producer = (request: unknown, call: Call) => AsyncIterable<StreamTicksResponse>;
const ticks = (streamTicks: Producer) =>
  someOf(TicksService, { streamTicks, getSymbol: async () => create(GetSymbolResponseSchema) });

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

/** A deadline that the client does not watch itself. */
const onlyTheServerKnows = { metadata: { "grpc-timeout": "50m" } };

const aborted = (signal: AbortSignal) =>
  signal.aborted ? Promise.resolve() : once(signal, "abort").then(() => undefined);

/** A way to the server on which, after `cut`, nothing arrives any more, and nobody is told so. */
async function cable(port: number): Promise<{ readonly port: number; cut(): void; close(): void }> {
  const ends: Socket[] = [];
  const listener = createServer((near) => {
    const far = createConnection(port, "127.0.0.1");
    ends.push(near, far);
    near.pipe(far).pipe(near);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    port: (listener.address() as AddressInfo).port,
    cut() {
      for (const end of ends) end.unpipe().pause();
    },
    close() {
      for (const end of ends) end.destroy();
      listener.close();
    },
  };
}

describe("a stream", () => {
  it("ends when its peer has vanished without a word", async () => {
    const ended = Promise.withResolvers<void>();
    const producer: Producer = async function* (_request, call) {
      yield opened();
      await aborted(call.signal);
      ended.resolve();
    };
    server = await served([ticks(producer)], { pings: { pingEveryMs: 50, pingMs: 50 } });
    const way = await cable(server.port);
    const client = clientOf({ ...server, port: way.port });
    const stream = client.stream(streamTicks, request);
    stream.on("error", () => undefined); // told when the way is closed
    await firstOf(stream);
    way.cut();
    await ended.promise;
    way.close();
  });

  it("brings every message in order, then ends", async () => {
    server = await served([
      ticks(async function* () {
        yield opened();
        for (let size = 1; size <= 500; size++) yield batch(size);
      }),
    ]);
    const { messages, failed } = await collected(clientOf(server).stream(streamTicks, request));
    expect(failed).toBeUndefined();
    expect(messages).toHaveLength(501);
    expect(messages.slice(1).map((message) => (message as StreamTicksResponse).event.value)).toEqual(
      Array.from({ length: 500 }, (_, i) => batch(i + 1).event.value),
    );
    const { severity } = await server.line(({ context }) => context["status"] === "OK");
    expect(severity).toBe("info");
  });

  it("ends with the fault of its producer, after everything that came before", async () => {
    server = await served([
      ticks(async function* () {
        yield opened();
        throw new BridgeError("slow_consumer", "The reader fell too far behind.");
      }),
    ]);
    const { messages, failed } = await collected(clientOf(server).stream(streamTicks, request));
    expect(messages).toHaveLength(1);
    expect(failed).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      message: "The reader fell too far behind.",
      info: { reason: "SLOW_CONSUMER", metadata: { retry: "after_resubscribe" } },
    });
  });

  it("is refused as a unary call is", async () => {
    server = await served([ticks(async function* () {})]);
    const { messages, failed } = await collected(clientOf(server).stream(streamTicks, { symbols: ["A", "A"] }));
    expect(messages).toEqual([]);
    expect(failed).toMatchObject({
      code: status.INVALID_ARGUMENT,
      badRequest: { fieldViolations: [{ field: "symbols", description: expect.stringContaining("each item once") }] },
    });
  });

  it("stops its producer when the reader stops reading, harms nobody else, and goes on when it reads again", async () => {
    const total = 3_000;
    const pulled = new Map<string, number>();
    server = await served([
      ticks(async function* (request) {
        const [name = ""] = (request as { symbols: string[] }).symbols;
        const message = batch(200); // some 4 KB: 12 MB in all
        for (let n = 1; n <= total; n++) {
          pulled.set(name, n);
          yield message;
        }
      }),
    ]);
    const slow = clientOf(server).stream(streamTicks, { symbols: ["slow"] });
    await firstOf(slow);

    // A whole stream of the same size goes by meanwhile, so the slow one has had all the time there is.
    const { messages } = await collected(clientOf(server).stream(streamTicks, { symbols: ["quick"] }));
    expect(messages).toHaveLength(total);
    expect(pulled.get("slow")).toBeLessThan(500);

    const rest = await collected(slow);
    expect(rest.failed).toBeUndefined();
    expect(rest.messages.length).toBe(total - 1);
  });

  it("shares the bytes of a message among all who get it", async () => {
    let encodings = 0;
    const shared = batch(3);
    const event = shared.event;
    Object.defineProperty(shared, "event", {
      enumerable: true,
      get: () => {
        encodings++;
        return event;
      },
    });
    server = await served([
      ticks(async function* () {
        yield shared;
      }),
    ]);
    const client = clientOf(server);
    await collected(client.stream(streamTicks, request));
    const once = encodings;
    const streams = Array.from({ length: 50 }, () => collected(client.stream(streamTicks, request)));
    for (const { messages } of await Promise.all(streams)) {
      expect((messages[0] as StreamTicksResponse).event.value).toEqual(event.value);
    }
    expect(once).toBeGreaterThan(0);
    expect(encodings).toBe(once);
  });

  it.each(["cancels", "hangs up"])(
    "tells its producer when the reader %s, and its place is free again",
    async (how) => {
      const gone = Promise.withResolvers<unknown>();
      const ended = Promise.withResolvers<void>();
      server = await served(
        [
          ticks(async function* (_, call) {
            try {
              yield opened();
              await aborted(call.signal);
              gone.resolve(call.signal.reason);
            } finally {
              ended.resolve();
            }
          }),
        ],
        { limits: { unary: 1, streams: 1 } },
      );
      const client = clientOf(server);
      const stream = client.stream(streamTicks, request);
      stream.on("error", () => undefined);
      await firstOf(stream);
      if (how === "cancels") stream.cancel();
      else client.client.close();
      if (how === "hangs up") stream.cancel();
      expect(await gone.promise).toMatchObject({ fault: "canceled" });
      await ended.promise;
      await server.line(({ context }) => context["status"] === "CANCELLED");
      const next = clientOf(server).stream(streamTicks, request);
      next.on("error", () => undefined);
      expect(await firstOf(next)).toMatchObject({ event: { case: "opened" } });
      next.cancel();
    },
  );

  it("is let go when its reader cancels while it is blocked", async () => {
    const left = Promise.withResolvers<void>();
    server = await served([
      ticks(async function* () {
        try {
          const message = batch(100);
          for (let n = 0; n < 20_000; n++) yield message; // far more than anything between here and there can hold
        } finally {
          left.resolve();
        }
      }),
    ]);
    const stream = clientOf(server).stream(streamTicks, request);
    stream.on("error", () => undefined);
    await firstOf(stream);
    stream.cancel();
    await left.promise;
    await server.line(({ context }) => context["status"] === "CANCELLED");
    expect(server.drain.inFlight.streams).toBe(0);
  });

  it("ends at its deadline", async () => {
    server = await served([
      ticks(async function* (_, call) {
        yield opened();
        await aborted(call.signal);
        throw call.signal.reason;
      }),
    ]);
    const stream = clientOf(server).stream(streamTicks, request, onlyTheServerKnows);
    const { failed } = await collected(stream);
    expect(failed?.code).toBe(status.DEADLINE_EXCEEDED);
    await server.line(({ context }) => context["status"] === "DEADLINE_EXCEEDED");
  });

  it("is refused beyond the limit of streams, while unary calls go on", async () => {
    server = await served(
      [
        ticks(async function* (_, call) {
          yield opened();
          await aborted(call.signal);
        }),
      ],
      { limits: { unary: 5, streams: 3 } },
    );
    const client = clientOf(server);
    for (let n = 0; n < 3; n++) {
      const stream = client.stream(streamTicks, request);
      stream.on("error", () => undefined);
      await firstOf(stream);
    }
    const { failed } = await collected(client.stream(streamTicks, request));
    expect(failed).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      info: { reason: "QUOTA_EXCEEDED", metadata: { quota: "streams", limit: "3" } },
      quotaFailure: { violations: [{ subject: "streams" }] },
    });
    expect((await client.call(getSymbol, { symbol: "EURUSD" })).ok).toBe(true);
  });
});

describe("a server that stops", () => {
  it("lets streams say closing and unary calls end, refuses new ones, and then hangs up", async () => {
    const release = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    server = await served([
      someOf(TicksService, {
        async *streamTicks(_: unknown, call: Call) {
          yield opened();
          await aborted(call.leaving);
          yield closing();
        },
        async getSymbol() {
          entered.resolve();
          await release.promise;
          return create(GetSymbolResponseSchema, { symbol: { description: "x".repeat(3_000_000) } });
        },
      }),
    ]);
    const client = clientOf(server);
    const stream = client.stream(streamTicks, request);
    await firstOf(stream);
    const slow = client.call(getSymbol, { symbol: "EURUSD" });
    await entered.promise;

    const stopped = server.stop(60_000);
    const { messages, failed } = await collected(stream);
    expect((messages.at(-1) as StreamTicksResponse).event.case).toBe("closing");
    expect(failed).toBeUndefined();
    expect(await client.call(getSymbol, { symbol: "EURUSD" })).toMatchObject({
      ok: false,
      failed: { code: status.UNAVAILABLE, info: { reason: "DRAINING" }, retryInfo: { retryDelay: { seconds: 1n } } },
    });
    release.resolve();
    expect((await slow).ok).toBe(true);
    expect(await stopped).toEqual({ unary: 0, streams: 0 });
    expect(await clientOf(server).call(getSymbol, { symbol: "EURUSD" })).toMatchObject({
      ok: false,
      failed: { code: status.UNAVAILABLE },
    });
  });

  it("does not wait longer than it was told for those who will not end", async () => {
    server = await served([
      ticks(async function* (_, call): AsyncGenerator<StreamTicksResponse & Message> {
        yield opened();
        await aborted(call.signal);
        throw call.signal.reason;
      }),
    ]);
    const stream = clientOf(server).stream(streamTicks, request);
    await firstOf(stream);
    const ending = collected(stream);
    expect(await server.stop(1)).toEqual({ unary: 0, streams: 1 });
    expect((await ending).failed).toMatchObject({ code: status.UNAVAILABLE, info: { reason: "DRAINING" } });
  });

  it("hangs up on a reader that has stopped reading, and its producer is let go", async () => {
    const left = Promise.withResolvers<void>();
    server = await served([
      ticks(async function* () {
        try {
          const message = batch(100);
          for (let n = 0; n < 20_000; n++) yield message;
        } finally {
          left.resolve();
        }
      }),
    ]);
    const stream = clientOf(server).stream(streamTicks, request);
    stream.on("error", () => undefined);
    await firstOf(stream);
    expect(await server.stop(1)).toEqual({ unary: 0, streams: 1 });
    await left.promise;
    expect(await server.drain.settle(60_000)).toEqual({ unary: 0, streams: 0 });
  });
});
