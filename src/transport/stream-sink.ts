/**
 * A stream's far end over HTTP: frames, as they are, into the body of an answer.
 *
 * What waits for a slow peer is bounded by what the stream lets lie `ahead` and one frame; behind that, HTTP/2's window (64 KiB unless the
 * client asks for more) and the kernel's buffers are out of our hands.
 */
import type { Writable } from "node:stream";
import type { Sink } from "./pump.ts";

type Body = Pick<Writable, "write" | "writableLength" | "writableNeedDrain" | "cork" | "uncork" | "once" | "off">;

export class StreamSink implements Sink<Uint8Array> {
  readonly #body: Body;
  readonly #isGone: () => boolean;

  constructor(body: Body, isGone: () => boolean) {
    this.#body = body;
    this.#isGone = isGone;
  }

  write(frame: Uint8Array, ahead: number): boolean {
    return this.#body.write(frame) || this.#body.writableLength < ahead;
  }

  drained(): Promise<void> {
    const body = this.#body;
    return new Promise((resolve) => {
      const done = () => {
        for (const event of wakers) body.off(event, done);
        resolve();
      };
      for (const event of wakers) body.once(event, done);
      if (this.gone || !body.writableNeedDrain) done();
    });
  }

  get gone(): boolean {
    return this.#isGone();
  }

  cork(): void {
    this.#body.cork();
  }

  uncork(): void {
    this.#body.uncork();
  }
}

const wakers = ["drain", "close"] as const;
