/**
 * Writes an MQL5 program as C++, so that the very same files run where there is no terminal:
 *
 *     node test/mql5/translate.ts [--shim FILE.hpp]... FILE.mq5 OUT.cpp
 *
 * The two languages are near enough for words to be exchanged one by one; what the words then mean is in language.hpp
 * and, for the terminal's own functions, in the shims. The program lies in namespace `program`. What differs:
 *
 *   - `a.b` is said of objects and pointers alike: it becomes `a->b`, which every structure and class understands.
 *   - `CFoo *p` becomes Ptr<CFoo>; arrays become Array<T> (dynamic, or a parameter), Fixed<T, N>, and Raw<T, N> in unions.
 *   - Each file is included once. Functions need no declaration before their use, but those with default arguments do.
 *   - Destructors are virtual. Enumerations are ints. Inputs are constants that mql::inputs() sets by name.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { bodies, closing, is } from "./syntax.ts";
import { directiveTokens, type Token, tokens } from "./tokens.ts";

interface Names {
  /** What may be pointed to. */
  readonly classes: ReadonlySet<string>;
}

const named = (before: Token, text: string): Token => ({ ...before, kind: "name", text });
const sign = (text: string, before = ""): Token => ({ kind: "punctuation", text, before, line: 0 });
const written = (code: readonly Token[]): string => code.map(({ before, text }) => before + text).join("");
/** In one line, as far as words allow: comments of a line would swallow what follows. */
const inline = (code: readonly Token[]): string => code.map(({ text }) => text).join(" ");

/** The file's words and those of the files it includes, each file once. */
function included(file: string, seen = new Set<string>()): Token[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const marker = (line: number): Token => ({
    kind: "directive",
    text: `#line ${line} ${JSON.stringify(relative(process.cwd(), file))}`,
    before: "\n",
    line,
  });
  const text = readFileSync(file, "utf8").replace(/^\uFEFF/, "");
  const code = tokens(text).flatMap((token): Token[] => {
    if (token.kind === "end") return token.before === "" ? [] : [{ ...token, text: "" }];
    if (token.kind !== "directive") return [token];
    const [, word = "", rest = ""] = /^#\s*(\w+)\s*([\s\S]*?)\s*$/.exec(token.text) ?? [];
    const target = /^"([^"]+)"$/.exec(rest)?.[1];
    if (word === "property") return [{ ...token, text: "" }];
    if (word === "import" || word === "resource") throw new Error(`${file}:${token.line}: #${word} is not translated`);
    if (word !== "include") return [token];
    if (target === undefined) throw new Error(`${file}:${token.line}: only files of the project are included: "x.mqh"`);
    return [
      { ...token, text: "" },
      ...included(resolve(dirname(file), target.replaceAll("\\", "/")), seen),
      marker(token.line + 1),
    ];
  });
  return [marker(1), sign("", "\n"), ...code];
}

/** Words that are exchanged wherever they stand: literals, `.`, pointers. */
function exchanged(code: readonly Token[], names: Names): Token[] {
  const out: Token[] = [];
  for (let at = 0; at < code.length; at++) {
    const token = code[at] as Token;
    const last = out.at(-1);
    if (token.kind === "string") out.push(named(token, `u${token.text}_s`));
    else if (token.kind === "character") out.push(named(token, character(token)));
    else if (token.text === "NULL") out.push(named(token, "mql::null"));
    else if (token.text === "__FUNCTION__") out.push(named(token, "mql::String(__func__)"));
    else if (is(token, ".") && !is(last, "operator")) out.push({ ...token, text: "->" });
    else if (is(token, "::") && last?.kind !== "name" && !is(last, ">"))
      out.push(named({ ...token, kind: "name" }, "program"), sign("::"));
    else if (is(token, "*") && last?.kind === "name" && names.classes.has(last.text)) {
      const constant = is(out.at(-2), "const") ? "const " : "";
      out.splice(-1 - (constant === "" ? 0 : 1));
      const first = code[at - (constant === "" ? 1 : 2)] as Token;
      out.push(named(first, `mql::Ptr<${constant}${last.text}>`));
    } else if (token.kind === "directive") out.push({ ...token, text: definition(token.text, names) });
    else out.push(token);
  }
  return out;
}

function character({ text, line }: Token): string {
  if (text.startsWith("C")) throw new Error(`line ${line}: colours are not translated`);
  if (!text.startsWith("D")) return `mql::ushort(u${text})`;
  const [, year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] =
    /^D'(\d{4})\.(\d\d)\.(\d\d)(?: (\d\d):(\d\d)(?::(\d\d))?)?'$/.exec(text)?.map(Number) ?? [];
  if (year === 0) throw new Error(`line ${line}: a time is written D'yyyy.mm.dd hh:mm:ss'`);
  return `mql::datetime(${Date.UTC(year, month - 1, day, hour || 0, minute || 0, second || 0) / 1000})`;
}

