/** A terminal's connection over TCP or TLS: frames, each behind its length. */
import type { Socket } from "node:net";
import type { LinkCarrier } from "../../core/ports/link.ts";
import { Chunks } from "../chunks.ts";
import { type LinkLimits, partingMs } from "../link-limits.ts";
import { FrameCutter, headBytes } from "./frame-cutter.ts";

export class SocketCarrier implements LinkCarrier {
  readonly peer: string;
  readonly #socket: Socket;
  readonly #limits: LinkLimits;
  readonly #chunks: Chunks<Buffer>;
  readonly #cutter: FrameCutter;
  #fault: string | undefined;
  #closed = false;

  constructor(socket: Socket, limits: LinkLimits) {
    this.peer = `${socket.remoteAddress}:${socket.remotePort}`;
    this.#socket = socket;
    this.#limits = limits;
    this.#chunks = new Chunks(socket);
    this.#cutter = new FrameCutter(limits.largestIn);
  }

  get fault(): string | undefined {
    return this.#fault;
  }

  async *frames(signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    try {
      while (!signal.aborted && !this.#closed) {
        const frame = this.#cutter.next();
        if (frame !== undefined) yield frame;
        else {
          const chunk = await this.#chunks.next(signal);
          if (chunk === undefined) break;
          this.#cutter.add(chunk);
        }
      }
      const isCut = this.#cutter.isWithinFrame && !signal.aborted && !this.#closed;
      if (isCut) this.#fault = "the connection ended within a frame";
    } catch (error) {
      this.#fault = (error as RangeError).message;
    }
  }

  send(frame: Uint8Array): boolean {
    const { largestOut, mostWaiting } = this.#limits;
    if (frame.length > largestOut) throw new RangeError(`a frame of ${frame.length} bytes is too large to be sent`);
    const bytes = headBytes + frame.length;
    if (this.#closed || !this.#socket.writable || this.#socket.writableLength + bytes > mostWaiting) return false;
    const out = Buffer.allocUnsafe(bytes);
    out.writeUInt32BE(frame.length);
    out.set(frame, headBytes);
    this.#socket.write(out);
    return true;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#chunks.end();
    const socket = this.#socket;
    const late = setTimeout(() => socket.destroy(), partingMs);
    socket.once("close", () => clearTimeout(late));
    socket.resume(); // unread bytes would turn our last words into a reset
    socket.end();
  }
}
