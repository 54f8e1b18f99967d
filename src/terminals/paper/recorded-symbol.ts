/**
 * Which file, of which symbol.
 *
 * `SYMBOL=path` and `path@SYMBOL` name the symbol; otherwise the file's content does, or
 * the longest known symbol that stands in its name, between characters that are neither
 * letter nor digit, or else in the name of a folder above it: eurusd-2014-05-02.csv,
 * DAT_ASCII_EURUSD_T_202001.csv, EURUSD/2019/01/04/10h_ticks.bi5.
 */
import { existsSync } from "node:fs";
import type { SymbolSpec } from "../../core/model/symbol.ts";

export interface NamedPath {
  readonly path: string;
  readonly symbol?: string;
}

/** A text that is the path of a file as it stands is that file. */
export function namedPath(text: string): NamedPath {
  if (existsSync(text)) return { path: text };
  const before = /^([^=/\\]+)=(.+)$/.exec(text);
  if (before !== null) return { symbol: (before[1] as string).trim(), path: (before[2] as string).trim() };
  const after = /^(.+)@([^@/\\]+)$/.exec(text);
  if (after !== null) return { symbol: (after[2] as string).trim(), path: (after[1] as string).trim() };
  return { path: text };
}

/** Throws when no known symbol is meant. `told` is what the content says. */
export function symbolOf(file: NamedPath, told: string | undefined, known: readonly SymbolSpec[]): SymbolSpec {
  const named = (name: string) => known.find((spec) => spec.name.toLowerCase() === name.toLowerCase());
  if (file.symbol !== undefined) {
    const spec = named(file.symbol);
    if (spec === undefined) throw new Error(`its symbol ${file.symbol} is not known; ${listed(known)}`);
    return spec;
  }
  const spec = (told === undefined ? undefined : named(told)) ?? inPath(file.path, known);
  if (spec !== undefined) return spec;
  const what = told === undefined ? "its name has no known symbol in it" : `its symbol ${told} is not known`;
  throw new Error(`${what}; ${listed(known)}; write SYMBOL=${file.path} to name it`);
}

function inPath(path: string, known: readonly SymbolSpec[]): SymbolSpec | undefined {
  const longestFirst = [...known].sort((a, b) => b.name.length - a.name.length);
  for (const part of path.toLowerCase().split(/[/\\]/).reverse()) {
    const found = longestFirst.find(({ name }) => stands(name.toLowerCase(), part));
    if (found !== undefined) return found;
  }
  return undefined;
}

function stands(name: string, text: string): boolean {
  const word = /[a-z0-9]/;
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const [before, after] = [text[at - 1], text[at + name.length]];
    if ((before === undefined || !word.test(before)) && (after === undefined || !word.test(after))) return true;
  }
  return false;
}

const most = 20;

function listed(known: readonly SymbolSpec[]): string {
  const names = known.slice(0, most).map((spec) => spec.name);
  const rest = known.length > most ? ` and ${known.length - most} more` : "";
  return `known are ${names.join(", ") || "none"}${rest}`;
}
