/** Chance of one thing: what is drawn for it does not change because something else draws less, or is left out. */
import type { Chance } from "../../src/core/ports/chance.ts";
import { seeded } from "../../src/terminals/paper/seeded.ts";

export class Dice implements Chance {
  readonly #chance: Chance;

  constructor(seed: number, whatFor: string) {
    this.#chance = seeded(`${seed} ${whatFor}`);
  }

  next(): number {
    return this.#chance.next();
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number {
    return Math.floor(this.#chance.next() * limit);
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  happens(probability: number): boolean {
    return this.#chance.next() < probability;
  }

  pick<T>(items: readonly [T, ...T[]]): T;
  pick<T>(items: readonly T[]): T | undefined;
  pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }

  shuffled<T>(items: readonly T[]): T[] {
    const left = [...items];
    return items.flatMap(() => left.splice(this.below(left.length), 1));
  }
}
