/** Both ends of a link over each carrier: the bridge's, as what takes terminals sees it, and a terminal's, as it dials. */
import { readFileSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import type { Duplex, Readable } from "node:stream";
import { connect, TLSSocket } from "node:tls";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type { LinkCarrier } from "../../../src/core/ports/link.ts";
import { linkDefinition } from "../../../src/transport/grpc/link.ts";
import { serveLinks } from "../../../src/transport/link/server.ts";
import { Certificate } from "../../../src/transport/tls.ts";
import { callOptions, type Lines } from "../call-options.ts";
import { clockAtNow, folder, selfSigned } from "../credentials.ts";
import { served } from "../served.ts";

/** A terminal's end. */
export interface Dialed {
  send(frame: Uint8Array): void;
  /** The next frame; undefined once the connection has ended. */
  next(): Promise<Buffer | undefined>;
  /** Says that nothing more will be sent. */
  end(): void;
  /** Goes without a word. */
  vanish(): void;
}

/** A port of the bridge that terminals dial. */
export interface LinkedPort extends Lines {
  readonly port: number;
  dial(): Dialed;
  stop(): Promise<void>;
}

export type Take = (carrier: LinkCarrier) => Promise<void>;

interface Setup {
  readonly maxConnections?: number;
}

export const ways: Readonly<Record<string, (take: Take, setup?: Setup) => Promise<LinkedPort>>> = {
  TCP: async (take, setup) => {
    const { port, lines, stop } = await tcp(take, setup);
    return { ...lines, port, stop, dial: () => overSocket(createConnection(port, "127.0.0.1")) };
  },
  TLS: async (take, setup) => {
    const files = folder();
    const pair = selfSigned(files, "bridge");
    const certificate = new Certificate(pair, clockAtNow(), { note: () => undefined });
    const { port, lines, stop } = await tcp(take, setup, certificate);
    const stopAll = async () => {
      await stop();
      certificate.close();
      files.remove();
    };
    const ca = readFileSync(pair.certFile);
    return { ...lines, port, stop: stopAll, dial: () => overSocket(connect({ port, host: "127.0.0.1", ca })) };
  },
  gRPC: async (take) => {
    const server = await served([], { links: take });
    const stop = async () => void (await server.stop(0));
    return { ...server, stop, dial: () => overGrpc(server.port) };
  },
};

async function tcp(take: Take, { maxConnections = 100 }: Setup = {}, certificate?: Certificate) {
  const { calls, ...lines } = callOptions();
  const { refusals } = calls;
  const { port, close: stop } = await serveLinks({
    host: "127.0.0.1",
    port: 0,
    maxConnections,
    refusals,
    take,
    certificate,
  });
  return { port, lines, stop };
}

export function framed(frame: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(frame.length);
  return Buffer.concat([head, frame]);
}

function overSocket(socket: Socket): Dialed {
  let bytes = Buffer.alloc(0);
  const pieces = piecesOf<Buffer>(socket);
  return {
    send: (frame) => void socket.write(framed(frame)),
    async next() {
      while (bytes.length < 4 || bytes.length < 4 + bytes.readUInt32BE(0)) {
        const piece = await pieces();
        if (piece === undefined) return undefined;
        bytes = Buffer.concat([bytes, piece]);
      }
      const frame = bytes.subarray(4, 4 + bytes.readUInt32BE(0));
      bytes = bytes.subarray(4 + frame.length);
      return frame;
    },
    end: () => void socket.end(),
    vanish: () => void (socket instanceof TLSSocket ? socket.destroy() : socket.resetAndDestroy()),
  };
}

export function overGrpc(port: number, authorization?: string): Dialed {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  const metadata = new Metadata();
  if (authorization !== undefined) metadata.set("authorization", authorization);
  const asIs = (bytes: Buffer) => bytes;
  const path = String(linkDefinition["Connect"]?.path);
  const call = client.makeBidiStreamRequest<Buffer, Buffer>(path, asIs, asIs, metadata);
  call.on("close", () => client.close());
  return {
    send: (frame) => void call.write(Buffer.from(frame)),
    next: piecesOf<Buffer>(call as unknown as Duplex),
    end: () => void call.end(),
    vanish: () => {
      call.cancel();
      client.close();
    },
  };
}

/** Read when asked for, so that a terminal can be slow. */
function piecesOf<T>(stream: Readable): () => Promise<T | undefined> {
  stream.on("error", () => undefined); // told by the end
  const iterator = stream[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await iterator.next().catch(() => ({ value: undefined, done: true }));
    return done ? undefined : (value as T);
  };
}
