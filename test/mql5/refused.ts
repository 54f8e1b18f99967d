/**
 * What MetaEditor refuses and g++ takes.
 *
 * MQL5 looks like C++ and is less: a program that compiles here may still be no program there, and there is no MetaEditor
 * to ask. These rules are what the public reference and the public book of MQL5 say that the language does not have; where
 * they say nothing, what is not documented is refused too. What g++ refuses in the translation anyway has no rule here,
 * but where the rule says it better.
 *
 * A rule finds words: it has no types of expressions, so that it errs where a name is used for two things.
 */
import { readFileSync } from "node:fs";
import { type Body, bodies, closing, is, type Place, parts, places, type Routine, routines } from "./syntax.ts";
import { directiveTokens, type Token, tokens } from "./tokens.ts";

export interface SourceText {
  readonly path: string;
  readonly text: string;
}

interface Source {
  readonly path: string;
  readonly code: readonly Token[];
  /** The words of the code and those that its macros stand for. */
  readonly words: readonly Token[];
  readonly where: readonly Place[];
  readonly bodies: readonly Body[];
  readonly routines: readonly Routine[];
}

/** What the files together declare. */
interface Program {
  readonly types: ReadonlyMap<string, string>;
  /** Structures, classes and unions that have a constructor. */
  readonly constructed: ReadonlySet<string>;
  /** Those, and those that hold strings, arrays without a size, pointers, or one of these. */
  readonly unlisted: ReadonlySet<string>;
  readonly routines: ReadonlyMap<string, readonly Routine[]>;
  /** Of its types, functions, constants, macros and of what a constructor sets. */
  readonly names: ReadonlySet<string>;
}

type Rule = (source: Source, program: Program) => Iterable<Token | undefined>;

const builtIn = new Set(
  "bool char uchar short ushort int uint long ulong float double string datetime color void".split(" "),
);
/** Those that must not be names of anything. */
const reserved = new Set(
  (
    `${[...builtIn].join(" ")} class enum struct union const private protected public virtual delete override final ` +
    "extern input sinput static break case continue default do dynamic_cast else for if new offsetof operator pack return " +
    "sizeof switch while this true false template typename typedef group namespace interface export goto matrix vector complex"
  ).split(" "),
);
/** Words of C++ that MQL5 does not know, or knows otherwise. */
const foreign = new Set(
  (
    "auto nullptr constexpr consteval constinit decltype noexcept explicit friend mutable register volatile typeid " +
    "static_cast const_cast reinterpret_cast try catch throw using static_assert thread_local unsigned signed wchar_t " +
    "char8_t char16_t char32_t size_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t goto inline asm " +
    "alignas alignof concept requires co_await co_return co_yield and or not xor bitand bitor compl std namespace interface " +
    "__func__ __attribute__ __VA_ARGS__ typedef export extern"
  ).split(" "),
);

/** Functions, constants and types that the public reference has, of those that programs here use: look a name up there first. */
const documented = new Set(
  readFileSync(new URL("documented.txt", import.meta.url), "utf8")
    .split("\n")
    .filter((it) => !it.startsWith("#")),
);
const isStatement = (token: Token): boolean =>
  is(token, "if", "for", "while", "switch", "return", "sizeof", "operator", "delete");

const where = function* (source: Source, finds: (at: number, code: readonly Token[]) => boolean): Iterable<Token> {
  for (const at of source.code.keys()) if (finds(at, source.code)) yield source.code[at] as Token;
};
const word =
  (finds: (token: Token, at: number, words: readonly Token[]) => boolean): Rule =>
  (source) =>
    source.words.filter(finds);
const isObject = ({ types }: Program, name: string | undefined): boolean =>
  name !== undefined && (["struct", "class", "union"].includes(types.get(name) ?? "") || /^Mql[A-Z]/.test(name));
const isType = (program: Program, name: string | undefined): boolean =>
  name !== undefined && (builtIn.has(name) || program.types.has(name) || /^(Mql|ENUM_)[A-Z]/.test(name));
/** `TYPE NAME`, and not the beginning of a function. */
const declares = (program: Program, code: readonly Token[], at: number): boolean =>
  isType(program, code[at]?.text) && code[at + 1]?.kind === "name" && !is(code[at - 1], ".", "::", "new");
const parametersOf = (source: Source) => source.routines.flatMap(({ parameters }) => parameters);

