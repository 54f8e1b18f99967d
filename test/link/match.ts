/** Whether what came is what a script expects of it. */

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** `remember` is told of what `@name` stands for. The values of one attempt count only if all of it fits. */
export function fits(
  expected: Json,
  actual: Json | undefined,
  remember: (name: string, value: string) => void,
): boolean {
  const found: [string, string][] = [];
  if (!matches(expected, actual, found)) return false;
  for (const [name, value] of found) remember(name, value);
  return true;
}

function matches(expected: Json, actual: Json | undefined, found: [string, string][]): boolean {
  if (expected === null) return actual === undefined || actual === null;
  if (actual === undefined || actual === null) return false;
  if (Array.isArray(expected)) return Array.isArray(actual) && listMatches(expected, actual, found);
  if (typeof expected === "object") {
    if (typeof actual !== "object" || Array.isArray(actual)) return false;
    return Object.entries(expected).every(([name, value]) => matches(value, actual[name], found));
  }
  if (typeof expected === "string") return textMatches(expected, actual, found);
  return String(expected) === String(actual);
}

function listMatches(expected: readonly Json[], actual: readonly Json[], found: [string, string][]): boolean {
  if (expected[0] === "…") {
    return expected.slice(1).every((wanted) => actual.some((each) => matches(wanted, each, found)));
  }
  return expected.length === actual.length && expected.every((wanted, i) => matches(wanted, actual[i], found));
}

function textMatches(expected: string, actual: Json, found: [string, string][]): boolean {
  const text = typeof actual === "object" ? JSON.stringify(actual) : String(actual);
  if (expected === "*") return true;
  if (expected.startsWith("@")) {
    found.push([expected.slice(1), text]);
    return true;
  }
  const [, sign, number] = /^(>=|<=|>|<)(-?[\d.]+)$/.exec(expected) ?? [];
  if (sign !== undefined) return compared(sign, Number(text), Number(number));
  if (expected.startsWith("one of ")) return expected.slice(7).split("|").includes(text);
  return expected === text;
}

function compared(sign: string, a: number, b: number): boolean {
  if (Number.isNaN(a)) return false;
  if (sign === ">=") return a >= b;
  if (sign === "<=") return a <= b;
  return sign === ">" ? a > b : a < b;
}
