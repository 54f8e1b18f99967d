/**
 * The ways in which a call can travel. Each is a connection and a function that sends one request and resolves with
 * the bytes of its answer, or throws.
 *
 * Nothing here decodes an answer, and HTTP/1.1 is spoken by hand: a client that costs more than the server would be
 * measured in its place.
 */
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2, type OutgoingHttpHeaders } from "node:http2";
import { connect, type Socket } from "node:net";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { WebSocket } from "ws";
import { ClientFrameSchema, ClientFrameType, ServerFrameType } from "../gen/ts/mt5bridge/v1/websocket_pb.ts";

export interface Sender {
  send(request: Buffer): Promise<Buffer>;
  close(): void;
}

/** `target` is service and method, or a path of plain HTTP. */
type Way = (port: number, target: string) => Promise<Sender>;

export type WayName = keyof typeof ways;

export const ways = {
  grpc: (port, target) => overHttp2(port, target, { "content-type": "application/grpc", te: "trailers" }, enveloped),
  connectProto: (port, target) => overHttp2(port, target, { "content-type": "application/proto" }),
  connectJson: (port, target) => overHttp1(port, `POST /${target}`, "application/json", jsonOf),
  grpcWeb: (port, target) => overHttp1(port, `POST /${target}`, "application/grpc-web+proto", enveloped),
  plain: (port, target) => overHttp1(port, `GET /${target}`),
  webSocketJson: (port, target) => overWebSocket(port, "mt5bridge.v1.json", jsonFrames(target)),
  webSocketProto: (port, target) => overWebSocket(port, "mt5bridge.v1.proto", protoFrames(target)),
} as const satisfies Record<string, Way>;

const asIs = (bytes: Buffer): Buffer => bytes;

const jsonOf = (text: Buffer): Buffer => (text.length === 0 ? Buffer.from("{}") : text);

/** gRPC's envelope. */
function enveloped(bytes: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** All calls on one connection. */
async function overHttp2(port: number, target: string, headers: OutgoingHttpHeaders, wrap = asIs): Promise<Sender> {
  const session: ClientHttp2Session = connectHttp2(`http://127.0.0.1:${port}`);
  await once(session, "connect");
  const head = { ":method": "POST", ":path": `/${target}`, ...headers };
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        const stream = session.request(head);
        const chunks: Buffer[] = [];
        let status: unknown;
        const look = (answer: OutgoingHttpHeaders) => {
          status = answer[":status"] === 200 ? (answer["grpc-status"] ?? status ?? "0") : answer[":status"];
        };
        stream.on("response", look);
        stream.on("trailers", (trailers) => look({ ":status": 200, ...trailers }));
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => {
          if (status === "0") resolve(Buffer.concat(chunks));
          else reject(new Error(`answered with ${status}`));
        });
        stream.on("error", reject);
        stream.end(wrap(request));
      }),
    close: () => session.destroy(),
  };
}

/** Each call in flight on a connection of its own, which is used again. */
async function overHttp1(port: number, start: string, contentType?: string, wrap = asIs): Promise<Sender> {
  const all: Socket[] = [];
  const idle: Socket[] = [];
  const fixed = [`${start} HTTP/1.1`, "host: 127.0.0.1", ...(contentType ? [`content-type: ${contentType}`] : [])];
  const head = fixed.join("\r\n");
  return {
    async send(request) {
      const socket = idle.pop() ?? (await connected(port, all));
      const body = wrap(request);
      const length = contentType === undefined ? "" : `\r\ncontent-length: ${body.length}`;
      socket.write(Buffer.concat([Buffer.from(`${head}${length}\r\n\r\n`), body]));
      const answer = await wholeAnswer(socket);
      idle.push(socket);
      return answer;
    },
    close() {
      for (const socket of all) socket.destroy();
    },
  };
}

async function connected(port: number, all: Socket[]): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  all.push(socket);
  await once(socket, "connect");
  return socket;
}

/** The body, once all of it has come; in chunks if it came so. */
function wholeAnswer(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let heard: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      heard = heard.length === 0 ? chunk : Buffer.concat([heard, chunk]);
      const headEnd = heard.indexOf("\r\n\r\n");
      if (headEnd < 0) return;
      const head = heard.toString("latin1", 0, headEnd);
      const length = /^content-length: (\d+)/im.exec(head)?.[1];
      const body = heard.subarray(headEnd + 4);
      if (length === undefined ? !body.subarray(-5).equals(lastChunk) : body.length < Number(length)) return;
      socket.off("data", onData);
      socket.off("close", onClose);
      if (head.startsWith("HTTP/1.1 200 ")) resolve(body);
      else reject(new Error(`answered with ${head.slice(0, 15)}: ${body.toString()}`));
    };
    const onClose = () => reject(new Error("the connection was closed before the answer had come"));
    socket.on("data", onData);
    socket.once("close", onClose);
  });
}

const lastChunk = Buffer.from("0\r\n\r\n");

/** All calls on one connection; their answers come in the order in which they were called. */
async function overWebSocket(port: number, protocol: string, frame: Frames): Promise<Sender> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, protocol, { perMessageDeflate: false });
  await once(socket, "message"); // its welcome
  const waiting: ((answer: Buffer) => void)[] = [];
  let next = 0; // a queue that is emptied once in a while: shift costs more, the longer it is
  let id = 0;
  socket.on("message", (data: Buffer) => {
    waiting[next]?.(data);
    next++;
    if (next === waiting.length) {
      waiting.length = 0;
      next = 0;
    }
  });
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        id = (id + 1) % 1_000_000;
        waiting.push((answer) => {
          if (frame.isResult(answer)) resolve(answer);
          else reject(new Error(`answered with ${answer.toString()}`));
        });
        socket.send(frame.of(String(1_000_000 + id), request));
      }),
    close: () => socket.terminate(),
  };
}

interface Frames {
  of(id: string, request: Buffer): Buffer | string;
  isResult(answer: Buffer): boolean;
}

const jsonFrames = (target: string): Frames => ({
  of: (id, request) => `{"type":"call","id":"${id}","method":"${target}","data":${jsonOf(request)}}`,
  isResult: (answer) => answer.toString("latin1", 0, 16) === '{"type":"result"',
});

const frameBytes = (fields: MessageInitShape<typeof ClientFrameSchema>): Buffer =>
  Buffer.from(toBinary(ClientFrameSchema, create(ClientFrameSchema, fields)));

function protoFrames(method: string): Frames {
  const anyId = "0000000";
  const head = frameBytes({ type: ClientFrameType.CALL, id: anyId, method });
  const at = head.indexOf(anyId);
  return {
    of(id, data) {
      const frame = Buffer.from(head);
      frame.write(id, at);
      return data.length === 0 ? frame : Buffer.concat([frame, frameBytes({ data })]);
    },
    isResult: (answer) => answer[0] === 0x08 && answer[1] === ServerFrameType.RESULT, // `type` comes first
  };
}
