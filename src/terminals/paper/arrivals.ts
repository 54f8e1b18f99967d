/**
 * When the next tick comes.
 *
 * Ticks bring ticks: a self-exciting (Hawkes) process with an exponentially fading
 * excitement, drawn exactly, after Dassios and Zhao. Gaps are irregular and bursts come
 * of themselves. In the long run the rate is the one asked for: a market that has run
 * ahead of it slows down, within `horizon` seconds.
 *
 * The gaps depend on chance, the rate and the activity told, on no clock.
 */
import type { Chance } from "../../core/ports/chance.ts";

/** How many of the ticks are answers to others. */
const ANSWERS = 0.6;
/** Seconds: slow markets may wander for longer than those that are asked for throughput. */
const horizonOf = (rate: number): number => Math.min(30, Math.max(1, 3000 / rate));

export class Arrivals {
  readonly #chance: Chance;
  readonly #rate: number;
  readonly #alone: number;
  readonly #fading: number;
  readonly #horizon: number;
  #excitement = 0;
  /** Seconds by which the ticks so far are more than the rate gives. */
  #ahead = 0;

  constructor(chance: Chance, rate: number) {
    this.#chance = chance;
    this.#rate = rate;
    this.#alone = rate * (1 - ANSWERS);
    this.#fading = Math.max(2, rate / 20);
    this.#horizon = horizonOf(rate);
  }

  /** Seconds from the tick before; 1 is normal activity, 2 twice as many ticks. */
  next(activity: number): number {
    const gap = this.#gap() / activity;
    const governed = gap * Math.exp(Math.max(-1, Math.min(1, this.#ahead / this.#horizon)));
    this.#ahead += 1 / this.#rate - governed;
    return governed;
  }

  #gap(): number {
    const alone = -Math.log(1 - this.#chance.next()) / this.#alone;
    let gap = alone;
    if (this.#excitement > 0) {
      const left = 1 + (this.#fading * Math.log(1 - this.#chance.next())) / this.#excitement;
      if (left > 0) gap = Math.min(gap, -Math.log(left) / this.#fading);
    }
    this.#excitement = this.#excitement * Math.exp(-this.#fading * gap) + ANSWERS * this.#fading;
    return gap;
  }
}
