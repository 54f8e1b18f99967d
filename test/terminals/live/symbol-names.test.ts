import { describe, expect, it } from "vitest";
import { SymbolNames } from "../../../src/terminals/live/symbol-names.ts";
import { seeded } from "../../../src/terminals/paper/seeded.ts";

const rules = (prefix: string, suffix: string, table: [string, string][] = []) => ({
  prefix,
  suffix,
  table: new Map(table),
});

describe("names of symbols", () => {
  it("are the broker's where nothing else is said", () => {
    const names = new SymbolNames(rules("", ""), ["EURUSD"]);
    expect([names.ours("EURUSD"), names.brokers("EURUSD"), names.ours("NEW")]).toEqual(["EURUSD", "EURUSD", "NEW"]);
  });

  it("lose the broker's prefix and suffix, and get them back", () => {
    const names = new SymbolNames(rules("x", ".m"), ["xEURUSD.m", "BTCUSD"]);
    expect([names.ours("xEURUSD.m"), names.brokers("EURUSD")]).toEqual(["EURUSD", "xEURUSD.m"]);
    expect([names.ours("BTCUSD"), names.brokers("BTCUSD")]).toEqual(["BTCUSD", "BTCUSD"]);
    expect([names.ours("xNEW.m"), names.brokers("NEW")]).toEqual(["NEW", "xNEW.m"]);
  });

  it("follow the table before the rule", () => {
    const names = new SymbolNames(rules("", ".m", [["XAUUSD", "GOLD"]]), ["XAUUSD.m", "GOLD"]);
    expect([names.ours("GOLD"), names.ours("XAUUSD.m")]).toEqual(["XAUUSD", "XAUUSD.m"]);
    expect([names.brokers("XAUUSD"), names.brokers("XAUUSD.m")]).toEqual(["GOLD", "XAUUSD.m"]);
  });

  it("of symbols that come later are the best that are left", () => {
    const names = new SymbolNames(rules("", ".m", [["XAUUSD", "GOLD"]]), ["EURUSD.m"]);
    for (const later of ["GOLD", "EURUSD", "USDJPY.m"]) names.add(later);
    expect(["GOLD", "EURUSD", "USDJPY.m", "EURUSD.m"].map((name) => names.ours(name))).toEqual([
      "XAUUSD",
      "=EURUSD",
      "USDJPY",
      "EURUSD",
    ]);
    expect([names.brokers("USDJPY"), names.brokers("=EURUSD")]).toEqual(["USDJPY.m", "EURUSD"]);
  });

  it("lead back to the broker's, each to its own, whatever the broker calls its symbols", () => {
    for (let seed = 0; seed < 500; seed++) {
      const chance = seeded(seed);
      const pick = (of: readonly string[]) => of[Math.floor(chance.next() * of.length)] as string;
      const any = () => `${pick(["", "x", "xx"])}${pick(["A", "B", ""])}${pick(["", ".m", ".m.m"])}` || "C";
      const known = [...new Set(Array.from({ length: 8 }, any))];
      const names = new SymbolNames(rules(pick(["", "x"]), pick(["", ".m"]), [["A", any()]]), known);
      const ours = known.map((name) => names.ours(name));
      expect(new Set(ours).size, `seed ${seed}`).toBe(known.length);
      expect(
        ours.map((name) => names.brokers(name)),
        `seed ${seed}`,
      ).toEqual(known);
    }
  });
});
