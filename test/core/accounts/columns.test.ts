import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { fromColumns, toColumns } from "../../../src/core/accounts/columns.ts";
import { numbers } from "../../any-ticks.ts";

const values = [0, 1.5, "", "a,b;c", "$n:1", 7n, -(2n ** 70n), true, null, [], [1n], [1n, 2n], [1n, "x"], { of: [3n] }];
const names = ["a", "b", "c", "toJSON", "1"];

function anyObject(below: (limit: number) => number): Record<string, unknown> {
  const fields: [string, unknown][] = [];
  for (const name of names) if (below(3) > 0) fields.push([name, values[below(below(2) ? values.length : 2)]]);
  return Object.fromEntries(fields);
}

describe("columns", () => {
  it("give back what went in, whatever it was", () => {
    for (let seed = 0; seed < 2000; seed++) {
      const below = numbers(seed);
      const objects = Array.from({ length: below(20) }, () => anyObject(below));
      const back = fromColumns(toColumns(objects));
      expect(isDeepStrictEqual(back, objects), `seed ${seed}`).toBe(true);
    }
  });

  it("leave out what is undefined", () => {
    expect(fromColumns(toColumns([{ a: 1, b: undefined }, { a: 2 }]))).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it("write what is the same in all of them once", () => {
    const orders = Array.from({ length: 256 }, (_, i) => ({ symbol: "EURUSD", comment: "alpha", ticket: BigInt(i) }));
    expect(JSON.stringify(toColumns(orders)).length).toBeLessThan(1200);
  });
});
