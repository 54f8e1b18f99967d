import { describe, expect, it } from "vitest";
import { CompactIndex, nameOf } from "../../../src/core/accounts/compact-index.ts";
import { numbers } from "../../any-ticks.ts";

describe("a compact index", () => {
  it("finds all numbers of a name, and none of another, whatever was added", () => {
    for (let seed = 0; seed < 30; seed++) {
      const below = numbers(seed);
      const index = new CompactIndex();
      const expected = new Map<bigint, Set<number>>();
      for (let n = below(6000); n > 0; n--) {
        // Some share their low half, some their high half, some everything.
        const name = (BigInt(below(4)) << 32n) | (below(2) === 0 ? BigInt(below(3000)) : BigInt(below(8)) << 29n);
        const number = 1 + below(1000);
        index.add(name, number);
        expected.set(name, (expected.get(name) ?? new Set()).add(number));
      }
      for (const [name, numbers] of expected) {
        expect(new Set(index.numbersOf(name)), `seed ${seed}: ${name}`).toEqual(numbers);
        expect(index.numbersOf(name).length, `seed ${seed}: ${name}`).toBe(numbers.size);
        expect(index.numbersOf(name + (1n << 40n)), `seed ${seed}: ${name}`).toEqual([]);
      }
    }
  });

  it("names a key as every version of the snapshot did", () => {
    expect([nameOf("alpha-1"), nameOf("alpha-2"), nameOf("")].map(String)).toMatchInlineSnapshot(`
      [
        "17730962502982749691",
        "16742190510382493293",
        "5227514475777527171",
      ]
    `);
  });

  it("gives a million keys as many names", () => {
    const names = new Set(Array.from({ length: 1_000_000 }, (_, i) => nameOf(`alpha-${1_700_000_000_000 + i}`)));
    expect(names.size).toBe(1_000_000);
  });
});
