/** Frames over TCP or TLS: each behind its length, four bytes, the most significant first. */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { LinkCarrier } from "../../../src/core/ports/link.ts";

/** What may wait for the peer: beyond it the connection is not worth keeping. */
const mostWaiting = 16 * 2 ** 20;

export class TcpCarrier implements LinkCarrier {
  readonly peer: string;
  fault: string | undefined;
  readonly #socket: Socket;
  readonly #largest: number;
  #rest: Buffer = Buffer.alloc(0);

  /** `largest`: the largest frame that may come, in bytes. */
  constructor(socket: Socket, largest: number) {
    this.#socket = socket;
    this.#largest = largest;
    this.peer = `${socket.remoteAddress}:${socket.remotePort}`;
    socket.setNoDelay(true);
    socket.on("error", (error) => {
      this.fault ??= error.message;
    });
  }

  /** Dials; rejects when nobody answers. */
  static dial(host: string, port: number, ca: string | undefined, largest: number): Promise<TcpCarrier> {
    return new Promise((resolve, reject) => {
      const secure = ca !== undefined;
      const socket = secure ? connectTls({ host, port, ca, servername: host }) : connect({ host, port });
      socket.once("error", reject);
      socket.once(secure ? "secureConnect" : "connect", () => {
        socket.off("error", reject);
        resolve(new TcpCarrier(socket, largest));
      });
    });
  }

  async *frames(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const stop = () => this.#socket.destroy();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      for await (const chunk of this.#socket) {
        this.#rest = this.#rest.length === 0 ? (chunk as Buffer) : Buffer.concat([this.#rest, chunk as Buffer]);
        let at = 0;
        for (; this.#rest.length - at >= 4; ) {
          const length = this.#rest.readUInt32BE(at);
          if (length > this.#largest) {
            this.fault = `a frame of ${length} bytes is more than ${this.#largest}`;
            return;
          }
          if (this.#rest.length - at - 4 < length) break;
          const frame = this.#rest.subarray(at + 4, at + 4 + length);
          at += 4 + length;
          yield frame;
        }
        this.#rest = this.#rest.subarray(at);
      }
    } catch {
      // whatever ended it, the peer is gone
    } finally {
      signal.removeEventListener("abort", stop);
      this.#socket.destroy();
    }
  }

  send(frame: Uint8Array): boolean {
    if (this.#socket.writableLength > mostWaiting) return false;
    const head = Buffer.alloc(4);
    head.writeUInt32BE(frame.length);
    this.#socket.write(head);
    this.#socket.write(frame);
    return true;
  }

  /** Bytes as they are: for who wants to break a frame. */
  raw(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.end();
    this.#socket.destroySoon();
  }
}
