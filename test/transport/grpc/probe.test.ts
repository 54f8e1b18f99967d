import { create, type Message } from "@bufbuild/protobuf";
import { type ClientReadableStream, status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../../gen/ts/grpc/health/v1/health_pb.ts";
import { GetSymbolResponseSchema, TicksService } from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import type { Call } from "../../../src/contract/service.ts";
import { collected, type Served, served, someOf, TestClient } from "../served.ts";

const { check, watch, list } = Health.method;
const { getSymbol } = TicksService.method;

let serving: boolean;
let listeners: Set<() => void>;
let server: Served;
let client: TestClient;
let busy: PromiseWithResolvers<void>;

beforeEach(async () => {
  serving = true;
  listeners = new Set();
  busy = Promise.withResolvers();
  const slow = someOf(TicksService, {
    async getSymbol(_: unknown, call: Call) {
      busy.resolve();
      await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
      return create(GetSymbolResponseSchema);
    },
  });
  server = await served([slow], {
    health: {
      serving: () => serving,
      changed: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    limits: { unary: 1, streams: 5 },
  });
  client = new TestClient(server.port);
});

afterEach(async () => {
  client.close();
  await server.stop(0);
});

function becomes(now: boolean): void {
  serving = now;
  for (const listener of listeners) listener();
}

/** The next statuses that a watcher hears. */
async function* statuses(stream: ClientReadableStream<Message>): AsyncGenerator<Status> {
  for await (const message of stream) yield (message as unknown as { status: Status }).status;
}

describe("a probe", () => {
  it.each(["", "mt5bridge.v1.TicksService", "grpc.health.v1.Health"])("asks for %j", async (service) => {
    expect(await client.call(check, { service })).toMatchObject({ ok: true, answer: { status: Status.SERVING } });
    becomes(false);
    expect(await client.call(check, { service })).toMatchObject({ ok: true, answer: { status: Status.NOT_SERVING } });
  });

  it("is told which names there are when it asks for another", async () => {
    expect(await client.call(check, { service: "no.Such" })).toMatchObject({
      ok: false,
      failed: {
        code: status.NOT_FOUND,
        info: { reason: "UNKNOWN_SERVICE" },
        badRequest: { fieldViolations: [{ field: "service", description: expect.stringContaining("TicksService") }] },
      },
    });
  });

  it("lists every service", async () => {
    const names = ["", "mt5bridge.v1.TicksService", "grpc.health.v1.Health"];
    expect(await client.call(list, {})).toMatchObject({
      ok: true,
      answer: { statuses: Object.fromEntries(names.map((name) => [name, { status: Status.SERVING }])) },
    });
  });

  it("is answered while the bridge is full, and while it leaves", async () => {
    const first = client.call(getSymbol, { symbol: "EURUSD" });
    await busy.promise;
    expect(await client.call(getSymbol, { symbol: "EURUSD" })).toMatchObject({ ok: false, failed: { code: 8 } });
    expect(await client.call(check, {})).toMatchObject({ ok: true, answer: { status: Status.SERVING } });
    server.drain.begin();
    expect(await client.call(check, {})).toMatchObject({ ok: true, answer: { status: Status.NOT_SERVING } });
    server.drain.cutOff();
    expect((await first).ok).toBe(true);
  });
});

describe("a watcher", () => {
  it("hears how things stand, and every change", async () => {
    const stream = client.stream(watch, {});
    const heard = statuses(stream);
    expect((await heard.next()).value).toBe(Status.SERVING);
    becomes(false);
    expect((await heard.next()).value).toBe(Status.NOT_SERVING);
    becomes(true);
    expect((await heard.next()).value).toBe(Status.SERVING);
    stream.on("error", () => undefined);
    stream.cancel();
    await server.line(({ context }) => context["status"] === "CANCELLED");
    expect(listeners.size).toBe(0);
  });

  it("of an unknown name is told so and stays", async () => {
    const stream = client.stream(watch, { service: "no.Such" });
    const heard = statuses(stream);
    expect((await heard.next()).value).toBe(Status.SERVICE_UNKNOWN);
    expect(server.drain.inFlight.streams).toBe(1);
    stream.on("error", () => undefined);
    stream.cancel();
  });

  it("hears that the bridge no longer serves before its stream ends", async () => {
    const stream = client.stream(watch, {});
    const ending = collected(stream);
    await new Promise((resolve) => stream.once("data", resolve));
    server.drain.begin();
    expect(await ending).toMatchObject({ messages: [{ status: 1 }, { status: 2 }], failed: undefined });
  });
});
