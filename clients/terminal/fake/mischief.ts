/** A line that misbehaves: between the terminal's side and its carrier. */
import type { Chance } from "../../../src/core/ports/chance.ts";
import type { Clock } from "../../../src/core/ports/clock.ts";
import type { LinkCarrier } from "../../../src/core/ports/link.ts";

export interface Mischief {
  /** Every frame goes out, and comes in, up to so many ms late; their order holds. */
  readonly delayMs: number;
  /** The share of frames that are lost on their way out, each of which costs the connection: nothing is lost in silence. */
  readonly drop: number;
  /** The share of frames that go out twice. */
  readonly duplicate: number;
  /** The connection is cut after so many ms; 0: never. */
  readonly cutAfterMs: number;
  /** From so many ms on nothing goes out any more, and the connection stays; 0: never. */
  readonly muteAfterMs: number;
}

export const none: Mischief = { delayMs: 0, drop: 0, duplicate: 0, cutAfterMs: 0, muteAfterMs: 0 };

export class BadLine implements LinkCarrier {
  readonly #inner: LinkCarrier;
  readonly #mischief: Mischief;
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #began: number;
  readonly #life = new AbortController();
  #queue: Promise<void> = Promise.resolve();
  #first = true;

  constructor(inner: LinkCarrier, mischief: Mischief, clock: Clock, chance: Chance) {
    this.#inner = inner;
    this.#mischief = mischief;
    this.#clock = clock;
    this.#chance = chance;
    this.#began = clock.now();
  }

  get peer(): string {
    return this.#inner.peer;
  }

  get fault(): string | undefined {
    return this.#life.signal.aborted ? "the line was cut, as it was told to be" : this.#inner.fault;
  }

  async *frames(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    const { cutAfterMs } = this.#mischief;
    const callOff = cutAfterMs > 0 ? this.#clock.after(cutAfterMs, () => this.#life.abort()) : undefined;
    try {
      for await (const frame of this.#inner.frames(AbortSignal.any([signal, this.#life.signal]))) {
        await this.#delayed();
        yield frame;
      }
    } finally {
      callOff?.();
    }
  }

  send(frame: Uint8Array): boolean {
    const { delayMs, drop, duplicate, muteAfterMs } = this.#mischief;
    if (muteAfterMs > 0 && this.#clock.now() - this.#began >= muteAfterMs) return true;
    if (this.#chance.next() < drop) {
      this.#life.abort();
      return true;
    }
    const twice = !this.#first && this.#chance.next() < duplicate;
    this.#first = false;
    const go = () => (twice ? this.#inner.send(frame) : true) && this.#inner.send(frame);
    if (delayMs === 0) return go();
    this.#queue = this.#queue.then(() => this.#delayed()).then(() => void (this.#life.signal.aborted || go()));
    return true;
  }

  close(): void {
    void this.#queue.then(() => this.#inner.close());
  }

  async #delayed(): Promise<void> {
    const { delayMs } = this.#mischief;
    if (delayMs > 0) await this.#clock.sleep(this.#chance.next() * delayMs, this.#life.signal);
  }
}
