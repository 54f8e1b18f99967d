/** A peer that speaks HTTP/2 and writes whatever it likes where gRPC expects its frames. */
import { type ClientHttp2Session, connect, constants, type IncomingHttpHeaders, type Settings } from "node:http2";
import { createConnection } from "node:net";

export interface RawAnswer {
  /** The gRPC code; undefined when the answer was none of gRPC. */
  readonly code: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
}

export class RawPeer {
  readonly session: ClientHttp2Session;

  constructor(port: number, settings: Settings = {}) {
    this.session = connect(`http://127.0.0.1:${port}`, { settings });
    this.session.on("error", () => undefined);
  }

  /** Sends the bytes as the whole body of a request. Resolves when the stream has ended, however that was. */
  send(path: string, body: Buffer, extra: Record<string, string> = {}): Promise<RawAnswer> {
    const stream = this.session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: path,
      "content-type": "application/grpc",
      te: "trailers",
      ...extra,
    });
    let headers: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    stream.on("response", (got) => {
      headers = got;
    });
    stream.on("trailers", (got) => {
      trailers = got;
    });
    stream.on("error", () => undefined);
    stream.resume();
    stream.end(body);
    return new Promise((resolve) => {
      stream.on("close", () => {
        const code = trailers["grpc-status"] ?? headers["grpc-status"];
        resolve({ code: code === undefined ? undefined : Number(code), headers, trailers });
      });
    });
  }

  close(): void {
    this.session.destroy();
  }
}

/** A message as gRPC frames it; `length` and `compressed` may lie. */
export function framed(message: Uint8Array, { length = message.length, compressed = 0 } = {}): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

/** Writes bytes to the port that are no HTTP/2, and resolves with what came back when the server has hung up. */
export async function shout(port: number, bytes: Buffer): Promise<Buffer> {
  const socket = createConnection(port, "127.0.0.1");
  const heard: Buffer[] = [];
  socket.on("data", (data) => heard.push(data));
  socket.on("error", () => undefined);
  const closed = new Promise((resolve) => socket.on("close", resolve));
  socket.write(bytes);
  await closed;
  return Buffer.concat(heard);
}
