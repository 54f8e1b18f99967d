/**
 * One WebSocket's far end: whether it is there, whether it reads, and how it is told goodbye.
 *
 * Always true:
 *   - A peer that does not read costs what its connection's buffers hold, one frame of each of its streams, and
 *     `bufferBytes` of answers: streams wait for `drained`, and beyond `bufferBytes` nothing more is read from it.
 *   - A peer that is gone is noticed after two pings at the latest, however it went. Who takes bytes is not gone,
 *     even if its pong is stuck behind them.
 *   - `gone` listeners run once, when the connection begins to close.
 */
import type { Socket } from "node:net";
import { WebSocket } from "ws";
import { framed, type Pieces } from "./frame.ts";
import { closeCodes, type WebsocketLimits } from "./limits.ts";

/** The library closes with 1009 what the contract calls 4413. */
export class LimitedSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    if (code === 1009) super.close(closeCodes.tooLarge, "the message is larger than the limit");
    else super.close(code, reason);
  }
}

type Receive = (data: Buffer, binary: boolean) => void;

export class Peer {
  readonly address: string;
  readonly #websocket: WebSocket;
  readonly #socket: Socket;
  readonly #bufferBytes: number;
  readonly #goneListeners = new Set<() => void>();
  #wakes: (() => void)[] = [];
  #gone = false;
  #closed = false;
  /** As the last beat saw them. */
  #last = { read: -1, taken: 0, isBlocked: false };

  constructor(websocket: WebSocket, socket: Socket, { bufferBytes }: WebsocketLimits) {
    this.address = `${socket.remoteAddress ?? "unknown"}:${socket.remotePort ?? 0}`;
    this.#websocket = websocket;
    this.#socket = socket;
    this.#bufferBytes = bufferBytes;
    websocket.on("error", () => this.#leave()); // the library closes by itself
    websocket.on("close", () => {
      this.#closed = true;
      this.#leave();
    });
    websocket.on("ping", (data) => {
      if (!this.gone && !socket.writableNeedDrain) websocket.pong(data);
    });
    socket.on("drain", () => {
      if (websocket.isPaused) websocket.resume();
      this.#wake();
    });
  }

  /** Whether nobody is left to write to. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Whether the connection has ended altogether. */
  get closed(): boolean {
    return this.#closed;
  }

  onMessage(receive: Receive): void {
    this.#websocket.on("message", (data, binary) => {
      if (!this.gone) receive(data as Buffer, binary);
    });
  }

  onGone(listener: () => void): void {
    if (this.#gone) listener();
    else this.#goneListeners.add(listener);
  }

  onClosed(listener: () => void): void {
    this.#websocket.once("close", listener);
  }

  /** Returns false when a stream that lets `ahead` bytes lie before its reader should wait for `drained`. */
  write(pieces: Pieces, binary: boolean, ahead = 0): boolean {
    return this.writeFramed(framed(pieces, binary), ahead);
  }

  /** The same with what `framed` has made, perhaps for many peers. */
  writeFramed(frames: readonly Buffer[], ahead = 0): boolean {
    if (this.gone) return true;
    this.#gather();
    for (const frame of frames) this.#socket.write(frame);
    const { writableLength, writableNeedDrain } = this.#socket;
    if (writableLength > this.#bufferBytes + ahead) this.#websocket.pause();
    return !writableNeedDrain || writableLength < ahead;
  }

  /** What is written until `uncork` leaves in one piece. */
  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  /** What one turn has to say leaves in one write: a system call for each frame would cost more than the frame. */
  #gather(): void {
    if (this.#socket.writableCorked > 0) return;
    this.#socket.cork();
    process.nextTick(() => this.#socket.uncork());
  }

  drained(): Promise<void> {
    if (this.gone || !this.#socket.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wakes.push(resolve);
    });
  }

  /** Looks whether the peer has shown a sign of life since the last time, and asks for the next. */
  beat(): void {
    if (this.gone) return;
    const { bytesRead: read, bytesWritten, writableLength } = this.#socket;
    const taken = bytesWritten - writableLength;
    const isAlive = read !== this.#last.read || (this.#last.isBlocked && taken > this.#last.taken);
    const isBlocked = writableLength > 0;
    if (!isAlive && isBlocked) this.close(closeCodes.slowConsumer, "nothing was read for too long");
    else if (!isAlive) this.terminate();
    else if (!isBlocked) this.#websocket.ping();
    this.#last = { read, taken: isBlocked ? taken : 0, isBlocked };
  }

  /** Says goodbye; who does not answer within `closeMs` is hung up on. */
  close(code: number, reason: string): void {
    this.#websocket.close(code, reason);
    this.#leave();
  }

  terminate(): void {
    this.#websocket.terminate();
    this.#leave();
  }

  #leave(): void {
    if (this.#gone) return;
    this.#gone = true;
    if (this.#websocket.isPaused) this.#websocket.resume(); // or its goodbye would not be heard
    this.#wake();
    for (const listener of this.#goneListeners) listener();
    this.#goneListeners.clear();
  }

  #wake(): void {
    for (const wake of this.#wakes.splice(0)) wake();
  }
}
