/** The two ends of a line in memory: what one sends the other reads, until either closes it or it is cut. */
import type { LinkCarrier } from "../../src/core/ports/link.ts";

class End implements LinkCarrier {
  readonly peer = "memory";
  fault: string | undefined;
  other: End | undefined;
  #queue: Uint8Array[] = [];
  #over = false;
  #change = Promise.withResolvers<void>();

  async *frames(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const stop = () => this.#change.resolve();
    signal.addEventListener("abort", stop, { once: true });
    try {
      while (!signal.aborted) {
        const frame = this.#queue.shift();
        if (frame !== undefined) yield frame;
        else if (this.#over) return;
        else {
          this.#change = Promise.withResolvers();
          await this.#change.promise;
        }
      }
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  send(frame: Uint8Array): boolean {
    if (this.#over) return true;
    this.other?.take(frame);
    return true;
  }

  close(): void {
    this.other?.end();
    this.end();
  }

  take(frame: Uint8Array): void {
    this.#queue.push(frame);
    this.#change.resolve();
  }

  end(): void {
    this.#over = true;
    this.#change.resolve();
  }
}

export interface Pair {
  readonly bridge: LinkCarrier;
  readonly terminal: LinkCarrier;
}

export function pair(): Pair {
  const [bridge, terminal] = [new End(), new End()];
  bridge.other = terminal;
  terminal.other = bridge;
  return { bridge, terminal };
}