/** From the operand's end at `at` back to its first word. */
function operandStart(code: readonly Token[], at: number): number {
  let depth = 0;
  for (let start = at; start >= 0; start--) {
    if (is(code[start], ")", "]")) depth++;
    if (is(code[start], "(", "[")) depth--;
    if (depth === 0 && code[start]?.kind !== "punctuation" && !is(code[start - 1], ".", "::")) return start;
  }
  return 0;
}

const limits: Readonly<Record<string, readonly [bigint, bigint]>> = {
  char: [-128n, 127n],
  uchar: [0n, 255n],
  short: [-32768n, 32767n],
  ushort: [0n, 65535n],
  int: [-(2n ** 31n), 2n ** 32n - 1n],
  uint: [0n, 2n ** 32n - 1n],
};

/** What can be handed to a parameter by reference: a variable, or a member or an element of one. */
function isVariable(argument: readonly Token[]): boolean {
  if (argument[0]?.kind !== "name" || is(argument[0], "true", "false", "NULL", "new")) return false;
  for (let at = 1; at < argument.length; at++) {
    if (is(argument[at], "[")) at = closing(argument, at);
    else if (is(argument[at], ".") && argument[at + 1]?.kind === "name") at++;
    else return false;
  }
  return true;
}

export const rules: Readonly<Record<string, Rule>> = {
  "a word of C++ that MQL5 does not have": word((it, at, words) => foreign.has(it.text) && !is(words[at - 1], ".")),
  "an arrow: members of pointers too are behind a point": word((it) => is(it, "->")),
  "an ellipsis": word((it, at, words) => is(it, ".") && is(words[at + 1], ".")),
  "an attribute or a lambda": word((it, at, words) => is(it, "[") && !isIndex(words, at)),
  "a suffix of a whole number": word(
    (it) => it.kind === "number" && /^(?:0[xX][0-9a-fA-F]+|\d+)(?:[uUlL]+|[uU]?[lL]+)$/.test(it.text),
  ),
  "a number in two's or with separators": word(
    (it, at, words) =>
      it.kind === "number" &&
      (/^0[bB]/.test(it.text) || (words[at + 1]?.before === "" && words[at + 1]?.text.startsWith("'") === true)),
  ),
  "a prefix of a string": word(
    (it, at, words) =>
      (it.kind === "string" || it.kind === "character") &&
      it.before === "" &&
      /^(?:u8|[uULR]|u8R|[uUL]R)$/.test(words[at - 1]?.text ?? ""),
  ),
  "a string beyond ASCII: the file may be read by the computer's own code page": word(
    (it) => (it.kind === "string" || it.kind === "character") && /[^\t\x20-\x7e]/.test(it.text),
  ),
  "a name of more than 63 characters": word((it) => it.kind === "name" && it.text.length > 63),

  "a name that neither the program nor the reference of MQL5 has": (source, program) =>
    source.words.filter((it, at, words) => {
      if (it.kind !== "name" || is(words[at - 1], ".", "::")) return false;
      const called = is(words[at + 1], "(") && !isStatement(it) && !declares(program, words, at - 1);
      const looksForeign = called || /^(?:[A-Z][A-Z0-9_]*|Mql[A-Z]\w*)$/.test(it.text);
      return looksForeign && !documented.has(it.text) && !program.names.has(it.text) && !builtIn.has(it.text);
    }),

  "a directive that there is not": (source) =>
    source.code.filter(
      (it) =>
        it.kind === "directive" && !/^#\s*(?:define|undef|ifdef|ifndef|else|endif|include|property)\b/.test(it.text),
    ),
  "an include in angle brackets, or of what is not .mqh": (source) =>
    source.code.filter(
      (it) => it.kind === "directive" && /^#\s*include/.test(it.text) && !/"[^"]+\.mqh"\s*$/.test(it.text),
    ),
  "a macro over several lines": (source) =>
    source.code.filter((it) => it.kind === "directive" && /\\\r?\n/.test(it.text)),

  "a reserved word as a name": (source, program) =>
    where(source, (at, code) => {
      const next = code[at + 1];
      const last = code[at];
      if (!isType(program, last?.text) || next?.kind !== "name" || !reserved.has(next.text)) return false;
      return is(code[at + 2], ";", "=", ",", ")", "[", "(") && !is(next, "operator", "const");
    }),
  "more than one base": (source) =>
    where(source, (at, code) => {
      if (!is(code[at], "class", "struct") || !is(code[at + 2], ":")) return false;
      const head = code.slice(at, at + code.slice(at).findIndex((it) => is(it, "{")));
      return head.some((it) => is(it, ","));
    }),
  "an enumeration without a name, with a type or as a class": (source) =>
    where(source, (at, code) => is(code[at], "enum") && (!is(code[at + 2], "{", ";") || code[at + 1]?.kind !== "name")),
  "a template but of typenames": (source) =>
    where(source, (at, code) => {
      if (!is(code[at], "template")) return false;
      const close = code.findIndex((it, index) => index > at && is(it, ">"));
      const list = parts(code.slice(at + 2, close));
      return list.length === 0 || list.some(([first, , ...more]) => !is(first, "typename") || more.length > 0);
    }),
  "a member that is set where it is declared": (source) =>
    where(
      source,
      (at, code) =>
        is(code[at], "=") && source.where[at] === "type" && !isPureVirtual(code, at) && !inBrackets(code, at),
    ),
  "a function that is defaulted": (source) =>
    where(source, (at, code) => is(code[at], "=") && is(code[at + 1], "default")),
  "a variable beside the definition of its structure's end": (source) =>
    source.bodies.filter(({ close }) => !is(source.code[close + 1], ";")).map(({ close }) => source.code[close]),
  "a string, an array without a size, a pointer or what has a constructor in a union": (source, program) =>
    source.bodies
      .filter(({ keyword }) => keyword === "union")
      .flatMap(({ open, close }) =>
        source.code.slice(open, close).filter((it, at, all) => {
          if (is(it, "string") || program.constructed.has(it.text)) return true;
          return is(it, "*") || (is(it, "[") && is(all[at + 1], "]"));
        }),
      ),

  "an array that is handed over by value": (source) =>
    parametersOf(source).flatMap(({ array, reference, type }) => (array && !reference ? [type] : [])),
  "an object that is handed over by value": (source, program) =>
    parametersOf(source).flatMap(({ type, reference, pointer }) =>
      isObject(program, type.text) && !reference && !pointer ? [type] : [],
    ),
  "a pointer to what is no class": (source, program) =>
    where(source, (at, code) => {
      if (!is(code[at + 1], "*") || is(code[at - 1], ".") || !isType(program, code[at]?.text)) return false;
      const declared = code[at + 2]?.kind === "name" || is(code[at + 2], "&", ")", ">", "*");
      return declared && program.types.get(code[at]?.text ?? "") !== "class";
    }),
  "a reference that is no parameter": (source, program) =>
    where(source, (at, code) => {
      if (!is(code[at], "&") || !isType(program, code[at - 1]?.text) || code[at + 1]?.kind !== "name") return false;
      return !source.routines.some(({ open }) => at > open && at < closing(code, open));
    }),
  "a default of a reference": (source) =>
    source.routines.flatMap(({ open }) =>
      parts(source.code.slice(open + 1, closing(source.code, open)))
        .filter((part) => part.some((it) => is(it, "&")) && part.some((it) => is(it, "=")))
        .map(([first]) => first),
    ),
  "a function that answers an array": (source, program) =>
    where(source, (at, code) => is(code[at], "[") && is(code[at + 1], "]") && isType(program, code[at - 1]?.text)),
  "a value where a variable is wanted, for a parameter by reference": (source, program) =>
    where(source, (at, code) => {
      const name = code[at]?.text ?? "";
      if (code[at]?.kind !== "name" || !is(code[at + 1], "(") || source.where[at] !== "code") return false;
      const known = program.routines.get(name);
      if (known === undefined || is(code[at - 1], "new") || isType(program, code[at - 1]?.text)) return false;
      const given = parts(code.slice(at + 2, closing(code, at + 1)));
      const fitting = known.filter(({ parameters }) => parameters.length >= given.length);
      return (
        fitting.length > 0 &&
        fitting.every(({ parameters }) => given.some((it, index) => parameters[index]?.reference && !isVariable(it)))
      );
    }),

  "an object of more than numbers, or with a constructor, that is set from a list or zeroed": (source, program) =>
    where(source, (at, code) => {
      const declared = declares(program, code, at) && is(code[at + 2], "=") && is(code[at + 3], "{");
      if (declared) return program.unlisted.has(code[at]?.text ?? "");
      return is(code[at], "ZeroMemory") && program.constructed.has(typeOf(source, program, code[at + 2], at) ?? "");
    }),
  "an object that is copied in brackets: that needs a constructor, an = does not": (source, program) =>
    where(source, (at, code) => {
      if (!declares(program, code, at) || !is(code[at + 2], "(") || source.where[at] !== "code") return false;
      const given = parts(code.slice(at + 3, closing(code, at + 2)));
      return (
        given.length === 1 && typeOf(source, program, given[0]?.[0], at) === code[at]?.text && given[0]?.length === 1
      );
    }),
  "a function that answers an object of a class": (source, program) =>
    source.routines
      .filter(({ open }) => program.types.get(source.code[open - 2]?.text ?? "") === "class")
      .map(({ open }) => source.code[open - 2]),
  "a list of values but behind the = of a declaration": (source, program) =>
    where(source, (at, code) => {
      if (!is(code[at], "{") || source.where[at + 1] === "enum") return false;
      if (is(code[at - 1], "return", "(")) return true;
      if (is(code[at - 1], "=")) {
        const start = operandStart(code, at - 2);
        return !(isType(program, code[start - 1]?.text) || is(code[at - 2], "]"));
      }
      return code[at - 1]?.kind === "name" && declares(program, code, at - 2) && source.where[at] === "code";
    }),
  "a variable of the program that is set by a function": (source, program) =>
    where(source, (at, code) => {
      if (!is(code[at], "(") || source.where[at] !== "program" || code[at - 1]?.kind !== "name") return false;
      const start = code.findLastIndex((it, index) => index < at && (it.kind === "directive" || is(it, ";", "}")));
      const assigned = code.slice(start + 1, at).findIndex((it) => is(it, "="));
      return (
        assigned >= 0 &&
        !inBrackets(code, start + 1 + assigned) &&
        !isType(program, code[at - 1]?.text) &&
        !is(code[at - 1], "sizeof")
      );
    }),
  "the address or the value of a pointer": (source) =>
    where(source, (at, code) => {
      if (!is(code[at], "&", "*") || (code[at + 1]?.kind !== "name" && !is(code[at + 1], "("))) return false;
      if (source.where[at] !== "code") return false;
      return is(code[at - 1], "=", "(", ",", "return", "!", "&&", "||", ";", "{", "}", "?", ":", "+", "-");
    }),
  "an array of new objects": (source) =>
    where(
      source,
      (at, code) => (is(code[at], "delete") && is(code[at + 1], "[")) || (is(code[at], "new") && is(code[at + 2], "[")),
    ),
  "a size of a variable: of a dynamic array it is not the array's": (source, program) =>
    where(source, (at, code) => is(code[at], "sizeof") && !isType(program, code[at + 2]?.text)),
  "a string among the cases of a switch": (source) =>
    where(source, (at, code) => is(code[at], "case") && code[at + 1]?.kind === "string"),
  "a loop over a range": (source) =>
    where(source, (at, code) => {
      if (!is(code[at], "for") || !is(code[at + 1], "(")) return false;
      const head = code.slice(at + 2, closing(code, at + 1));
      return head.filter((it) => is(it, ";")).length !== 2;
    }),
  "a literal that its type does not hold": (source) =>
    where(source, (at, code) => {
      const range = limits[code[at]?.text ?? ""];
      if (range === undefined || code[at + 1]?.kind !== "name" || !is(code[at + 2], "=")) return false;
      const negative = is(code[at + 3], "-");
      const number = code[negative ? at + 4 : at + 3];
      if (number?.kind !== "number" || !/^(?:0[xX][0-9a-fA-F]+|\d+)$/.test(number.text)) return false;
      if (!is(code[negative ? at + 5 : at + 4], ";", ",")) return false;
      const value = BigInt(number.text) * (negative ? -1n : 1n);
      return value < range[0] || value > range[1];
    }),
  "an array of more than four dimensions": (source) =>
    where(source, (at, code) => {
      let end = at + 1;
      let count = 0;
      for (; is(code[end], "["); count++) end = closing(code, end) + 1;
      return code[at]?.kind === "name" && count > 4;
    }),
  "functions that differ by what they answer alone": (source, program) =>
    source.routines.flatMap(({ name, start, parameters }) =>
      (program.routines.get(name.text) ?? [])
        .filter((other) => other.name !== name && signature(other.parameters) === signature(parameters))
        .filter((other) => answers.get(other) !== undefined && answers.get(other) !== source.code[start]?.text)
        .map(() => name),
    ),
};

