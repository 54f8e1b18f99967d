/**
 * Positions or orders of one symbol and side, as margin sees them: what counts is their volume, and their averages by
 * volume.
 *
 * Whole numbers only: what was added and is taken away again leaves nothing behind, in whatever order. So the sums of
 * thousands of positions can be kept, and are the same as if they were added up anew.
 */
import { type FinePrice, toLots, type Volume } from "../../core/model/decimals.ts";

/** What counts of a position, a pending order or an order about to be placed. */
export interface Weighed {
  readonly volume: Volume;
  readonly price: FinePrice;
  /** Margin currency to deposit currency. */
  readonly rate: number;
}

/** Fine enough for a double's last digit, of every rate above 1e-8. */
const RATE_UNITS = 2 ** 80;

export class LegSum {
  #volume = 0;
  /** Of volume times price. */
  #priced = 0n;
  /** Of volume times rate, in the rate's units. */
  #rated = 0n;

  static of(legs: Iterable<Weighed>): LegSum {
    const sum = new LegSum();
    for (const leg of legs) sum.add(leg);
    return sum;
  }

  add(leg: Weighed): void {
    this.#weigh(leg, 1);
  }

  remove(leg: Weighed): void {
    this.#weigh(leg, -1);
  }

  with(other: LegSum): LegSum {
    const sum = new LegSum();
    sum.#volume = this.#volume + other.#volume;
    sum.#priced = this.#priced + other.#priced;
    sum.#rated = this.#rated + other.#rated;
    return sum;
  }

  /** As much is left when `volume` of it is closed, at the same averages. */
  less(volume: number): LegSum {
    const left = new LegSum();
    if (volume >= this.#volume) return left;
    left.#volume = this.#volume - volume;
    left.#priced = (this.#priced * BigInt(left.#volume)) / BigInt(this.#volume);
    left.#rated = (this.#rated * BigInt(left.#volume)) / BigInt(this.#volume);
    return left;
  }

  get volume(): Volume {
    return this.#volume as Volume;
  }

  get lots(): number {
    return toLots(this.volume);
  }

  /** 0 of nothing. */
  get price(): FinePrice {
    return (this.#volume === 0 ? 0 : Number(this.#priced) / this.#volume) as FinePrice;
  }

  get rate(): number {
    return this.#volume === 0 ? 0 : Number(this.#rated) / RATE_UNITS / this.#volume;
  }

  #weigh({ volume, price, rate }: Weighed, sign: 1 | -1): void {
    const signed = BigInt(sign * volume);
    this.#volume += sign * volume;
    this.#priced += signed * BigInt(price);
    this.#rated += signed * BigInt(Math.round(rate * RATE_UNITS));
  }
}
