import { once } from "node:events";
import { createConnection } from "node:net";
import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { GetHealthResponseSchema, HealthService } from "../../../gen/ts/mt5bridge/v1/health_pb.ts";
import {
  GetSymbolResponseSchema,
  StreamTicksResponseSchema,
  TicksService,
} from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import type { Call } from "../../../src/contract/service.ts";
import { BridgeError } from "../../../src/core/errors.ts";
import type { Authenticate } from "../../../src/transport/authenticate.ts";
import { someOf } from "../served.ts";
import {
  dialects,
  rawTalk,
  ScriptedClock,
  type Speaking,
  upgradeText,
  WebsocketClient,
  welcomeIn,
  wrongOf,
} from "./speaking.ts";
import { aborted, connect, serve, server } from "./stage.ts";

const { streamTicks, getSymbol } = TicksService.method;
const { getHealth } = HealthService.method;
const eurusd = { symbols: ["EURUSD"] };

const opened = () => create(StreamTicksResponseSchema, { event: { case: "opened", value: { streamId: "s" } } });
const closing = () => create(StreamTicksResponseSchema, { event: { case: "closing", value: {} } });
const batch = (size: number) =>
  create(StreamTicksResponseSchema, {
    event: {
      case: "batch",
      value: { ticks: Array.from({ length: size }, (_, i) => ({ symbol: "EURUSD", bid: 1 + i })) },
    },
  });
const healthy = someOf(HealthService, { getHealth: async () => create(GetHealthResponseSchema) });
const quiet = someOf(TicksService, {
  async *streamTicks(_: unknown, call: Call) {
    yield opened();
    await aborted(AbortSignal.any([call.signal, call.leaving]));
    yield closing();
  },
});

/** The HTTP status with which an upgrade was refused. */
async function statusOf(one: WebsocketClient): Promise<number | undefined> {
  const [request, response] = await once(one.socket, "unexpected-response");
  request.destroy();
  return response.statusCode;
}

describe("the handshake", () => {
  it("refuses pages that are not on the list, and lets the others and programs in", async () => {
    await serve([healthy], { origins: ["https://desk.example"] });
    for (const origin of ["https://evil.example", "null", "https://desk.example.evil.example", "x".repeat(5_000)]) {
      expect(await statusOf(connect("mt5bridge.v1.json", { origin }))).toBe(403);
    }
    await connect("mt5bridge.v1.json", { origin: "https://desk.example" }).type("welcome");
    await connect().type("welcome");
  });

  it("refuses subprotocols that it does not speak, and takes the first that it does", async () => {
    await serve([healthy]);
    for (const strange of [["soap"], ["mt5bridge.v2.json"], ["MT5BRIDGE.V1.JSON"], ["bearer.secret"]]) {
      expect(await statusOf(connect("simple", {}, strange))).toBe(400);
    }
    const one = connect("mt5bridge.v1.proto", {}, ["soap", "bearer.secret"]);
    await one.opened();
    expect(one.socket.protocol).toBe("mt5bridge.v1.proto");
  });

  it("refuses connections beyond the limit, and has room again when one has ended", async () => {
    const { endpoint } = await serve([healthy], { limits: { connections: 2 } });
    const first = connect();
    await first.type("welcome");
    await connect().type("welcome");
    expect(await statusOf(connect())).toBe(503);
    expect(endpoint.status()).toMatchObject({ connections: 2, max_connections: 2 });
    first.socket.close();
    await first.closed;
    await connect().type("welcome");
    const refused = server?.lines.filter(({ message }) => message === "an upgrade was refused");
    expect(refused).toMatchObject([{ severity: "warn", context: { kind: "connection" } }]);
  });

  it.each([
    ["no key", { "sec-websocket-key": "" }],
    ["a short key", { "sec-websocket-key": "abc" }],
    ["an old version", { "sec-websocket-version": "7" }],
    ["no version", { "sec-websocket-version": "" }],
    ["a broken list of subprotocols", { "sec-websocket-protocol": "mt5bridge.v1.json,,;" }],
    ["another upgrade", { upgrade: "h2c" }],
  ])("answers %s with a client's error over HTTP", async (_, headers) => {
    await serve([healthy]);
    expect(await rawTalk((server as Speaking).port, upgradeText(headers))).toMatch(/^HTTP\/1\.1 4\d\d /);
  });
});