/** What a function of the program, not of a class, answers. */
const answers = new WeakMap<Routine, string>();
const signature = (parameters: Routine["parameters"]): string =>
  parameters.map(({ type, pointer, array }) => `${type.text}${pointer ? "*" : ""}${array ? "[]" : ""}`).join();

const isIndex = (words: readonly Token[], at: number): boolean => {
  const last = words[at - 1];
  return (last?.kind === "name" && !is(last, "return", "delete")) || is(last, "]", ")");
};
const isPureVirtual = (code: readonly Token[], at: number): boolean =>
  is(code[at - 1], ")", "const") && is(code[at + 1], "0");

function inBrackets(code: readonly Token[], at: number): boolean {
  let depth = 0;
  for (let back = at; back >= 0 && !is(code[back], ";", "{", "}"); back--) {
    if (is(code[back], ")", "]")) depth++;
    if (is(code[back], "(", "[") && --depth < 0) return true;
  }
  return false;
}

/** The type that a name was last declared with before `at`. */
function typeOf({ code }: Source, program: Program, name: Token | undefined, at: number): string | undefined {
  const declared = code.findLastIndex(
    (it, index) => index < at && it.text === name?.text && declares(program, code, index - 1),
  );
  return code[declared - 1]?.text;
}

function sourceOf({ path, text }: SourceText): Source {
  const code = tokens(text).filter(({ kind }) => kind !== "end");
  const words = code.flatMap((token) => {
    if (token.kind !== "directive") return [token];
    const body = /^#\s*define\s+\w+(?:\([^)]*\))?([\s\S]*)$/.exec(token.text)?.[1] ?? "";
    return directiveTokens(body).map((it) => ({ ...it, line: token.line }));
  });
  return { path, code, words, where: places(code), bodies: bodies(code), routines: routines(code) };
}

