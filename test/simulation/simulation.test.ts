/** Everything that can go wrong does, in thousands of ways, and every promise is kept; CI has ten thousand. */
import { describe, expect, it } from "vitest";
import { drawFaults } from "./faults.ts";
import { neverFired } from "./fired.ts";
import { regressions } from "./regressions.ts";
import { type Run, simulate } from "./run.ts";
import { type Outcome, simulateAll } from "./seeds.ts";
import { shrink } from "./shrink.ts";

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

describe("a seed that breaks a promise", () => {
  it("is told with the faults that it takes and no others", async () => {
    const seed = 19;
    const [first, , third] = drawFaults(seed);
    const run = async ({ faults = [] }: Run) => {
      const breaks = [first, third].every((needed) => faults.some(({ number }) => number === needed?.number));
      return { seed, wrong: breaks ? ["a promise"] : [], fired: [], hash: "", turns: 0, lines: [] };
    };
    const { faults, result, runs } = await shrink(seed, false, run);
    expect(faults).toEqual([first, third]);
    expect(result.wrong).toEqual(["a promise"]);
    expect(runs).toBeGreaterThan(drawFaults(seed).length);
  });

  it("goes the same way again with nothing but these", async () => {
    const seed = 19;
    const faults = drawFaults(seed).slice(0, 2);
    const [once, again] = [await simulate({ seed, faults }), await simulate({ seed, faults, told: true })];
    expect(again.hash).toBe(once.hash);
    expect(again.lines.length).toBeGreaterThan(0);
  });
});

describe("a seed", () => {
  it(
    "goes the same way every time, on one thread or on two",
    async () => {
      const once = await simulateAll({ from: 1, seeds: 40 }, 1);
      const again = await simulateAll({ from: 1, seeds: 40 }, 2);
      expect(again.hash).toBe(once.hash);
      expect(again.turns).toBe(once.turns);
    },
    5 * minutes,
  );

  it(
    "goes the same way every time over the link too",
    async () => {
      const once = await simulateAll({ from: 1, seeds: 40, linked: true }, 1);
      const again = await simulateAll({ from: 1, seeds: 40, linked: true }, 2);
      expect(again.hash).toBe(once.hash);
      expect(again.turns).toBe(once.turns);
    },
    5 * minutes,
  );

  it("goes another way than the next", async () => {
    const [one, other] = await Promise.all([
      simulateAll({ from: 1, seeds: 1 }, 1),
      simulateAll({ from: 2, seeds: 1 }, 1),
    ]);
    expect(other.hash).not.toBe(one.hash);
  });
});
