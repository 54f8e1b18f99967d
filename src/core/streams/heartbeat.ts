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
  #last = 0;
  #stop: (() => void) | undefined;

  constructor(mailbox: Pick<Mailbox<Beat>, "post" | "size">, interval: number, clock: Clock) {
    this.#mailbox = mailbox;
    this.#interval = interval;
    this.#clock = clock;
  }

  begin(): void {
    this.felt();
    this.#listen(this.#interval);
  }

  /** Something was sent. */
  felt(): void {
    this.#last = this.#clock.now();
  }

  stop(): void {
    this.#stop?.();
  }

  #listen(ms: number): void {
    this.#stop = this.#clock.after(ms, () => this.#look());
  }

  #look(): void {
    const left = this.#last + this.#interval - this.#clock.now();
    if (left > 0) {
      this.#listen(left);
      return;
    }
    if (this.#mailbox.size === 0) this.#mailbox.post(beat);
    this.begin();
  }
}
