/** The line between a terminal's side and the bridge, as something that can be cut: TCP in, TCP out, and a look at what passes. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { FrameCutter } from "../src/transport/link/frame-cutter.ts";

export class LinkLine {
  readonly port: number;
  /** Whether terminals get through. */
  open = true;
  /** Told when the first bytes of the bridge pass on a new connection: the terminal is welcome. */
  welcomed: () => void = () => undefined;
  /** Told of every frame of the terminal, where somebody wants to know. */
  look: ((frame: Uint8Array) => void) | undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** To the bridge's port of links. */
  static async to(port: number): Promise<LinkLine> {
    const server = createServer({ noDelay: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new LinkLine(server, port);
  }

  private constructor(server: Server, to: number) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (terminal) => {
      if (!this.open) {
        terminal.destroy();
        return;
      }
      const bridge = connect({ host: "127.0.0.1", port: to, noDelay: true });
      bridge.once("data", () => this.welcomed());
      const frames = new FrameCutter(2 ** 20);
      terminal.on("data", (bytes) => {
        frames.add(bytes);
        for (let frame = frames.next(); frame !== undefined; frame = frames.next()) this.look?.(frame);
      });
      for (const [from, into] of [
        [terminal, bridge],
        [bridge, terminal],
      ] as const) {
        this.#sockets.add(from);
        from.pipe(into);
        from.on("error", () => undefined); // and then it closes
        from.on("close", () => {
          this.#sockets.delete(from);
          into.destroy();
        });
      }
    });
  }

  /** Whatever is on the line is lost. */
  cut(): void {
    for (const socket of this.#sockets) {
      // Of one that is being shut down a reset would be refused, and it would never be closed.
      if (socket.writableEnded) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  close(): void {
    this.open = false;
    this.cut();
    this.#server.close();
  }
}
