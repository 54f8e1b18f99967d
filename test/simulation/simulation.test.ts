/** Everything that can go wrong does, in thousands of ways, and every promise is kept; CI has ten thousand. */
import { describe, expect, it } from "vitest";
import { neverFired } from "./fired.ts";
import { regressions } from "./regressions.ts";
import { type Outcome, simulateAll } from "./seeds.ts";

const minutes = 60_000;

/** What was broken, with the seed that shows it. */
const broken = ({ failed }: Outcome): string[] =>
  failed.map(({ seed, wrong }) => `npm run simulate -- --seed ${seed}: ${wrong[0]}`);

describe("the bridge", () => {
  it(
    "keeps its promises over 400 seeds of faults, all of which fire",
    async () => {
      const outcome = await simulateAll({ from: 1, seeds: 400 });
      expect(broken(outcome)).toEqual([]);
      expect(outcome.passed).toBe(400);
      expect(neverFired(outcome.counts)).toEqual([]);
    },
    15 * minutes,
  );

  it(
    "keeps them over 150 seeds with the live link's own protocol between it and the broker",
    async () => {
      const outcome = await simulateAll({ from: 1, seeds: 150, linked: true });
      expect(broken(outcome).map((line) => `${line} (--linked)`)).toEqual([]);
      expect(outcome.passed).toBe(150);
    },
    15 * minutes,
  );

  it.each(regressions)("keeps its promises in seed $seed: $was", async ({ seed }) => {
    expect(broken(await simulateAll({ from: seed, seeds: 1 }, 1))).toEqual([]);
  });
});

describe("a seed", () => {
  it("goes the same way every time, on one thread or on two", async () => {
    const once = await simulateAll({ from: 1, seeds: 60 }, 1);
    const again = await simulateAll({ from: 1, seeds: 60 }, 2);
    expect(again.hash).toBe(once.hash);
    expect(again.turns).toBe(once.turns);
  });

  it("goes the same way every time over the link too", async () => {
    const once = await simulateAll({ from: 1, seeds: 60, linked: true }, 1);
    const again = await simulateAll({ from: 1, seeds: 60, linked: true }, 2);
    expect(again.hash).toBe(once.hash);
    expect(again.turns).toBe(once.turns);
  });

  it("goes another way than the next", async () => {
    const [one, other] = await Promise.all([
      simulateAll({ from: 1, seeds: 1 }, 1),
      simulateAll({ from: 2, seeds: 1 }, 1),
    ]);
    expect(other.hash).not.toBe(one.hash);
  });
});
