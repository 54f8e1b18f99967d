import { create } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { afterEach, describe, expect, it } from "vitest";
import { GetHealthResponseSchema, HealthService } from "../../../gen/ts/mt5bridge/v1/health_pb.ts";
import { OrdersService } from "../../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { TicksService } from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import type { Call, Service } from "../../../src/contract/service.ts";
import { BridgeError } from "../../../src/core/errors.ts";
import { framed, RawPeer } from "../raw-peer.ts";
import { type Served, served, someOf, TestClient } from "../served.ts";

const { getHealth } = HealthService.method;
const { placeOrder } = OrdersService.method;
const { listTicks } = TicksService.method;

let server: Served | undefined;
let client: TestClient;

async function serve(services: Service[], options: Parameters<typeof served>[1] = {}): Promise<Served> {
  server = await served(services, options);
  client = new TestClient(server.port);
  return server;
}

afterEach(async () => {
  client?.close();
  await server?.stop(0);
});

const healthy = () => create(GetHealthResponseSchema, { health: { version: "1" } });
const health = (getHealth: (request: unknown, call: Call) => unknown) => someOf(HealthService, { getHealth });

describe("a unary call", () => {
  it("is answered, and every answer says the mode", async () => {
    await serve([health(async () => healthy())], { mode: "simulated" });
    const result = await client.call(getHealth, {});
    expect(result).toMatchObject({ ok: true, answer: { health: { version: "1" } } });
    expect(result.headers.get("mt5bridge-mode")).toEqual(["simulated"]);
  });

  it("knows the caller, the deadline and the trace that the caller is in", async () => {
    let seen: Call | undefined;
    const { line } = await serve([
      health(async (_, call) => {
        seen = call;
        return healthy();
      }),
    ]);
    const deadline = new Date(Date.now() + 3_600_000);
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    await client.call(getHealth, {}, { deadline, metadata: { traceparent } });
    expect(seen).toMatchObject({ principal: { name: "development" }, traceId: "0af7651916cd43dd8448eb211c80319c" });
    expect(Math.abs((seen?.deadline ?? 0) - deadline.getTime())).toBeLessThan(60_000);
    const { severity, context } = await line(({ context }) => context["trace_id"] === seen?.traceId);
    expect(severity).toBe("debug");
    expect(context).toMatchObject({
      method: "mt5bridge.v1.HealthService/GetHealth",
      principal: "development",
      status: "OK",
      ms: expect.any(Number),
      peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    });
  });

  it.each(["", "00-00000000000000000000000000000000-b7ad6b7169203331-01", "nonsense"])(
    "gets a trace of its own when it brings %j",
    async (traceparent) => {
      let traceId = "";
      await serve([
        health(async (_, call) => {
          traceId = call.traceId;
          return healthy();
        }),
      ]);
      await client.call(getHealth, {}, { metadata: { traceparent } });
      expect(traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
    },
  );

  it("is refused with the field, its range and its value before the implementation sees it", async () => {
    let reached = false;
    await serve([
      someOf(OrdersService, {
        placeOrder: async () => {
          reached = true;
        },
      }),
    ]);
    const order = { clientOrderId: "a", symbol: "EURUSD", side: 1, type: 1, volume: Number.NaN };
    const result = await client.call(placeOrder, order);
    if (result.ok) throw new Error("answered");
    expect(result.failed.code).toBe(status.INVALID_ARGUMENT);
    expect(result.failed.message).toBe("volume: must be greater than 0 and finite; got NaN");
    expect(result.failed.badRequest?.fieldViolations).toMatchObject([
      { field: "volume", description: "must be greater than 0 and finite; got NaN" },
    ]);
    expect(result.failed.info).toMatchObject({
      reason: "INVALID_ARGUMENT",
      domain: "mt5bridge",
      metadata: { order_may_exist: "false", retry: "never" },
    });
    expect(result.failed.metadata.get("mt5bridge-mode")).toEqual(["test"]);
    expect(reached).toBe(false);
  });

  it("fails as the implementation says, with its facts", async () => {
    await serve([
      health(async () => {
        throw new BridgeError("terminal_silent", "The terminal has not answered — “yet”.", {
          metadata: { order_id: "main-7" },
        });
      }),
    ]);
    const result = await client.call(getHealth, {});
    if (result.ok) throw new Error("answered");
    expect(result.failed.code).toBe(status.DEADLINE_EXCEEDED);
    expect(decodeURI(result.failed.message)).toBe("The terminal has not answered — “yet”.");
    expect(result.failed.info?.metadata).toEqual({
      order_may_exist: "true",
      retry: "after_reconcile",
      order_id: "main-7",
    });
  });

  it.each([
    ["throws", async () => Promise.reject(new TypeError("secret/path.ts: x is undefined"))],
    ["answers with what is no message", async () => ({ $typeName: "mt5bridge.v1.GetHealthResponse", health: 7 })],
    ["answers with nothing", async () => undefined],
  ])("tells nothing of the inside when the implementation %s, and the log everything", async (_, broken) => {
    const { line } = await serve([health(broken)]);
    const result = await client.call(getHealth, {});
    if (result.ok) throw new Error("answered");
    expect(result.failed.code).toBe(status.INTERNAL);
    expect(result.failed.message).not.toMatch(/secret|undefined|TypeError/);
    const { context } = await line(({ severity }) => severity === "error");
    expect(context["cause"]).toBeInstanceOf(Error);
    expect(result.failed.message).toContain(context["trace_id"]);
    expect(result.failed.info).toMatchObject({ reason: "INTERNAL", metadata: { order_may_exist: "true" } });
  });

  it("hears of its deadline by its signal", async () => {
    const heard = Promise.withResolvers<unknown>();
    await serve([
      health(
        (_, call) =>
          new Promise((_resolve, reject) => {
            call.signal.addEventListener("abort", () => {
              heard.resolve(call.signal.reason);
              reject(call.signal.reason);
            });
          }),
      ),
    ]);
    const result = await client.call(getHealth, {}, { metadata: { "grpc-timeout": "50m" } }); // only the server knows
    if (result.ok) throw new Error("answered");
    expect(result.failed.code).toBe(status.DEADLINE_EXCEEDED);
    expect(await heard.promise).toMatchObject({ fault: "deadline_exceeded" });
  });

  it("stays answered when its caller takes the answer only after the deadline", async () => {
    let calls = 0;
    const { port } = await serve([
      health(async (_, { signal }) => {
        calls += 1;
        if (calls > 1) await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
        return healthy();
      }),
    ]);
    const peer = new RawPeer(port, { initialWindowSize: 0 });
    const ask = () =>
      peer.send("/mt5bridge.v1.HealthService/GetHealth", framed(Buffer.alloc(0)), { "grpc-timeout": "300m" });
    const answered = ask();
    expect((await ask()).code, "of a call whose deadline is later").toBe(status.DEADLINE_EXCEEDED);
    peer.session.settings({ initialWindowSize: 65_535 });
    expect((await answered).code).toBe(status.OK);
    peer.close();
  });

  it("hears that it was cut off also when it asks only afterwards", async () => {
    const entered = Promise.withResolvers<void>();
    const cut = Promise.withResolvers<void>();
    const heard = Promise.withResolvers<unknown>();
    const { drain } = await serve([
      health(async (_, call) => {
        entered.resolve();
        await cut.promise;
        heard.resolve(call.signal.reason);
        call.signal.throwIfAborted();
        return healthy();
      }),
    ]);
    const answered = client.call(getHealth, {});
    await entered.promise;
    drain.cutOff();
    cut.resolve();
    expect(await heard.promise).toMatchObject({ fault: "draining" });
    expect(await answered).toMatchObject({ ok: false, failed: { code: status.UNAVAILABLE } });
  });

  it("is refused beyond the limit with the limit's name and when to come back, and let in again later", async () => {
    const release = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    await serve(
      [
        health(async () => {
          entered.resolve();
          await release.promise;
          return healthy();
        }),
      ],
      { limits: { unary: 1, streams: 1 } },
    );
    const first = client.call(getHealth, {});
    await entered.promise;
    const second = await client.call(getHealth, {});
    if (second.ok) throw new Error("answered");
    expect(second.failed).toMatchObject({
      code: status.RESOURCE_EXHAUSTED,
      info: { reason: "QUOTA_EXCEEDED", metadata: { quota: "unary_calls", limit: "1" } },
      retryInfo: { retryDelay: { seconds: 1n } },
      quotaFailure: { violations: [{ subject: "unary_calls" }] },
    });
    release.resolve();
    expect((await first).ok).toBe(true);
    expect((await client.call(getHealth, {})).ok).toBe(true);
  });

  it("is unimplemented when nobody knows the method", async () => {
    await serve([health(async () => healthy())]);
    const result = await client.call(listTicks, {});
    expect(result).toMatchObject({ ok: false, failed: { code: status.UNIMPLEMENTED } });
  });

  it("may be answered with up to 4 MiB, and is told when there is more", async () => {
    const version = (length: number) => create(GetHealthResponseSchema, { health: { version: "x".repeat(length) } });
    let length = 4 * 1024 * 1024 - 100;
    await serve([health(async () => version(length))]);
    expect((await client.call(getHealth, {})).ok).toBe(true);
    length += 100;
    expect(await client.call(getHealth, {})).toMatchObject({ ok: false, failed: { code: status.RESOURCE_EXHAUSTED } });
  });
});
