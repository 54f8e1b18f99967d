/** A line between a terminal and the bridge that passes a few bytes at a time, and can be cut. */
import { once } from "node:events";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";

export interface Line {
  readonly port: number;
  /** Ends what is connected now, without a word. */
  cut(): void;
  close(): Promise<void>;
}

/** `bytes`: how many at a time; each lot in a turn of its own. */
export async function lineTo(port: number, bytes: number): Promise<Line> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (near) => {
    const far = createConnection({ port, host: "127.0.0.1", noDelay: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => undefined);
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      void pass(from, to);
    }
  });
  const pass = async (from: Socket, to: Socket) => {
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        for (let at = 0; at < chunk.length; at += bytes) {
          if (!to.write(chunk.subarray(at, at + bytes))) await once(to, "drain");
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      to.end();
    } catch {
      to.destroy();
    }
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut,
    async close() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
