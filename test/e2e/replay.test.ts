/** Recorded ticks, from the file to a subscriber's last byte, over every transport. */
import { once } from "node:events";
import { join } from "node:path";
import { create, fromBinary, fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import {
  Delivery,
  StreamTicksRequestSchema,
  type StreamTicksResponse,
  StreamTicksResponseSchema,
  TicksService,
} from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { SourceState } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import {
  ClientFrameSchema,
  ClientFrameType,
  ServerFrameSchema,
  ServerFrameType,
} from "../../gen/ts/mt5bridge/v1/websocket_pb.ts";
import { describeRecorded, recorded } from "../recorded.ts";
import { type RunningBridge, startBridge } from "./bridge.ts";
import { BridgeClient } from "./client.ts";

let bridge: RunningBridge | undefined;
afterEach(async () => {
  await bridge?.stop();
  bridge = undefined;
});

type Ticks = AsyncIterable<StreamTicksResponse>;

const wish = (symbol: string) => ({
  symbols: [symbol],
  delivery: Delivery.EVERY_TICK,
  heartbeatInterval: { seconds: 0n, nanos: 200_000_000 },
});

async function* overGrpc({ grpcPort }: RunningBridge, symbol: string): Ticks {
  const client = new BridgeClient(grpcPort);
  yield* client.stream(TicksService.method.streamTicks, wish(symbol));
  client.close();
}

const over = (transport: (baseUrl: string) => Transport) =>
  async function* ({ httpPort }: RunningBridge, symbol: string): Ticks {
    const leave = new AbortController();
    const client = createClient(TicksService, transport(`http://127.0.0.1:${httpPort}`));
    try {
      yield* client.streamTicks(wish(symbol), { signal: leave.signal });
    } finally {
      leave.abort();
    }
  };

const overWebSocket = (subprotocol: string, open: (symbol: string) => string | Uint8Array, read: Read) =>
  async function* ({ httpPort }: RunningBridge, symbol: string): Ticks {
    const socket = new WebSocket(`ws://127.0.0.1:${httpPort}/websocket/ws`, subprotocol, { maxPayload: 16 * 2 ** 20 });
    const arrived: StreamTicksResponse[] = [];
    let wake: () => void = () => undefined;
    socket.on("open", () => socket.send(open(symbol)));
    socket.on("message", (data: Buffer) => {
      const message = read(data);
      if (message !== undefined) arrived.push(message);
      wake();
    });
    try {
      for (;;) {
        yield* arrived.splice(0);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      socket.terminate();
    }
  };

type Read = (data: Buffer) => StreamTicksResponse | undefined;

const method = "TicksService/StreamTicks";

const binary = overWebSocket(
  "mt5bridge.v1.proto",
  (symbol) => {
    const data = toBinary(StreamTicksRequestSchema, create(StreamTicksRequestSchema, wish(symbol)));
    return toBinary(
      ClientFrameSchema,
      create(ClientFrameSchema, { type: ClientFrameType.SUBSCRIBE, id: "1", method, data }),
    );
  },
  (bytes) => {
    const { type, data } = fromBinary(ServerFrameSchema, bytes);
    const isNews = type === ServerFrameType.STREAM_DATA || type === ServerFrameType.HEARTBEAT;
    return isNews ? fromBinary(StreamTicksResponseSchema, data) : undefined;
  },
);

const json = overWebSocket(
  "mt5bridge.v1.json",
  (symbol) =>
    JSON.stringify({ type: "subscribe", id: "1", method, data: { symbols: [symbol], heartbeatInterval: "0.2s" } }),
  (text) => {
    const { type, data } = JSON.parse(text.toString()) as { type: string; data: JsonValue };
    return type === "tick_data" || type === "heartbeat" ? fromJson(StreamTicksResponseSchema, data) : undefined;
  },
);

const ways: Record<string, (bridge: RunningBridge, symbol: string) => Ticks> = {
  gRPC: overGrpc,
  "gRPC on the HTTP port": over((baseUrl) => createGrpcTransport({ baseUrl })),
  "gRPC-Web": over((baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })),
  "Connect protobuf": over((baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" })),
  "Connect JSON": over((baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false })),
  "WebSocket protobuf": binary,
  "WebSocket JSON": json,
};

/** Every tick until the market has closed: how many, and the first that is out of order. */
async function received(ticks: Ticks) {
  let count = 0;
  let time = 0n;
  let skipped = 0;
  let wrong: unknown;
  for await (const { event } of ticks) {
    if (event.case === "batch") {
      for (const tick of event.value.ticks) {
        count += 1;
        skipped += tick.skipped;
        if (tick.sequence !== BigInt(count) || tick.timeMs < time) wrong ??= tick;
        time = tick.timeMs;
      }
    }
    if (event.case === "heartbeat" && event.value.sourceState === SourceState.MARKET_CLOSED) break;
  }
  return { count, skipped, wrong };
}

/** Every tick from the first that came, until the market has closed. */
async function fromWhereverOn(ticks: Ticks) {
  let last: number | undefined;
  let skipped = 0;
  let wrong: unknown;
  for await (const { event } of ticks) {
    if (event.case === "snapshot") last = Number(event.value.ticks[0]?.sequence);
    if (event.case === "batch") {
      for (const tick of event.value.ticks) {
        skipped += tick.skipped;
        if (Number(tick.sequence) !== (last ?? 0) + 1) wrong ??= tick;
        last = Number(tick.sequence);
      }
    }
    if (event.case === "heartbeat" && event.value.sourceState === SourceState.MARKET_CLOSED) break;
  }
  return { skipped, wrong, last };
}

const replay = (file: string) =>
  startBridge({ PAPER_REPLAY: join(recorded, "ticks", file), PAPER_SPEED: "max", PAPER_START: "first-subscriber" });

describeRecorded("a replay at full speed", () => {
  it("delivers exactly the 49,341 ticks of a day of euros, in order, to a subscriber of every tick", async () => {
    bridge = await replay("eurusd-2014-05-02-oanda-lean.csv.gz");
    expect(await received(overGrpc(bridge, "EURUSD"))).toEqual({ count: 49_341, skipped: 0, wrong: undefined });
  });

  it.each(Object.entries(ways))(
    "delivers exactly the 265,015 ticks of a day of gold over %s",
    async (_, way) => {
      bridge = await replay("xauusd-2014-05-02-oanda-lean.csv.gz");
      expect(await received(way(bridge, "XAUUSD"))).toEqual({ count: 265_015, skipped: 0, wrong: undefined });
    },
    90_000,
  );
});

/** Subscribes to gold and never reads: its socket takes what fits, and then nothing. */
async function stalled({ httpPort }: RunningBridge): Promise<{ end(): void }> {
  const socket = new WebSocket(`ws://127.0.0.1:${httpPort}/websocket/ws`, "mt5bridge.v1.json");
  await once(socket, "open");
  socket.send(JSON.stringify({ type: "subscribe", id: "1", method, data: { symbols: ["XAUUSD"] } }));
  await once(socket, "message");
  await once(socket, "message"); // welcome, subscribed
  socket.pause();
  return { end: () => socket.terminate() };
}

describeRecorded("a replay of a day of gold, while one subscriber does not read", () => {
  it("is complete to the tick for everybody else, on all transports at once", async () => {
    bridge = await startBridge({
      PAPER_REPLAY: join(recorded, "ticks", "xauusd-2014-05-02-oanda-lean.csv.gz"),
      PAPER_SPEED: "max",
      PAPER_START: "first-subscriber",
    });
    const running = bridge;
    const idle = await stalled(running); // with which the replay begins
    const found = await Promise.all(Object.values(ways).map((way) => fromWhereverOn(way(running, "XAUUSD"))));
    idle.end();
    for (const one of found) expect(one).toEqual({ skipped: 0, wrong: undefined, last: 265_015 });
  }, 180_000);
});

describe("a replay that cannot be", () => {
  it("is refused at the start, naming the file", async () => {
    await expect(startBridge({ PAPER_REPLAY: "/nowhere/eurusd.csv" })).rejects.toThrow("/nowhere/eurusd.csv");
  });
});
