/** The specifications of a terminal's symbols, as it tells them. */
import { create } from "@bufbuild/protobuf";
import {
  CommandStatus,
  type Symbol as Symbol_,
  SymbolsRequestSchema,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { unanswered } from "./commands.ts";
import type { Ask } from "./link.ts";
import { type NameRules, SymbolNames } from "./symbol-names.ts";

/** Names in one question. */
const most = 1000;

export interface SymbolsRead {
  readonly symbols: readonly Symbol_[];
  /** Asked for, and not known to the broker. */
  readonly unknown: readonly string[];
}

/** What the market watch shows, and of `wanted` (our names) what it does not. */
export async function readSymbols(ask: Ask, rules: NameRules, wanted: readonly string[]): Promise<SymbolsRead> {
  const { symbols: shown } = await readSymbolsNamed(ask, []);
  const told = new Set(shown.map(({ name }) => name));
  const names = new SymbolNames(rules, [...told]);
  const missing = wanted.map((ours) => names.brokers(ours)).filter((name) => !told.has(name));
  if (missing.length === 0) return { symbols: shown, unknown: [] };
  const { symbols, unknown } = await readSymbolsNamed(ask, missing.slice(0, most));
  return { symbols: [...shown, ...symbols], unknown };
}

/** By the broker's names; none: what the market watch shows. */
export async function readSymbolsNamed(ask: Ask, names: string[]): Promise<SymbolsRead> {
  const symbols = new Map<string, Symbol_>();
  const unknown: string[] = [];
  const value = create(SymbolsRequestSchema, { symbols: names });
  const { result } = await ask({ case: "symbols", value }, ({ answer }) => {
    if (answer.case !== "symbols") return;
    for (const symbol of answer.value.symbols) symbols.set(symbol.name, symbol);
    unknown.push(...answer.value.unknown);
  });
  if (result.status !== CommandStatus.ANSWERED) throw unanswered("its symbols were not read", result.message);
  return { symbols: [...symbols.values()], unknown };
}
