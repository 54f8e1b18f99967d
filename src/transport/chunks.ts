/**
 * What a stream brings, chunk by chunk, for readers that take turns.
 *
 * Always true: nothing is read ahead of the reader but what the stream itself holds, so that a slow reader slows the
 * peer; and a reader that leaves takes nothing along that the next one should have had.
 *
 * Not the stream's own iterator: that cannot be called off while it waits.
 */
import type { Readable } from "node:stream";

export class Chunks<T> {
  readonly #stream: Readable;
  #ended = false;
  #wake: () => void = () => undefined;

  constructor(stream: Readable) {
    this.#stream = stream;
    for (const event of wakers) stream.on(event, this.#woken);
  }

  /** Undefined once the stream or the reading has ended, or `signal` has aborted. Never throws. */
  async next(signal: AbortSignal): Promise<T | undefined> {
    while (!this.#ended && !signal.aborted) {
      const chunk = this.#stream.read() as T | null;
      if (chunk !== null) return chunk;
      if (this.#stream.readableEnded || this.#stream.destroyed) return undefined;
      await this.#news(signal);
    }
    return undefined;
  }

  /** Nobody will read any more. */
  end(): void {
    this.#ended = true;
    for (const event of wakers) this.#stream.off(event, this.#woken);
    this.#wake();
  }

  readonly #woken = (): void => this.#wake();

  #news(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#wake = done;
      signal.addEventListener("abort", done);
    });
  }
}

const wakers = ["readable", "end", "close", "error"] as const;
