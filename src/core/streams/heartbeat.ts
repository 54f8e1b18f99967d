/**
 * A mailbox that is never silent for long.
 *
 * One sleeper per stream, not one per item: it wakes when the silence would become
 * too long and looks whether it did.
 */
import type { Clock } from "../ports/clock.ts";
import type { Mailbox } from "./mailbox.ts";

/** Stands in a mailbox for "nothing for a while". */
export interface Beat {
  readonly type: "beat";
}

const beat: Beat = { type: "beat" };

/** Posts a `beat` after each `interval` (ms) in which nothing was felt. */
export class Pulse {
  readonly #mailbox: Pick<Mailbox<Beat>, "post" | "size">;
  readonly #interval: number;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  #last = 0;

  constructor(mailbox: Pick<Mailbox<Beat>, "post" | "size">, interval: number, clock: Clock) {
    this.#mailbox = mailbox;
    this.#interval = interval;
    this.#clock = clock;
  }

  begin(): void {
    this.felt();
    void this.#watch();
  }

  /** Something was sent. */
  felt(): void {
    this.#last = this.#clock.now();
  }

  stop(): void {
    this.#stop.abort();
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#clock.sleep(Math.max(1, this.#last + this.#interval - this.#clock.now()), signal);
      if (this.#clock.now() - this.#last < this.#interval) continue;
      if (this.#mailbox.size === 0) this.#mailbox.post(beat);
      this.felt();
    }
  }
}
