import { describe, expect, it } from "vitest";
import * as decimals from "../../../src/core/model/decimals.ts";
import { numbers } from "../../any-ticks.ts";

const { lots, toLots, price, toPrice, fine, finePrice, toFinePrice, money, toMoney, onGrid, roundHalfAway } = decimals;

describe("a decimal", () => {
  it("goes out as people write it", () => {
    expect(String(toPrice(price(1.09 + 0.00301, 5), 5))).toBe("1.09301");
    expect(String(toLots(lots(0.1 + 0.2)))).toBe("0.3");
    expect(String(toMoney(money(-1234.565, 2), 2))).toBe("-1234.57");
    expect(String(toFinePrice(finePrice(1.1234567, 5), 5))).toBe("1.1234567");
  });

  it("comes back as the same whole number, whatever its digits", () => {
    for (let seed = 0; seed < 1000; seed++) {
      const below = numbers(seed);
      const digits = below(9);
      const whole = below(1 << 30) * (below(2) ? 1 : -1);
      expect(price(toPrice(whole as decimals.Price, digits), digits) + 0, `seed ${seed}`).toBe(whole + 0);
      expect(money(toMoney(whole as decimals.Money, digits), digits) + 0, `seed ${seed}`).toBe(whole + 0);
      expect(lots(toLots(whole as decimals.Volume)) + 0, `seed ${seed}`).toBe(whole + 0);
    }
  });

  it("has a thousand fine parts in a point", () => {
    expect(fine(price(1.1, 5))).toBe(110_000_000);
  });
});

describe("rounding", () => {
  it.each([
    [0.005, 2, 0.01],
    [-0.005, 2, -0.01],
    [1.005, 2, 1.01],
    [2.5, 0, 3],
    [-2.5, 0, -3],
    [0.4999, 0, 0],
    [-0.2, 0, 0],
  ])("takes %d with %d digits to %d: half goes away from zero", (value, digits, rounded) => {
    expect(roundHalfAway(value, digits)).toBe(rounded);
  });
});

describe("the grid", () => {
  it.each([
    [0.1 + 0.2, 0.01, 30],
    [65380.340000000004, 0.01, 6_538_034],
    [-37.63, 0.01, -3763],
    [0, 0.25, 0],
    [1e9, 0.00001, 1e14],
  ])("has %d on steps of %d, as number %d", (value, step, count) => {
    expect(onGrid(value, step)).toBe(count);
  });

  it.each([0.015, 0.01 + 1e-10, Number.NaN, Number.POSITIVE_INFINITY, 1e300])(
    "does not have %d on steps of 0.01",
    (value) => {
      expect(onGrid(value, 0.01)).toBeUndefined();
    },
  );
});
