import type { DescMethod } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HealthService } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { type StreamTicksResponse, TicksService } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { type Failed, failureOf, TestClient } from "../transport/served.ts";
import { detailsOfTrailers, type Told, toldOf } from "../transport/told.ts";
import { WebsocketClient } from "../transport/websocket/speaking.ts";
import { badInputOver } from "./bad-http.ts";
import { badRequests } from "./bad-input.ts";
import { badInputOverWebsocket } from "./bad-websocket.ts";
import { type RunningBridge, startBridge } from "./bridge.ts";
import { complaintOf } from "./complaint.ts";

const seed = 20_140_502;
const inFlight = 8;

let bridge: RunningBridge;
let innocent: TestClient;
let guilty: TestClient;

beforeAll(async () => {
  bridge = await startBridge({ PAPER_RATE: "200" });
  innocent = new TestClient(bridge.grpcPort);
  guilty = new TestClient(bridge.grpcPort);
});

afterAll(async () => {
  innocent.close();
  guilty.close();
  await bridge.stop();
});

/** How the bridge answers; undefined: with OK. */
async function answerTo(method: DescMethod, bytes: Uint8Array): Promise<Told | undefined> {
  const told = ({ code, message, metadata }: Failed) => toldOf(code, message, detailsOfTrailers(metadata));
  if (method.methodKind === "unary") {
    const result = await guilty.call(method, Buffer.from(bytes));
    return result.ok ? undefined : told(result.failed);
  }
  const stream = guilty.stream(method, Buffer.from(bytes));
  return new Promise((resolve) => {
    stream.on("error", (error) => resolve(told(failureOf(error as Parameters<typeof failureOf>[0]))));
    stream.on("end", () => resolve(undefined));
    stream.once("data", () => {
      resolve(undefined);
      stream.cancel();
    });
  });
}

/** Someone who follows ticks and has nothing to do with it. */
interface Bystander {
  /** That its stream has spoken, still speaks and was never interrupted; ends it. */
  isUnharmed(): Promise<void>;
}

function onGrpc(client: TestClient): Bystander {
  const stream = client.stream(TicksService.method.streamTicks, { symbols: ["EURUSD"] });
  let heard = 0;
  let interrupted: unknown;
  stream.on("data", () => heard++);
  stream.on("error", (error) => {
    interrupted = error;
  });
  stream.on("end", () => {
    interrupted ??= new Error("the stream ended");
  });
  return {
    async isUnharmed() {
      expect(interrupted).toBeUndefined();
      const before = heard;
      const last = await new Promise<StreamTicksResponse>((resolve) => stream.once("data", resolve));
      expect(last.event.case).toMatch(/^(batch|heartbeat)$/);
      expect(before).toBeGreaterThan(0);
      expect(interrupted).toBeUndefined();
      stream.removeAllListeners("error").on("error", () => undefined);
      stream.cancel();
      expectQuietLog();
    },
  };
}

async function onWebsocket(port: number): Promise<Bystander> {
  const client = new WebsocketClient(port, "mt5bridge.v1.json");
  await client.type("welcome");
  const id = client.send("subscribe", TicksService.method.streamTicks, { symbols: ["EURUSD"] });
  await client.type("tick_data");
  return {
    async isUnharmed() {
      client.send("ping", undefined, undefined, { id: "still here" });
      await client.next((heard) => heard.type === "pong");
      await client.next((heard) => ["tick_data", "heartbeat"].includes(heard.type));
      const said = client.heard.filter((heard) => heard.id === id);
      expect(said.map(({ seq }) => seq)).toEqual(said.map((_, index) => index + 1));
      expect(said.filter(({ type }) => !["subscribed", "tick_data", "heartbeat"].includes(type))).toEqual([]);
      expect(client.socket.readyState).toBe(client.socket.OPEN);
      client.socket.terminate();
      expectQuietLog();
    },
  };
}

/** The bridge has nothing to say of itself either. */
function expectQuietLog(): void {
  expect(bridge.log.filter(({ level }) => level === "error")).toEqual([]);
  expect(bridge.errors()).toBe("");
}

describe("bad input", () => {
  it("of every kind, in every field of every RPC, is refused by name and harms nobody", async () => {
    const bystander = onGrpc(innocent);
    const complaints: string[] = [];
    let sent = 0;
    const requests = badRequests(seed)[Symbol.iterator]();
    const worker = async () => {
      for (let next = requests.next(); !next.done; next = requests.next()) {
        sent++;
        const found = complaintOf(next.value, await answerTo(next.value.method, next.value.bytes));
        if (found !== undefined) complaints.push(found);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, worker));

    expect(complaints).toEqual([]);
    expect(sent).toBeGreaterThan(2_000);
    expect((await innocent.call(HealthService.method.getHealth, {})).ok).toBe(true);
    await bystander.isUnharmed();
  }, 240_000);

  it.each(["Connect JSON", "Connect protobuf", "gRPC-Web"] as const)(
    "is refused by name over %s and harms nobody on the same port",
    async (way) => {
      const neighbour = new TestClient(bridge.httpPort);
      const bystander = onGrpc(neighbour);
      const { sent, complaints } = await badInputOver(way, bridge.httpPort, seed);
      expect(complaints).toEqual([]);
      expect(sent).toBeGreaterThan(2_000);
      await bystander.isUnharmed();
      neighbour.close();
    },
    240_000,
  );

  it.each(["mt5bridge.v1.json", "mt5bridge.v1.proto", "simple"] as const)(
    "is refused by name over WebSocket (%s) and harms nobody on another one",
    async (spoken) => {
      const bystander = await onWebsocket(bridge.httpPort);
      const { sent, complaints } = await badInputOverWebsocket(spoken, bridge.httpPort, seed);
      expect(complaints).toEqual([]);
      expect(sent).toBeGreaterThan(2_000);
      await bystander.isUnharmed();
    },
    240_000,
  );
});
