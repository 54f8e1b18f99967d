import { describe, expect, it } from "vitest";
import type { FinePrice, Volume } from "../../../src/core/model/decimals.ts";
import { LegSum, type Weighed } from "../../../src/terminals/paper/leg-sum.ts";
import { seeded } from "../../../src/terminals/paper/seeded.ts";

const seeds = Array.from({ length: 200 }, (_, seed) => seed);

function anyLegs(seed: number): Weighed[] {
  const chance = seeded(seed);
  return Array.from({ length: 1 + Math.floor(chance.next() * 100) }, () => ({
    volume: Math.ceil(chance.next() * 1e10) as Volume,
    price: Math.ceil(chance.next() ** 3 * 1e11) as FinePrice,
    rate: 10 ** (8 * chance.next() - 6),
  }));
}

const shown = ({ volume, price, rate }: LegSum) => ({ volume, price, rate });

describe("the sum of a symbol's positions", () => {
  it("is of one what it is, but for the last digit of a double", () => {
    for (const seed of seeds) {
      const [leg] = anyLegs(seed) as [Weighed];
      const sum = LegSum.of([leg]);
      expect(sum.volume, `seed ${seed}`).toBe(leg.volume);
      expect(Math.abs(sum.price / leg.price - 1), `seed ${seed}`).toBeLessThan(1e-15);
      expect(Math.abs(sum.rate / leg.rate - 1), `seed ${seed}`).toBeLessThan(1e-15);
    }
  });

  it("has averages by volume", () => {
    const sum = LegSum.of([
      { volume: 1e8 as Volume, price: 1000 as FinePrice, rate: 1 },
      { volume: 3e8 as Volume, price: 2000 as FinePrice, rate: 2 },
    ]);
    expect(shown(sum)).toEqual({ volume: 4e8, price: 1750, rate: 1.75 });
    expect(shown(new LegSum())).toEqual({ volume: 0, price: 0, rate: 0 });
  });

  it("is the same whatever came and went in between, in whatever order", () => {
    for (const seed of seeds) {
      const legs = anyLegs(seed);
      const chance = seeded(seed + 1000);
      const sum = new LegSum();
      const open = new Set<Weighed>();
      for (let step = 0; step < 300; step++) {
        const leg = legs[Math.floor(chance.next() * legs.length)] as Weighed;
        if (open.delete(leg)) sum.remove(leg);
        else sum.add([...open.add(leg)].at(-1) as Weighed);
        if (step % 30 === 0) expect(shown(sum), `seed ${seed}, step ${step}`).toEqual(shown(LegSum.of(open)));
      }
      expect(shown(sum), `seed ${seed}`).toEqual(shown(LegSum.of([...open].reverse())));
    }
  });

  it("keeps its averages when a part is closed, and is nothing when all is", () => {
    const leg = { volume: 3e8 as Volume, price: 1_234_567 as FinePrice, rate: 1.0849 };
    const left = LegSum.of([leg]).less(1e8);
    expect([left.volume, left.price, left.rate]).toEqual([2e8, 1_234_567, 1.0849]);
    expect(shown(LegSum.of([leg]).less(4e8))).toEqual(shown(new LegSum()));
  });
});
