/** The words of an MQL5 file. Whitespace and comments lie before the word that they precede. */

type Kind = "name" | "number" | "string" | "character" | "punctuation" | "directive" | "end";

export interface Token {
  readonly kind: Kind;
  readonly text: string;
  readonly before: string;
  /** Of the file, from 1. */
  readonly line: number;
}

const spaces = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
/** A directive is a line, and those that a backslash joins to it. */
const directive = /#(?:[^\n\\/]|\\\r?\n|\\.|\/(?!\/))*/y;
const words: readonly (readonly [Kind, RegExp])[] = [
  ["number", /0[xX][0-9a-fA-F]+\w*|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\w*/y],
  ["character", /[DC]?'(?:[^'\\\n]|\\.)*'/y],
  ["string", /"(?:[^"\\\n]|\\.)*"/y],
  ["name", /[A-Za-z_]\w*/y],
  ["punctuation", /::|->|\+\+|--|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|##|[^\s\w]/y],
];

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** The last one is an "end". */
export function tokens(text: string, firstLine = 1): Token[] {
  const found: Token[] = [];
  let at = 0;
  let line = firstLine;
  const take = (kind: Kind, before: string, word: string): void => {
    line += count(before);
    found.push({ kind, text: word, before, line });
    line += count(word);
    at += word.length;
  };
  for (;;) {
    const before = match(spaces, text, at) ?? "";
    at += before.length;
    if (at >= text.length) {
      take("end", before, "");
      return found;
    }
    const startsLine = found.length === 0 || before.includes("\n");
    const line = startsLine ? match(directive, text, at) : undefined;
    if (line !== undefined) {
      take("directive", before, line);
      continue;
    }
    const word = words.map(([kind, pattern]) => [kind, match(pattern, text, at)] as const).find(([, it]) => it);
    if (word?.[1] === undefined) throw new Error(`line ${count(text.slice(0, at)) + 1}: no word begins here`);
    take(word[0], before, word[1]);
  }
}

/** Those of a directive's own text, which is one line to it. */
export function directiveTokens(text: string): Token[] {
  return tokens(text.replace(/\\\r?\n/g, " ")).slice(0, -1);
}

const count = (text: string): number => text.split("\n").length - 1;