function programOf(sources: readonly Source[]): Program {
  const types = new Map(
    sources.flatMap((source) => source.bodies.map(({ name, keyword }) => [name, keyword] as const)),
  );
  const all = new Map<string, Routine[]>();
  for (const { code, where: place, routines: found } of sources) {
    for (const routine of found) {
      all.set(routine.name.text, [...(all.get(routine.name.text) ?? []), routine]);
      const own = place[routine.open] === "program" && !is(code[routine.open - 2], "::");
      if (own) answers.set(routine, code[routine.start]?.text ?? "");
    }
  }
  const constructed = new Set([...types.keys()].filter((name) => all.has(name)));
  const unlisted = new Set(constructed);
  for (let before = -1; before < unlisted.size; ) {
    before = unlisted.size;
    for (const { code, where: place, bodies: own } of sources) {
      for (const { name, open, close } of own.filter(({ keyword }) => keyword !== "enum")) {
        const holds = code.some((it, at) => {
          if (at <= open || at >= close || place[at] !== "type" || inBrackets(code, at - 1)) return false;
          const member = is(code[at + 2], ";", ",", "[");
          return (
            (member && (is(it, "string") || unlisted.has(it.text))) ||
            is(it, "*") ||
            (is(it, "[") && is(code[at + 1], "]"))
          );
        });
        if (holds) unlisted.add(name);
      }
    }
  }
  const names = new Set([...types.keys(), ...all.keys()]);
  for (const { code, where: place } of sources) {
    for (const [at, it] of code.entries()) {
      const macro = /^#\s*define\s+(\w+)(?:\(([^)]*)\))?/.exec(it.text);
      if (it.kind === "directive") for (const name of macro?.slice(1).join().split(/\W+/) ?? []) names.add(name);
      else if (place[at] === "enum" || place[at] === "type" || is(code[at - 1], "typename")) names.add(it.text);
      else if (code[at - 1]?.kind === "name" && !isStatement(code[at - 1] as Token)) names.add(it.text);
    }
  }
  return { types, constructed, unlisted, routines: all, names };
}

/** Each finding as `FILE:LINE: RULE (WORD)`, for files that make a program together. */
export function refused(files: readonly SourceText[]): string[] {
  const sources = files.map(sourceOf);
  const program = programOf(sources);
  return sources.flatMap((source) =>
    Object.entries(rules).flatMap(([rule, find]) =>
      [...find(source, program)].flatMap((it) =>
        it === undefined ? [] : [`${source.path}:${it.line}: ${rule} (${it.text.split("\n")[0]})`],
      ),
    ),
  );
}
