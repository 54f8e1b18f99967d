import { describe, expect, it } from "vitest";
import { terminalCases } from "./against.ts";
import { fits, type Json } from "./match.ts";
import { filled, parse, withBytes } from "./script.ts";

const fitting = (expected: Json, actual: Json) => fits(expected, actual, () => undefined);

describe("the link's scripts", () => {
  it("are at least eighty for the terminals, each with something that is expected", () => {
    const cases = terminalCases();
    expect(cases.length).toBeGreaterThanOrEqual(80);
    const checks = new Set(["<", "never", "alone", "link"]);
    for (const { title, lines } of cases)
      expect([title, lines.some(({ verb }) => checks.has(verb))]).toEqual([title, true]);
  });

  it("have cases, what they need, and names for text", () => {
    const [one, two] = parse(
      "a.txt",
      "let x = {}\n== first\nneeds kill\nenv A=b=c\n> ping $x\n\n== second\n# no\n< pong",
    );
    expect(one).toMatchObject({
      title: "first",
      needs: ["kill"],
      env: { A: "b=c" },
      lines: [{ number: 5, verb: ">" }],
    });
    expect(two).toMatchObject({ title: "second", needs: [], lines: [{ number: 9, verb: "<", rest: "pong" }] });
  });

  it("cannot have two cases of one name, nor lines before the first", () => {
    expect(() => parse("a.txt", "== x\n== x")).toThrow(/two cases/);
    expect(() => parse("a.txt", "> ping")).toThrow(/before the first/);
  });

  it("put values in the place of names, and refuse names that nobody knows", () => {
    const known = (name: string) => ({ now: "1000", all: "[$now]" })[name];
    expect(filled('"$now+500" $now-1 $all', known)).toBe('"1500" 999 [1000]');
    expect(() => filled("$other", known)).toThrow(/other/);
  });

  it("take bytes behind a message", () => {
    expect(withBytes('{"a": {}} + 0a 0b')).toEqual({ json: '{"a": {}}', extra: Buffer.from([10, 11]) });
    expect(withBytes('{"a": "b + 0a"}')).toMatchObject({ extra: Buffer.alloc(0) });
  });
});

describe("what is expected", () => {
  it.each([
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: "1" }, { a: 1 }],
    ["*", 0],
    [">=5", "5"],
    ["<5", 4],
    ["one of A|B", "B"],
    [null, null],
    [
      ["…", { x: 1 }],
      [{ x: 2 }, { x: 1 }],
    ],
    [[], []],
  ] as [Json, Json][])("%j fits %j", (expected, actual) => expect(fitting(expected, actual)).toBe(true));

  it.each([
    [{ a: 1 }, { b: 1 }],
    ["*", null],
    [">5", "5"],
    [">5", "word"],
    ["one of A|B", "C"],
    [null, 0],
    [["…", { x: 1 }], [{ x: 2 }]],
    [[], [1]],
    [[1, 2], [1]],
  ] as [Json, Json][])("%j does not fit %j", (expected, actual) => expect(fitting(expected, actual)).toBe(false));

  it("is remembered by its name only when all of it fits", () => {
    const told: Record<string, string> = {};
    const remember = (name: string, value: string) => {
      told[name] = value;
    };
    expect(fits({ a: "@ticket", b: 1 }, { a: 7, b: 2 }, remember)).toBe(false);
    expect(told).toEqual({});
    expect(fits({ a: "@ticket", b: 1 }, { a: 7, b: 1 }, remember)).toBe(true);
    expect(told).toEqual({ ticket: "7" });
  });
});
