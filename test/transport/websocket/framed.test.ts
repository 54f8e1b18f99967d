import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { AccountService, StreamAccountResponseSchema } from "../../../gen/ts/mt5bridge/v1/account_pb.ts";
import {
  GetHealthResponseSchema,
  HealthService,
  WatchHealthResponseSchema,
} from "../../../gen/ts/mt5bridge/v1/health_pb.ts";
import {
  OrdersService,
  PlaceOrderResponseSchema,
  StreamOrdersResponseSchema,
} from "../../../gen/ts/mt5bridge/v1/orders_pb.ts";
import {
  type StreamTicksResponse,
  StreamTicksResponseSchema,
  TicksService,
  UpdateTickSubscriptionResponseSchema,
} from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import type { Call } from "../../../src/contract/service.ts";
import { BridgeError } from "../../../src/core/errors.ts";
import { developer } from "../../../src/transport/authenticate.ts";
import { ratesOf } from "../../../src/transport/rates.ts";
import { someOf } from "../served.ts";
import { dialects, messageIn, welcomeIn, wrongOf } from "./speaking.ts";
import { aborted, client, connect, serve, server } from "./stage.ts";

const { streamTicks, updateTickSubscription } = TicksService.method;
const { getHealth, watchHealth } = HealthService.method;
const { placeOrder, streamOrders } = OrdersService.method;
const eurusd = { symbols: ["EURUSD"] };

const opened = () => create(StreamTicksResponseSchema, { event: { case: "opened", value: { streamId: "stream-7" } } });
const batch = (size: number) =>
  create(StreamTicksResponseSchema, {
    event: {
      case: "batch",
      value: { ticks: Array.from({ length: size }, (_, i) => ({ symbol: "EURUSD", bid: 1 + i })) },
    },
  });
const health = (getHealth: (request: unknown, call: Call) => unknown) => someOf(HealthService, { getHealth });
const healthy = health(async () => create(GetHealthResponseSchema, { health: { version: "1" } }));
/** Opens, and stays open until it is not wanted any more. */
const quiet = someOf(TicksService, {
  async *streamTicks(_: unknown, call: Call) {
    yield opened();
    await aborted(AbortSignal.any([call.signal, call.leaving]));
  },
});

