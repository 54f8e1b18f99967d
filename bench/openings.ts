/**
 * What a subscriber of every tick says on each transport, as the bytes that go on the wire: `reader.c` knows nothing of
 * requests. The window of HTTP/2 is the largest there is, so that nothing but TCP holds a server up.
 */
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { Delivery, StreamTicksRequestSchema, TickForm } from "../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { ClientFrameSchema, ClientFrameType } from "../gen/ts/mt5bridge/v1/websocket_pb.ts";
import { symbols } from "./record.ts";

export interface Opening {
  /** Out of what messages are taken. */
  readonly framing: "h2" | "h1" | "websocket" | "raw" | "nats" | "redis";
  /** What they are. */
  readonly content: "proto" | "wsProto" | "json" | "wsJson" | "simple";
  /** Said at once. */
  readonly opening: Buffer;
  /** Said when the server has answered. */
  readonly request: Buffer;
}

const wish = {
  symbols,
  delivery: Delivery.EVERY_TICK,
  snapshot: false,
  heartbeatInterval: { nanos: 200_000_000 },
};
const inRows = create(StreamTicksRequestSchema, wish);
const proto = Buffer.from(toBinary(StreamTicksRequestSchema, inRows));
const json = toJsonString(StreamTicksRequestSchema, inRows);
const inColumns = create(StreamTicksRequestSchema, { ...wish, form: TickForm.COLUMNS });
const columns = Buffer.from(toBinary(StreamTicksRequestSchema, inColumns));
const method = "mt5bridge.v1.TicksService/StreamTicks";
const nothing = Buffer.alloc(0);

/** gRPC's and Connect's. */
export function enveloped(bytes: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

const [DATA, HEADERS, SETTINGS, WINDOW_UPDATE] = [0, 1, 4, 8] as const;
const [END_STREAM, END_HEADERS] = [1, 4] as const;
const WINDOW = 2 ** 31 - 1;

function http2Frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A field of HPACK as it is, neither indexed nor packed. */
const headerField = (name: string, value: string): Buffer =>
  Buffer.from(`\0${String.fromCharCode(name.length)}${name}${String.fromCharCode(value.length)}${value}`, "latin1");

function overHttp2(port: number, path: string, contentType: string, body: Buffer): Opening {
  const settings = Buffer.alloc(6);
  settings.writeUInt16BE(4, 0); // the window of each stream
  settings.writeUInt32BE(WINDOW, 2);
  const increment = Buffer.alloc(4);
  increment.writeUInt32BE(WINDOW - 65_535);
  const fields = { ":method": "POST", ":scheme": "http", ":path": `/${path}`, ":authority": `127.0.0.1:${port}` };
  const headers = Object.entries({ ...fields, te: "trailers", "content-type": contentType });
  const opening = Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    http2Frame(SETTINGS, 0, 0, settings),
    http2Frame(WINDOW_UPDATE, 0, 0, increment),
    http2Frame(HEADERS, END_HEADERS, 1, Buffer.concat(headers.map(([name, value]) => headerField(name, value)))),
    http2Frame(DATA, END_STREAM, 1, enveloped(body)),
  ]);
  return { framing: "h2", content: contentType.endsWith("json") ? "json" : "proto", opening, request: nothing };
}

function overHttp1(contentType: string, body: Buffer): Opening {
  const content = enveloped(body);
  const head = [`POST /${method} HTTP/1.1`, "host: 127.0.0.1", `content-type: ${contentType}`];
  const opening = Buffer.concat([
    Buffer.from(`${[...head, `content-length: ${content.length}`].join("\r\n")}\r\n\r\n`),
    content,
  ]);
  return { framing: "h1", content: contentType.endsWith("json") ? "json" : "proto", opening, request: nothing };
}

function overWebSocket(content: Opening["content"], request: Buffer, path = "/ws", protocol?: string): Opening {
  const head = [`GET ${path} HTTP/1.1`, "host: 127.0.0.1", "connection: Upgrade", "upgrade: websocket"];
  head.push("sec-websocket-version: 13", "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==");
  if (protocol !== undefined) head.push(`sec-websocket-protocol: ${protocol}`);
  return { framing: "websocket", content, opening: Buffer.from(`${head.join("\r\n")}\r\n\r\n`), request };
}

/** A client's frame; its mask is of zeros, so nothing has to be masked. */
function masked(payload: Buffer | string, kind: "text" | "binary"): Buffer {
  const bytes = Buffer.from(payload);
  const head = Buffer.alloc(8);
  head.writeUInt8(0x80 | (kind === "text" ? 1 : 2), 0);
  head.writeUInt8(0x80 | 126, 1);
  head.writeUInt16BE(bytes.length, 2);
  return Buffer.concat([head, bytes]);
}

const subscribe = (data: Buffer): Buffer => {
  const frame = create(ClientFrameSchema, { type: ClientFrameType.SUBSCRIBE, id: "1", method, data });
  return masked(Buffer.from(toBinary(ClientFrameSchema, frame)), "binary");
};
const wsJson = `{"type":"subscribe","id":"1","method":"${method}","data":${json}}`;
const wsSimple = `{"type":"subscribe","symbols":${JSON.stringify(symbols)}}`;

export const openings = {
  grpc: (port) => overHttp2(port, method, "application/grpc", proto),
  grpcColumns: (port) => overHttp2(port, method, "application/grpc", columns),
  connect: (port) => overHttp2(port, method, "application/connect+proto", proto),
  connectHttp1: () => overHttp1("application/connect+proto", proto),
  connectJson: () => overHttp1("application/connect+json", Buffer.from(json)),
  grpcWeb: () => overHttp1("application/grpc-web+proto", proto),
  webSocket: () => overWebSocket("wsProto", subscribe(proto), "/ws", "mt5bridge.v1.proto"),
  webSocketColumns: () => overWebSocket("wsProto", subscribe(columns), "/ws", "mt5bridge.v1.proto"),
  webSocketJson: () => overWebSocket("wsJson", masked(wsJson, "text"), "/ws", "mt5bridge.v1.json"),
  simple: () => overWebSocket("simple", masked(wsSimple, "text")),
  /** Of peers. */
  peerGrpc: (port) => overHttp2(port, "bench.Peer/Ticks", "application/grpc", nothing),
  peerWebSocketJson: () => overWebSocket("wsJson", nothing),
  peerRaw: () => ({ framing: "raw", content: "proto", opening: nothing, request: nothing }),
  nats: () => ({
    framing: "nats",
    content: "proto",
    opening: Buffer.from('CONNECT {"verbose":false}\r\nSUB ticks 1\r\nPING\r\n'),
    request: nothing,
  }),
  redis: () => ({ framing: "redis", content: "proto", opening: Buffer.from("SUBSCRIBE ticks\r\n"), request: nothing }),
} as const satisfies Record<string, (port: number) => Opening>;

export type OpeningName = keyof typeof openings;