function definition(text: string, names: Names): string {
  const [, head, body] = /^(#\s*define\s+\w+(?:\([^)]*\))?)([\s\S]*)$/.exec(text) ?? [];
  return head === undefined || body === undefined ? text : head + written(exchanged(directiveTokens(body), names));
}

/** `T &a[]` of parameters. */
function arrayParameters(code: readonly Token[]): Token[] {
  const out: Token[] = [];
  for (let at = 0; at < code.length; at++) {
    const type = out.at(-1);
    if (type?.kind !== "name" || !is(code[at], "&") || !is(code[at + 2], "[") || !is(code[at + 3], "]")) {
      out.push(code[at] as Token);
      continue;
    }
    let end = at + 4;
    let inner = type.text;
    while (is(code[end], "[")) {
      const close = closing(code, end);
      inner = `mql::Fixed<${inner}, (${inline(code.slice(end + 1, close))})>`;
      end = close + 1;
    }
    out[out.length - 1] = named(type, `mql::Array<${inner}>`);
    out.push(code[at] as Token, code[at + 1] as Token);
    at = end - 1;
  }
  return out;
}

interface Declarator {
  readonly name: Token;
  readonly sizes: readonly (readonly Token[])[];
  readonly initial: readonly Token[];
}

const qualifiers = ["const", "static"];
const notTypes = ["return", "delete", "new", "goto", "case", "else", "throw", "using", "typedef", "public", "operator"];

/** `T a[], b[4], c;` from `at`: what it declares, if it is a declaration. */
function declarators(
  code: readonly Token[],
  at: number,
): { first: number; list: Declarator[]; end: number } | undefined {
  let first = at;
  while (is(code[first], ...qualifiers)) first++;
  if (code[first]?.kind !== "name" || is(code[first], ...notTypes)) return undefined;
  first++;
  while (is(code[first], "::")) first += 2;
  const list: Declarator[] = [];
  for (let next = first; ; ) {
    const name = code[next++];
    if (name?.kind !== "name") return undefined;
    const sizes: Token[][] = [];
    while (is(code[next], "[")) {
      const close = closing(code, next);
      sizes.push(code.slice(next + 1, close));
      next = close + 1;
    }
    if (!is(code[next], "=", ",", ";")) return undefined;
    const start = next;
    while (next < code.length && !is(code[next], ",", ";")) {
      next = is(code[next], "(", "[", "{") ? closing(code, next) + 1 : next + 1;
    }
    list.push({ name, sizes, initial: code.slice(start, next) });
    if (!is(code[next], ",")) return { first, list, end: next };
    next++;
  }
}

/** Declarations of arrays, wherever a statement or a member begins. */
function arrayDeclarations(code: readonly Token[]): Token[] {
  const unions = bodies(code).filter(({ keyword }) => keyword === "union");
  const out: Token[] = [];
  for (let at = 0; at < code.length; at++) {
    const token = code[at] as Token;
    out.push(token);
    const previous = out.findLast(({ text }, index) => text !== "" && index < out.length - 1);
    if (
      token.kind !== "name" ||
      !(previous === undefined || previous.kind === "directive" || is(previous, ";", "{", "}", ":"))
    )
      continue;
    const found = declarators(code, at);
    if (found === undefined || found.list.every(({ sizes }) => sizes.length === 0)) continue;
    const head = code.slice(at, found.first);
    const type = head.filter((it) => !is(it, ...qualifiers));
    const rest = head.filter((it) => is(it, ...qualifiers));
    const raw = unions.some(({ open, close }) => at > open && at < close);
    out.pop();
    out.push({ ...token, text: "" });
    for (const { name, sizes, initial } of found.list) {
      const whole = arrayOf(inline(type).replaceAll(" :: ", "::"), sizes, raw);
      out.push(...rest.map((it) => named({ ...it, before: " " }, it.text)), named({ ...name, before: " " }, whole));
      out.push({ ...name, before: " " }, ...initial, sign(";"));
    }
    at = found.end;
  }
  return out;
}

function arrayOf(type: string, sizes: readonly (readonly Token[])[], raw: boolean): string {
  return sizes.reduceRight((inner, size) => {
    if (size.length === 0) return `mql::Array<${inner}>`;
    return `mql::${raw ? "Raw" : "Fixed"}<${inner}, (${inline(size)})>`;
  }, type);
}

/** What C++ wants to be told in a type's body. */
function typeBodies(code: readonly Token[]): Token[] {
  const out = [...code];
  for (const { keyword, name, open, close } of bodies(code)) {
    const brace = code[open] as Token;
    if (keyword === "enum") {
      out[open] = { ...brace, text: ": int {" };
      continue;
    }
    let virtual = false;
    for (let at = open; keyword === "class" && at < close; at++) {
      if (!is(code[at], "~") || code[at + 1]?.text !== name || is(code[at - 1], "->", "::")) continue;
      virtual = true;
      if (!is(code[at - 1], "virtual")) out[at] = { ...(code[at] as Token), text: "virtual ~" };
    }
    const destructor = virtual ? "" : ` public: virtual ~${name}() = default; private:`;
    out[open] = { ...brace, text: keyword === "class" ? `{ MQL_CLASS(${name})${destructor}` : `{ MQL_STRUCT(${name})` };
  }
  return out;
}

/** `input T name = value;` */
function inputs(code: readonly Token[]): Token[] {
  const out: Token[] = [];
  for (let at = 0; at < code.length; at++) {
    const token = code[at] as Token;
    if (!is(token, "input", "sinput")) {
      out.push(token);
      continue;
    }
    const end = code.findIndex((it, index) => index > at && is(it, ";"));
    const grouped = is(code[at + 1], "group");
    const stop = grouped ? at + 2 : end;
    const [type, name, equals, ...initial] = code.slice(at + 1, stop);
    if (!grouped && (name?.kind !== "name" || !is(equals, "=") || end < 0))
      throw new Error(`line ${token.line}: an input is written: input TYPE NAME = VALUE;`);
    out.push(
      { ...token, text: grouped ? "" : `MQL_INPUT(${type?.text}, ${name?.text}, ${inline(initial)})` },
      ...(grouped ? [] : [sign(";")]),
    );
    at = stop;
  }
  return out;
}

/** Types and functions of the program, declared before all of it. */
function declarations(code: readonly Token[]): string[] {
  const types = bodies(code);
  const inType = (at: number): boolean => types.some(({ open, close }) => at > open && at < close);
  const lines = types
    .filter(({ open }) => !inType(open) && !isTemplate(code, open))
    .map(({ keyword, name }) => (keyword === "enum" ? `enum ${name} : int;` : `${keyword} ${name};`));
  let start = 0;
  for (let at = 0; at < code.length; at++) {
    if (code[at]?.kind === "directive" || is(code[at], ";", "}")) start = at + 1;
    if (!is(code[at], "{")) continue;
    const head = code.slice(start, at).filter(({ text }) => text !== "");
    if (isFunction(head)) lines.push(`${inline(head)};`);
    at = closing(code, at);
    start = at + 1;
  }
  return lines;
}

const isTemplate = (code: readonly Token[], open: number): boolean => {
  const start = code.slice(0, open).findLastIndex((it) => it.kind === "directive" || is(it, ";", "}"));
  return code.slice(start + 1, open).some((it) => is(it, "template"));
};

function isFunction(head: readonly Token[]): boolean {
  const open = head.findIndex((it) => is(it, "("));
  const other = ["=", "template", "class", "struct", "union", "enum", "MQL_INPUT"];
  return (
    open >= 2 &&
    is(head.at(-1), ")") &&
    head[open - 1]?.kind === "name" &&
    !head.slice(0, open).some((it) => is(it, "::")) &&
    !head.some((it) => is(it, ...other))
  );
}

/** The C++ of a program; `shims` are included before it. */
export function translate(file: string, shims: readonly string[] = []): string {
  const source = included(resolve(file));
  const classes = new Set(bodies(source).map(({ name }) => name));
  for (const [at, token] of source.entries()) {
    if (is(token, "class", "struct") && is(source[at + 2], ";")) classes.add(source[at + 1]?.text ?? "");
  }
  const code = inputs(arrayDeclarations(arrayParameters(exchanged(source, { classes }))));
  const headers = ["language.hpp", ...shims].map((header) => `#include ${JSON.stringify(header)}`);
  return [
    `// Written by translate.ts.`,
    ...headers,
    "namespace program {",
    "using namespace mql;",
    "using mql::color, mql::datetime, mql::string, mql::uchar, mql::uint, mql::ulong, mql::ushort;",
    ...declarations(code),
    written(typeBodies(code)),
    "}  // namespace program",
    "",
  ].join("\n");
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { shim: { type: "string", multiple: true, default: [] } },
  });
  const [file, out] = positionals;
  if (file === undefined || out === undefined)
    throw new Error("usage: translate.ts [--shim FILE.hpp]... FILE.mq5 OUT.cpp");
  writeFileSync(out, translate(file, values.shim));
}
