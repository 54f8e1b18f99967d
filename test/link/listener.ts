/** The bridge's end of both carriers, for who plays the bridge: frames as they come, and bytes as a script wants them. */
import { createServer, type Server as NetServer, type Socket } from "node:net";
import { createServer as createTlsServer, type SecureContextOptions } from "node:tls";
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import { TcpCarrier } from "../../clients/terminal/fake/tcp.ts";

export interface Line {
  readonly frames: AsyncIterable<Uint8Array>;
  /** What came beside the frames. */
  readonly bearer: string | undefined;
  send(frame: Uint8Array): void;
  /** Bytes beside all frames; only TCP has a place for them. */
  raw(bytes: Uint8Array): void;
  close(): void;
}

export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

const never = new AbortController().signal;
const mostOfAFrame = 2 ** 20;

/** With a certificate and its key: over TLS. */
export async function listenTcp(connected: (line: Line) => void, tls?: SecureContextOptions): Promise<Listener> {
  const sockets = new Set<{ destroy(): void }>();
  const take = (socket: Socket) => {
    sockets.add(socket);
    const carrier = new TcpCarrier(socket, mostOfAFrame);
    connected({
      frames: carrier.frames(never),
      bearer: undefined,
      send: (frame) => void carrier.send(frame),
      raw: (bytes) => carrier.raw(bytes),
      close: () => socket.destroySoon(),
    });
  };
  const server: NetServer = tls === undefined ? createServer(take) : createTlsServer(tls, take);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as { port: number }).port, close };
}

export async function listenGrpc(connected: (line: Line) => void): Promise<Listener> {
  const asIs = (bytes: Buffer): Buffer => bytes;
  const server = new Server({ "grpc.max_receive_message_length": mostOfAFrame });
  const method = {
    ...{ path: "/mt5bridge.terminal.v1.TerminalLinkService/Connect", requestStream: true, responseStream: true },
    ...{ requestSerialize: asIs, requestDeserialize: asIs, responseSerialize: asIs, responseDeserialize: asIs },
  };
  server.addService(
    { Connect: method },
    {
      Connect: (call: ServerDuplexStream<Buffer, Buffer>) => {
        call.on("error", () => undefined); // the peer has gone
        const [authorization] = call.metadata.get("authorization");
        connected({
          frames: framesOf(call),
          bearer: typeof authorization === "string" ? authorization.replace(/^Bearer /, "") : undefined,
          send: (frame) => void call.write(Buffer.from(frame)),
          raw: () => {
            throw new Error("gRPC has no place for bytes beside its messages");
          },
          close: () => call.end(),
        });
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, close: async () => server.forceShutdown() };
}

async function* framesOf(call: ServerDuplexStream<Buffer, Buffer>): AsyncGenerator<Uint8Array> {
  try {
    for await (const frame of call) yield frame as Buffer;
  } catch {
    // cancelled by the peer
  }
}