const known: Authenticate = (credentials) => {
  const given = credentials.header("authorization");
  if (given === "Bearer good") return { name: "alice", grants: { read: {} } };
  if (given === "Bearer banned") throw new BridgeError("permission_denied", "not from there");
  throw new BridgeError("unauthenticated", "No such credential.");
};

describe.each(dialects)("a credential over %s", (spoken) => {
  const calls = { authenticate: known };

  it("is taken from the header, from a subprotocol or from a frame", async () => {
    await serve([healthy], { calls });
    const byHeader = connect(spoken, { authorization: "Bearer good" });
    const byProtocol = connect(spoken, {}, ["bearer.good"]);
    const byFrame = connect(spoken);
    for (const one of [byHeader, byProtocol])
      expect(welcomeIn(await one.type("welcome"))).toMatchObject({ principal: "alice" });
    expect(welcomeIn(await byFrame.type("welcome"))).toMatchObject({ principal: "" });
    expect((await byFrame.call(getHealth, {})).wrong?.code).toBe("unauthenticated");
    byFrame.auth("good");
    expect(welcomeIn(await byFrame.type("welcome"))).toMatchObject({ principal: "alice" });
    for (const one of [byHeader, byProtocol, byFrame]) expect((await one.call(getHealth, {})).answer).toBeDefined();
    expect(JSON.stringify([server?.lines, byProtocol.heard, byFrame.heard])).not.toContain("good");
  });

  it("that is refused closes the connection with 4401, or 4403 where it is known but may not", async () => {
    await serve([healthy], { calls });
    const wrong = connect(spoken, { authorization: "Bearer planted" });
    expect(wrongOf(await wrong.type("error")).code).toBe("unauthenticated");
    expect((await wrong.closed).code).toBe(4401);
    const late = connect(spoken, { authorization: "Bearer good" });
    await late.type("welcome");
    late.auth("planted");
    expect((await late.closed).code).toBe(4401);
    expect((await connect(spoken, {}, ["bearer.banned"]).closed).code).toBe(4403);
    expect(JSON.stringify(server?.lines)).not.toContain("planted");
  });

  it("that never comes closes the connection with 4401", async () => {
    const clock = new ScriptedClock();
    await serve([healthy], { calls, clock, limits: { authMs: 50, pingMs: 20 } });
    const one = connect(spoken);
    await one.type("welcome");
    for (let n = 0; n < 3; n++) {
      one.send("ping");
      await one.type("pong");
      clock.advance(20);
    }
    expect((await one.closed).code).toBe(4401);
  });
});

