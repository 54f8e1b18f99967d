/** A call by hand, so that a test decides what is written and when it is read. */
import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request as request1 } from "node:http";
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import type { Readable } from "node:stream";
import { framed } from "../raw-peer.ts";

export interface RawCall {
  /** Starts with the answer's first byte, and flows only when somebody reads. */
  readonly answer: Promise<Readable>;
  /** Resets the stream, or the connection if it has none. */
  cancel(): void;
  hangUp(): void;
}

export interface RawCallOptions {
  readonly version: "1.1" | "2";
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export function rawCall(options: RawCallOptions): RawCall {
  return options.version === "1.1" ? overHttp1(options) : overHttp2(options);
}

function overHttp1({ port, path, headers, body }: RawCallOptions): RawCall {
  const request: ClientRequest = request1({ port, path, method: "POST", headers, agent: false, host: "127.0.0.1" });
  request.on("error", () => undefined);
  const answer = once(request, "response").then(([response]) => {
    (response as IncomingMessage).on("error", () => undefined);
    return response as Readable;
  });
  answer.catch(() => undefined);
  request.end(body);
  return { answer, cancel: () => request.destroy(), hangUp: () => request.destroy() };
}

function overHttp2({ port, path, headers, body }: RawCallOptions): RawCall {
  const session: ClientHttp2Session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  const stream: ClientHttp2Stream = session.request({ ":method": "POST", ":path": path, ...headers });
  stream.on("error", () => undefined);
  stream.once("close", () => session.close());
  const answer = once(stream, "response").then(() => stream);
  answer.catch(() => undefined);
  stream.end(body);
  return { answer, cancel: () => stream.close(8), hangUp: () => session.destroy() };
}

/** How the three protocols are asked for a stream. */
export const streamHeaders: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  connect: { "content-type": "application/connect+proto" },
  "connect+json": { "content-type": "application/connect+json" },
  "grpc-web": { "content-type": "application/grpc-web" },
  grpc: { "content-type": "application/grpc", te: "trailers" },
};

export const inEnvelope = framed;

/** The envelopes of an answer that was read to its end. */
export function envelopesIn(bytes: Buffer): { flags: number; content: Buffer }[] {
  const found: { flags: number; content: Buffer }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    found.push({ flags: bytes.readUInt8(at), content: bytes.subarray(at + 5, end) });
    at = end;
  }
  return found;
}

export async function allOf(answer: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
