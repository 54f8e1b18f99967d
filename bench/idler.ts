/** Holds connections open on which next to nothing happens. Run by `startClient`. */
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { WebSocket } from "ws";
import { StreamTicksRequestSchema } from "../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { work } from "./client.ts";
import { enveloped } from "./openings.ts";

export type IdleKind = keyof typeof kinds;

export interface IdlerTask {
  readonly port: number;
  readonly kind: IdleKind;
  readonly connections: number;
}

/** So many are opened at once; more would wait in the listener's queue. */
const AT_ONCE = 50;

const path = "/mt5bridge.v1.TicksService/StreamTicks";
const contentType = "application/connect+proto";
/** A stream of one symbol that hardly moves; heartbeats come all the same. */
const request = enveloped(
  Buffer.from(toBinary(StreamTicksRequestSchema, create(StreamTicksRequestSchema, { symbols: ["EURUSD"] }))),
);
const subscribe = '{"type":"subscribe","id":"1","method":"TicksService/StreamTicks","data":{"symbols":["EURUSD"]}}';

/** Each resolves when the bridge has said its first word. */
const kinds = {
  grpc: (port, fail) =>
    new Promise((resolve) => stream(connectHttp2(`http://127.0.0.1:${port}`), resolve, fail, "application/grpc")),
  webSocketStream: (port, fail) =>
    new Promise((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, "mt5bridge.v1.json", { perMessageDeflate: false });
      socket.once("message", () => {
        socket.send(subscribe);
        socket.once("message", () => resolve());
      });
      socket.once("close", fail);
    }),
  webSocket: (port, fail) =>
    new Promise((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, "mt5bridge.v1.json", { perMessageDeflate: false });
      socket.once("message", () => resolve());
      socket.once("close", fail);
    }),
  connectHttp2: (port, fail) =>
    new Promise((resolve) => stream(connectHttp2(`http://127.0.0.1:${port}`), resolve, fail)),
  connectHttp2Shared: (port, fail) =>
    new Promise((resolve) => {
      shared ??= connectHttp2(`http://127.0.0.1:${port}`);
      stream(shared, resolve, fail);
    }),
  connectHttp1: (port, fail) =>
    new Promise((resolve) => {
      const socket = connect({ port, host: "127.0.0.1" });
      const head = [`POST ${path} HTTP/1.1`, "host: 127.0.0.1", `content-type: ${contentType}`];
      socket.write(`${[...head, `content-length: ${request.length}`].join("\r\n")}\r\n\r\n`);
      socket.write(request);
      socket.once("data", () => resolve());
      socket.resume();
      socket.once("close", fail);
    }),
} as const satisfies Record<string, (port: number, fail: () => void) => Promise<void>>;

let shared: ClientHttp2Session | undefined;

function stream(session: ClientHttp2Session, opened: () => void, fail: () => void, type = contentType): void {
  const call = session.request({ ":method": "POST", ":path": path, "content-type": type, te: "trailers" });
  call.end(request);
  call.once("data", () => opened());
  call.resume();
  call.once("close", fail);
}

await work<IdlerTask, number>(async ({ port, kind, connections }) => {
  let open = 0;
  for (let left = connections; left > 0; left -= AT_ONCE) {
    const some = Array.from({ length: Math.min(left, AT_ONCE) }, async () => {
      const closed = Promise.withResolvers<never>();
      const opened = kinds[kind](port, () => closed.reject(new Error("a connection was closed")));
      await Promise.race([opened, closed.promise]);
      closed.promise.catch(() => undefined);
      open++;
    });
    await Promise.all(some);
  }
  return open;
});