describe("a peer", () => {
  it("that has gone without a word is noticed after two pings, and its streams end", async () => {
    const clock = new ScriptedClock();
    const gone = Promise.withResolvers<unknown>();
    const watched = someOf(TicksService, {
      async *streamTicks(_: unknown, call: Call) {
        yield opened();
        await aborted(call.signal);
        gone.resolve(call.signal.reason);
      },
    });
    const { port, endpoint } = await serve([watched], { clock, limits: { pingMs: 1_000 } });
    // Half open: it has shaken hands and subscribed, and answers no ping.
    const socket = createConnection(port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(upgradeText({ "sec-websocket-protocol": "mt5bridge.v1.json" }));
    const frame = Buffer.from(
      JSON.stringify({ type: "subscribe", id: "1", method: "TicksService/StreamTicks", data: eurusd }),
    );
    socket.write(
      Buffer.concat([Buffer.from([0x81, 0x80 | 126, frame.length >> 8, frame.length & 255, 0, 0, 0, 0]), frame]),
    );
    let heard = "";
    while (!heard.includes('"subscribed"')) heard += String((await once(socket, "data"))[0]);
    const closed = once(socket, "close");
    clock.advance(1_000); // it was heard since it came: a ping goes out
    await once(socket, "data");
    expect(endpoint.status().connections).toBe(1);
    clock.advance(1_000);
    await closed;
    expect(await gone.promise).toMatchObject({ fault: "canceled" });
    expect(endpoint.status()).toMatchObject({ connections: 0, subscriptions: 0 });
  });

  it("that answers pings stays, as long as something runs for it; then it is idle and goes", async () => {
    const clock = new ScriptedClock();
    await serve([quiet], { clock, limits: { pingMs: 1_000, idleMs: 5_000 } });
    const one = connect();
    await one.type("welcome");
    const id = one.send("subscribe", streamTicks, eurusd);
    await one.type("subscribed");
    for (let n = 0; n < 10; n++) {
      clock.advance(1_000);
      await once(one.socket, "ping");
      one.send("ping");
      await one.type("pong");
    }
    one.send("unsubscribe", undefined, undefined, { id });
    await one.type("complete");
    for (let n = 0; n < 4; n++) {
      clock.advance(1_000);
      await once(one.socket, "ping");
      one.send("ping");
      await one.type("pong");
    }
    clock.advance(1_000);
    expect(await one.closed).toMatchObject({ code: 1000 });
  });

  it.each(dialects)("that sends more than the limit is closed with 4413: %s", async (spoken) => {
    await serve([healthy], { limits: { frameBytes: 1_000 } });
    const one = connect(spoken);
    await one.type("welcome");
    one.socket.send(Buffer.alloc(1_001, 0x20), { binary: spoken === "mt5bridge.v1.proto" });
    expect((await one.closed).code).toBe(4413);
    const huge = connect(spoken);
    await huge.type("welcome");
    huge.socket.send(Buffer.alloc(5_000_000), { binary: true });
    expect((await huge.closed).code).toBe(4413);
    expect((await connect(spoken).type("welcome")).type).toBe("welcome");
  });

  it.each([
    ["an unmasked frame", [0x81, 0x02, 0x7b, 0x7d]],
    ["a reserved bit", [0xf1, 0x82, 0, 0, 0, 0, 0x7b, 0x7d]],
    ["an unknown opcode", [0x83, 0x80, 0, 0, 0, 0]],
    ["a ping of 126 bytes", [0x89, 0xfe, 0, 126, 0, 0, 0, 0]],
    ["a length of 2^63", [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ["broken UTF-8", [0x81, 0x82, 0, 0, 0, 0, 0xc0, 0xaf]],
    ["a continuation of nothing", [0x80, 0x80, 0, 0, 0, 0]],
    ["a close of one byte", [0x88, 0x81, 0, 0, 0, 0, 3]],
  ])("that writes %s is hung up on, and harms nobody", async (_, bytes) => {
    await serve([healthy], { limits: { closeMs: 50 } });
    const innocent = connect();
    await innocent.type("welcome");
    const bad = Buffer.concat([
      Buffer.from(upgradeText({ "sec-websocket-protocol": "mt5bridge.v1.json" })),
      Buffer.from(bytes),
    ]);
    expect(await rawTalk((server as Speaking).port, bad)).toContain("101 Switching Protocols");
    expect((await innocent.call(getHealth, {})).answer).toBeDefined();
  });

  it("that stops reading stops its streams, harms nobody else, and gets the rest when it reads again", async () => {
    const total = 4_000;
    const pulled = new Map<string, number>();
    await serve([
      someOf(TicksService, {
        async *streamTicks(request: { symbols: string[] }) {
          const message = batch(200); // some 4 KB in binary: 16 MB in all
          yield opened();
          for (let n = 1; n <= total; n++) {
            pulled.set(request.symbols[0] ?? "", n);
            yield message;
          }
        },
      }),
    ]);
    const slow = connect("mt5bridge.v1.proto");
    await slow.type("welcome");
    slow.send("subscribe", streamTicks, { symbols: ["slow"] });
    await slow.type("subscribed");
    slow.socket.pause();
    const quick = connect("mt5bridge.v1.proto");
    await quick.type("welcome");
    quick.send("subscribe", streamTicks, { symbols: ["quick"] });
    await quick.type("complete");
    expect(pulled.get("quick")).toBe(total);
    const stuck = pulled.get("slow") ?? 0;
    expect(stuck).toBeLessThan(total);
    for (const socket of server?.sockets ?? []) expect(socket.writableLength).toBeLessThan(512 * 1024);
    slow.socket.resume();
    await slow.type("complete");
    expect(slow.heard.filter(({ type }) => type === "stream_data")).toHaveLength(total);
  });

  it("that stops reading and calls on is not read any longer, and is closed as a slow consumer", async () => {
    const clock = new ScriptedClock();
    let answered = 0;
    const big = someOf(TicksService, {
      async getSymbol() {
        answered++;
        return create(GetSymbolResponseSchema, { symbol: { description: "x".repeat(100_000) } });
      },
    });
    const { sockets } = await serve([big], {
      clock,
      limits: { pingMs: 1_000, bufferBytes: 200_000, calls: 5_000, closeMs: 1 },
    });
    const one = connect();
    await one.type("welcome");
    one.socket.pause();
    const calls = 1_000; // 100 MB of answers
    for (let n = 0; n < calls; n++) one.send("call", getSymbol, { symbol: "EURUSD" });
    const [socket] = [...sockets];
    while (!socket?.isPaused()) await new Promise((resolve) => setImmediate(resolve));
    // What was on its way in when it was paused is still answered; the rest stays with the peer.
    const seen = answered;
    expect(socket.writableLength).toBeLessThan(80_000_000);
    const closed = once(socket, "close");
    for (let n = 0; n < 4; n++) {
      clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await closed;
    expect(seen).toBeGreaterThan(0);
    expect(server?.endpoint.status().connections).toBe(0);
  });

  it("that pings without reading gets no pongs heaped up", async () => {
    const { sockets } = await serve([healthy]);
    const one = connect();
    await one.type("welcome");
    one.socket.pause();
    for (let n = 0; n < 50_000; n++) one.socket.ping(Buffer.alloc(100));
    one.send("ping");
    while (one.socket.bufferedAmount > 0) await new Promise((resolve) => setImmediate(resolve));
    for (const socket of sockets) expect(socket.writableLength).toBeLessThan(512 * 1024);
    one.socket.resume();
    await one.type("pong");
  });
});

describe.each([...dialects, "simple"] as const)("a bridge that leaves, to %s", (spoken) => {
  it("says closing, lets streams end and calls run, refuses newcomers, and closes with 1012", async () => {
    const release = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const { drain, port } = await serve([
      quiet,
      someOf(HealthService, {
        async getHealth() {
          entered.resolve();
          await release.promise;
          return create(GetHealthResponseSchema, { health: { version: "1" } });
        },
      }),
    ]);
    const one = connect(spoken);
    await one.opened();
    if (spoken !== "simple") {
      await one.type("welcome");
      one.send("subscribe", streamTicks, eurusd, { id: "s" });
      one.send("call", getHealth, {}, { id: "c" });
      await entered.promise;
    } else await one.next();
    drain.begin();
    await one.next(({ type, id }) => type === "closing" && id === "");
    if (spoken !== "simple") {
      await one.next(({ type, id }) => type === "closing" && id === "s");
      await one.type("complete");
      expect(await statusOf(new WebsocketClient(port, spoken))).toBe(503);
      release.resolve();
      expect((await one.answerTo("c")).type).toBe("result");
    }
    expect((await one.closed).code).toBe(1012);
    expect(await drain.settle(1_000)).toEqual({ unary: 0, streams: 0 });
  });

  it("does not wait for peers that do not answer its goodbye", async () => {
    const { endpoint, drain } = await serve([quiet], { limits: { closeMs: 20 } });
    const one = connect(spoken);
    await one.opened();
    one.socket.pause();
    await endpoint.stop();
    expect(endpoint.status()).toMatchObject({ subscriptions: 0 });
    await drain.settle(1_000);
    expect(drain.inFlight).toEqual({ unary: 0, streams: 0 });
  });
});
