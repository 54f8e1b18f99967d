/**
 * The monotonic clock of the terminal's side, read on the stopwatch of ours.
 *
 * A ping tells when it left and came back here, and when it was read and answered there. The
 * way there and the way back are taken to be as long as each other; how wrong that can be is
 * half of the time both took together, so the quickest ping counts. Both clocks drift: a
 * quick ping is believed for a minute.
 */

/** Milliseconds. */
const believedFor = 60_000;

export class FarClock {
  /** What to take off their clock to have ours, ms; how long the ping was under way, and when that was. */
  #best: { readonly ahead: number; readonly way: number; readonly at: number } | undefined;

  /** `sent` and `back` by our stopwatch (ms), `read` and `answered` by their clock (µs). */
  pinged(sent: number, read: number, answered: number, back: number): void {
    const there = read / 1000;
    const answering = Math.max(0, answered / 1000 - there);
    const way = Math.max(0, back - sent - answering);
    const best = this.#best;
    if (best !== undefined && way > best.way && back - best.at < believedFor) return;
    this.#best = { ahead: there - (sent + way / 2), way, at: back };
  }

  /** Their clock has begun anew. */
  forget(): void {
    this.#best = undefined;
  }

  /** How long the quickest ping was under way, ms. */
  get roundTrip(): number | undefined {
    return this.#best?.way;
  }

  /** A moment of theirs (µs) by our stopwatch; undefined while no ping has come back. */
  here(theirs: number): number | undefined {
    return this.#best && theirs / 1000 - this.#best.ahead;
  }
}