describe.each(dialects)("%s", (spoken) => {
  it("welcomes with who the caller is and what the limits are", async () => {
    await serve([healthy], { limits: { pingMs: 1234 } });
    const one = connect(spoken);
    expect(welcomeIn(await one.type("welcome"))).toMatchObject({
      server: "mt5-bridge",
      mode: "test",
      principal: "development",
      pingIntervalMs: 1234,
      maxFrameBytes: 1024 * 1024,
    });
    expect(one.socket.protocol).toBe(spoken);
  });

  it("answers calls side by side, each under its id, named short or in full", async () => {
    const first = Promise.withResolvers<void>();
    let n = 0;
    await serve([
      health(async () => {
        if (n++ === 0) await first.promise;
        return create(GetHealthResponseSchema, { health: { version: String(n) } });
      }),
    ]);
    const one = await client(spoken);
    one.send("call", getHealth, {}, { id: "slow" });
    const quick = one.send("call", "mt5bridge.v1.HealthService/GetHealth");
    expect(await one.answerTo(quick)).toMatchObject({ type: "result" });
    first.resolve();
    expect(messageIn(getHealth.output, await one.answerTo("slow"))).toMatchObject({ health: { version: "2" } });
  });

  it("refuses a request by the same code and fields as gRPC does", async () => {
    await serve([someOf(OrdersService, { placeOrder: async () => create(PlaceOrderResponseSchema) })]);
    const one = await client(spoken);
    const { wrong } = await one.call(placeOrder, { clientOrderId: "no spaces", symbol: "EURUSD", volume: 0 });
    expect(wrong).toMatchObject({
      code: "invalid_argument",
      reason: "INVALID_ARGUMENT",
      metadata: { order_may_exist: "false" },
    });
    expect(wrong?.violations.map(({ field }) => field).sort()).toEqual(["client_order_id", "side", "type", "volume"]);
  });

  it("says what the implementation says, and nothing of what broke inside", async () => {
    await serve([
      health(async () => {
        throw new Error("password=secret");
      }),
      someOf(OrdersService, {
        async placeOrder() {
          throw new BridgeError("client_order_id_reused", "The key was used.");
        },
      }),
    ]);
    const one = await client(spoken);
    const { wrong } = await one.call(getHealth, {});
    expect(wrong).toMatchObject({ code: "internal", metadata: { retry: "after_reconcile" } });
    expect(JSON.stringify(wrong)).not.toContain("secret");
    const order = { clientOrderId: "k", symbol: "EURUSD", side: 1, type: 1, volume: 0.1 };
    expect((await one.call(placeOrder, order)).wrong).toMatchObject({
      code: "already_exists",
      reason: "CLIENT_ORDER_ID_REUSED",
    });
  });

  it("tells a wrong name, and the wrong kind of frame for an RPC", async () => {
    await serve([healthy, quiet]);
    const one = await client(spoken);
    for (const name of ["", "HealthService", "HealthService/Nothing", "__proto__/constructor"]) {
      expect(wrongOf(await one.answerTo(one.send("call", name))).code).toBe("unimplemented");
    }
    expect(wrongOf(await one.answerTo(one.send("call", streamTicks, eurusd))).violations[0]?.field).toBe("type");
    expect(wrongOf(await one.answerTo(one.send("subscribe", getHealth, {}))).violations[0]?.field).toBe("type");
  });

  it("knows the trace that the caller is in, and how long it waits", async () => {
    let seen: Call | undefined;
    await serve([
      health(async (_, call) => {
        seen = call;
        await aborted(call.signal);
        throw call.signal.reason;
      }),
    ]);
    const one = await client(spoken);
    const trace = "0af7651916cd43dd8448eb211c80319c";
    const extra = { traceparent: `00-${trace}-b7ad6b7169203331-01`, timeoutMs: 20 };
    expect((await one.call(getHealth, {}, extra)).wrong?.code).toBe("deadline_exceeded");
    expect(seen?.traceId).toBe(trace);
    expect(seen?.deadline).toBeDefined();
  });

  it("brings a stream in order and numbered, then says it is complete; the id is free again", async () => {
    await serve([
      someOf(TicksService, {
        async *streamTicks() {
          yield opened();
          for (let size = 1; size <= 200; size++) yield batch(size);
        },
      }),
    ]);
    const one = await client(spoken);
    for (let round = 0; round < 2; round++) {
      one.send("subscribe", streamTicks, eurusd, { id: "s" });
      expect(await one.next()).toMatchObject({ type: "subscribed", id: "s", seq: 1 });
      for (let size = 1; size <= 200; size++) {
        const heard = await one.next();
        expect(heard).toMatchObject({
          type: spoken === "mt5bridge.v1.json" ? "tick_data" : "stream_data",
          seq: size + 1,
        });
        const { event } = messageIn(streamTicks.output, heard) as StreamTicksResponse;
        expect(event.case === "batch" && event.value.ticks.length).toBe(size);
      }
      expect(await one.next()).toMatchObject({ type: "complete", id: "s" });
    }
  });

  it("names what each stream carries", async () => {
    await serve([
      someOf(AccountService, {
        async *streamAccount() {
          yield create(StreamAccountResponseSchema, { event: { case: "valuation", value: { equity: 5 } } });
          yield create(StreamAccountResponseSchema, { event: { case: "heartbeat", value: {} } });
          yield create(StreamAccountResponseSchema, { event: { case: "closing", value: {} } });
        },
      }),
      someOf(OrdersService, {
        async *streamOrders() {
          yield create(StreamOrdersResponseSchema, { event: { case: "order", value: {} } });
        },
      }),
      someOf(HealthService, {
        async *watchHealth() {
          yield create(WatchHealthResponseSchema, { event: { case: "health", value: {} } });
        },
      }),
    ]);
    const one = await client(spoken);
    const types = async (
      method: typeof watchHealth | typeof streamOrders | typeof AccountService.method.streamAccount,
    ) => {
      one.send("subscribe", method, {});
      const heard: string[] = [];
      while (heard.at(-1) !== "complete") heard.push((await one.next()).type);
      return heard.slice(1, -1);
    };
    const word = (json: string) => (spoken === "mt5bridge.v1.json" ? json : "stream_data");
    expect(await types(AccountService.method.streamAccount)).toEqual([word("account_info"), "heartbeat", "closing"]);
    expect(await types(streamOrders)).toEqual([word("order_update")]);
    expect(await types(watchHealth)).toEqual([word("watch_health")]);
  });

  it("tells why a stream failed, then that it is complete", async () => {
    await serve([
      someOf(TicksService, {
        async *streamTicks() {
          yield opened();
          throw new BridgeError("slow_consumer", "The reader fell too far behind.");
        },
      }),
    ]);
    const one = await client(spoken);
    const id = one.send("subscribe", streamTicks, eurusd);
    expect(wrongOf(await one.type("error"))).toMatchObject({ code: "resource_exhausted", reason: "SLOW_CONSUMER" });
    expect(await one.next()).toMatchObject({ type: "complete", id });
    const twice = one.send("subscribe", streamTicks, { symbols: ["A", "A"] });
    expect(wrongOf(await one.type("error")).violations[0]?.field).toBe("symbols");
    expect(await one.next()).toMatchObject({ type: "complete", id: twice });
  });

  it("changes a running subscription by its id, also before the stream has opened", async () => {
    const asked: unknown[] = [];
    const open = Promise.withResolvers<void>();
    await serve([
      someOf(TicksService, {
        async *streamTicks(_: unknown, call: Call) {
          await open.promise;
          yield opened();
          await aborted(call.signal);
        },
        async updateTickSubscription(request: object) {
          asked.push({ ...request });
          return create(UpdateTickSubscriptionResponseSchema, { subscription: { symbols: ["XAUUSD"] } });
        },
      }),
    ]);
    const one = await client(spoken);
    const id = one.send("subscribe", streamTicks, eurusd);
    const request = { add: ["XAUUSD"] };
    one.send("update", spoken === "mt5bridge.v1.json" ? undefined : updateTickSubscription, request, { id });
    open.resolve();
    const { subscription } = messageIn(updateTickSubscription.output, await one.answerTo(id)) as never;
    expect(subscription).toMatchObject({ symbols: ["XAUUSD"] });
    expect(asked).toMatchObject([{ streamId: "stream-7", add: ["XAUUSD"], remove: [] }]);
    one.send("update", updateTickSubscription, { streamId: "another" }, { id });
    expect(wrongOf(await one.type("error")).violations[0]?.field).toBe("stream_id");
    one.send("update", updateTickSubscription, request, { id: "nothing" });
    expect(wrongOf(await one.type("error")).code).toBe("not_found");
    one.send("update", "HealthService/GetHealth", spoken === "mt5bridge.v1.json" ? {} : undefined, { id });
    expect(wrongOf(await one.type("error")).code).toBe("unimplemented");
  });

  it("ends a subscription on request, and its producer with it; ending nothing is an error and no more", async () => {
    const reason = Promise.withResolvers<unknown>();
    await serve([
      healthy,
      someOf(TicksService, {
        async *streamTicks(_: unknown, call: Call) {
          yield opened();
          await aborted(call.signal);
          reason.resolve(call.signal.reason);
        },
      }),
    ]);
    const one = await client(spoken);
    const id = one.send("subscribe", streamTicks, eurusd);
    await one.type("subscribed");
    one.send("unsubscribe", undefined, undefined, { id });
    expect(await one.next()).toMatchObject({ type: "complete", id });
    expect(await reason.promise).toMatchObject({ fault: "canceled" });
    for (const nothing of [id, "never"]) {
      one.send("unsubscribe", undefined, undefined, { id: nothing });
      expect(wrongOf(await one.type("error")).code).toBe("not_found");
    }
    expect((await one.call(getHealth, {})).answer).toMatchObject({ health: { version: "1" } });
    expect(server?.endpoint.status()).toMatchObject({ connections: 1, subscriptions: 0, calls_in_flight: 0 });
  });

  it("answers a ping", async () => {
    await serve([healthy]);
    const one = await client(spoken);
    one.send("ping", undefined, undefined, { id: "p" });
    expect(await one.next()).toMatchObject({ type: "pong", id: "p" });
  });

  it.each(["call", "subscribe"])("closes with 4409 when an id is used for a %s while it is in use", async (type) => {
    await serve([healthy, quiet]);
    const one = await client(spoken);
    one.send("subscribe", streamTicks, eurusd, { id: "x" });
    await one.type("subscribed");
    one.send(type, type === "call" ? getHealth : streamTicks, type === "call" ? {} : eurusd, { id: "x" });
    expect(wrongOf(await one.type("error")).violations).toMatchObject([{ field: "id" }]);
    expect((await one.closed).code).toBe(4409);
  });

  it("refuses subscriptions and calls beyond their limits, and goes on", async () => {
    const release = Promise.withResolvers<void>();
    await serve(
      [
        quiet,
        health(async () => {
          await release.promise;
          return create(GetHealthResponseSchema);
        }),
      ],
      { limits: { subscriptions: 3, calls: 2 } },
    );
    const one = await client(spoken);
    for (let n = 0; n < 4; n++) one.send("subscribe", streamTicks, eurusd, { id: `s${n}` });
    const tooMany = wrongOf(await one.answerTo("s3"));
    expect(tooMany).toMatchObject({
      code: "resource_exhausted",
      metadata: { quota: "subscriptions_of_connection", limit: "3" },
    });
    for (let n = 0; n < 3; n++) one.send("call", getHealth, {}, { id: `c${n}` });
    expect(wrongOf(await one.answerTo("c2")).metadata).toMatchObject({ quota: "calls_of_connection" });
    expect(server?.endpoint.status()).toMatchObject({ subscriptions: 3, calls_in_flight: 2 });
    release.resolve();
    expect((await one.answerTo("c1")).type).toBe("result");
    expect((await one.call(getHealth, {}, { id: "again" })).answer).toBeDefined();
  });

  it("closes with 4429 when subscriptions are asked for without end", async () => {
    await serve([quiet], { limits: { subscriptions: 2, refusals: 20 } });
    const one = await client(spoken);
    for (let n = 0; n < 100; n++) one.send("subscribe", streamTicks, eurusd, { id: `s${n}` });
    expect((await one.closed).code).toBe(4429);
    expect(one.heard.filter(({ type }) => type === "error")).toHaveLength(21);
  });

  it("counts the messages of each caller, and refuses those beyond the rate", async () => {
    const rates = ratesOf({ messages: 3 }, developer);
    await serve([healthy], { calls: { rates }, limits: { refusals: 2 } });
    const one = await client(spoken);
    for (let n = 0; n < 3; n++) expect((await one.call(getHealth, {})).answer).toBeDefined();
    expect((await one.call(getHealth, {})).wrong).toMatchObject({
      code: "resource_exhausted",
      metadata: { quota: "messages" },
    });
    for (let n = 0; n < 3; n++) one.send("ping");
    expect((await one.closed).code).toBe(4429);
  });

  it("encodes a message once, however many read it", async () => {
    let encodings = 0;
    const shared = batch(3);
    const { event } = shared;
    const counting = () => {
      if (new Error().stack?.includes("saidBy") !== true) encodings++;
      return event;
    };
    Object.defineProperty(shared, "event", { enumerable: true, get: counting });
    await serve([
      someOf(TicksService, {
        async *streamTicks() {
          yield shared;
        },
      }),
    ]);
    const read = async () => {
      const one = await client(spoken);
      one.send("subscribe", streamTicks, eurusd);
      const heard = await one.next(({ type }) => type === "tick_data" || type === "stream_data");
      expect((messageIn(streamTicks.output, heard) as StreamTicksResponse).event.value).toEqual(event.value);
    };
    await read();
    const first = encodings;
    encodings = 0;
    await Promise.all(Array.from({ length: 20 }, read));
    // What remains looks at the kind of event only: streamIdOf, once for each reader.
    expect(encodings).toBeLessThanOrEqual(20);
    expect(first).toBeGreaterThan(1);
  });
});
