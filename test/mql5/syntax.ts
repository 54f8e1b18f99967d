/** What an MQL5 program is made of, as far as its words tell: brackets, types, functions and their parameters. */
import type { Token } from "./tokens.ts";

export const is = (token: Token | undefined, ...texts: string[]): boolean =>
  token !== undefined && texts.includes(token.text);

/** The index of what closes the bracket at `open`. */
export function closing(code: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    if (is(code[at], "(", "[", "{")) depth++;
    if (is(code[at], ")", "]", "}") && --depth === 0) return at;
  }
  throw new Error(`line ${code[open]?.line}: the bracket is not closed`);
}

export interface Body {
  readonly keyword: string;
  readonly name: string;
  readonly open: number;
  readonly close: number;
}

/** Structures, classes, unions and enumerations that are defined. */
export function bodies(code: readonly Token[]): Body[] {
  return code.flatMap((token, at): Body[] => {
    const name = code[at + 1];
    if (!is(token, "struct", "class", "union", "enum") || name?.kind !== "name") return [];
    let open = at + 2;
    while (open < code.length && !is(code[open], "{", ";", "(", ">", ",")) open++;
    return is(code[open], "{") ? [{ keyword: token.text, name: name.text, open, close: closing(code, open) }] : [];
  });
}

/** Where a word stands: only in some of these a thing can be declared. */
export type Place = "program" | "type" | "enum" | "code" | "values";

/** The innermost place of each word. */
export function places(code: readonly Token[]): Place[] {
  const types = new Map(bodies(code).map(({ open, keyword }) => [open, keyword === "enum" ? "enum" : "type"] as const));
  const around: Place[] = ["program"];
  return code.map((token, at) => {
    const place = around.at(-1) as Place;
    if (is(token, "}") && around.length > 1) around.pop();
    if (is(token, "{"))
      around.push(types.get(at) ?? (is(code[at - 1], "=", ",", "{", "(", "return") ? "values" : "code"));
    return place;
  });
}

interface Parameter {
  readonly constant: boolean;
  readonly type: Token;
  readonly pointer: boolean;
  readonly reference: boolean;
  readonly name: Token | undefined;
  readonly array: boolean;
}

export interface Routine {
  readonly name: Token;
  /** Of its first word. */
  readonly start: number;
  /** Of the bracket before its parameters. */
  readonly open: number;
  readonly parameters: readonly Parameter[];
}

/** Cut at the commas that no bracket holds. */
export function parts(code: readonly Token[]): Token[][] {
  const cut: Token[][] = [[]];
  let depth = 0;
  for (const token of code) {
    if (is(token, "(", "[", "{")) depth++;
    if (is(token, ")", "]", "}")) depth--;
    if (depth === 0 && is(token, ",")) cut.push([]);
    else cut.at(-1)?.push(token);
  }
  return code.length === 0 ? [] : cut;
}

function parameter(words: readonly Token[]): Parameter | undefined {
  const own = words.slice(0, words.findIndex((it) => is(it, "=")) >>> 0);
  const [type, ...rest] = own.filter((it) => !is(it, "const"));
  if (type?.kind !== "name") return undefined;
  return {
    constant: own.some((it) => is(it, "const")),
    type,
    pointer: rest.some((it) => is(it, "*")),
    reference: rest.some((it) => is(it, "&")),
    name: rest.find((it) => it.kind === "name"),
    array: rest.some((it) => is(it, "[")),
  };
}

/** Functions and methods, where they are declared or defined. */
export function routines(code: readonly Token[]): Routine[] {
  const where = places(code);
  return code.flatMap((token, open): Routine[] => {
    const name = code[open - 1];
    const before = code[open - 2];
    if (!is(token, "(") || name?.kind !== "name" || !(where[open] === "program" || where[open] === "type")) return [];
    if (!(before?.kind === "name" || is(before, "*", "&", "::", "~", ">", ";", "}", "{", ":", "]"))) return [];
    const inside = code.slice(open + 1, closing(code, open));
    const parameters = parts(inside).map(parameter);
    if (parameters.includes(undefined)) return [];
    let start = open - 1;
    while (start > 0 && code[start - 1]?.kind !== "directive" && !is(code[start - 1], ";", "}", "{", ":")) start--;
    const none = inside.length === 1 && is(inside[0], "void");
    return [{ name, start, open, parameters: none ? [] : (parameters as Parameter[]) }];
  });
}
