/**
 * The paper account and its symbols, from what people set.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { lots, money } from "../../core/model/decimals.ts";
import type { AccountAlias } from "../../core/model/ids.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import { currencyDigits } from "./currency.ts";
import { type BrokerSettings, frictionless } from "./settings.ts";
import { parseSymbolFile } from "./symbol-file.ts";
import { defaultSymbols } from "./symbols.ts";

/** What people set. Money is in the account's currency. */
export interface PaperOptions {
  readonly balance: number;
  readonly currency: string;
  readonly leverage: number;
  readonly marginMode: "hedging" | "netting";
  readonly marginCallPercent: number;
  readonly stopOutPercent: number;
  readonly commissionPerLot: number;
  readonly slippagePoints: number;
  readonly depthLots: number;
  readonly gaps: "market" | "order_price";
  readonly keepSessions: boolean;
}

export function paperSettings(options: PaperOptions, symbols: readonly SymbolSpec[]): BrokerSettings {
  const digits = currencyDigits(options.currency);
  return {
    ...frictionless,
    account: {
      alias: "paper" as AccountAlias,
      login: 1_000_001n,
      server: "Paper",
      name: "Paper trader",
      company: "mt5-bridge",
      currency: options.currency,
      currencyDigits: digits,
      leverage: options.leverage,
      tradeMode: "demo",
      marginMode: options.marginMode,
      stopOutMode: "percent",
      marginCallLevel: options.marginCallPercent,
      stopOutLevel: options.stopOutPercent,
      limitOrders: 200,
      live: false,
    },
    symbols,
    initialBalance: money(options.balance, digits),
    sessions: options.keepSessions,
    depth: lots(options.depthLots),
    slippage: options.slippagePoints,
    priceImprovement: options.gaps === "market",
    commissionPerLot: options.commissionPerLot,
  };
}

/** The symbols of that name. A file's specification goes before the built-in one. */
export function paperSymbols(names: readonly string[], files: readonly string[]): SymbolSpec[] {
  const known = new Map(defaultSymbols.map((spec) => [spec.name, spec]));
  for (const file of files) for (const spec of parseSymbolFile(file, textOf(file))) known.set(spec.name, spec);
  const wanted = names.flatMap((name) => (name === "*" ? [...known.keys()] : name));
  return [...new Set(wanted)].map((name) => {
    const spec = known.get(name);
    if (spec !== undefined) return spec;
    const all = [...known.keys()];
    const listed = all.length > 40 ? `${all.slice(0, 40).join(", ")} and ${all.length - 40} more` : all.join(", ");
    throw new Error(`PAPER_SYMBOLS: ${name} is not known; known are ${listed}; PAPER_SYMBOL_FILE can add more`);
  });
}

function textOf(file: string): string {
  const bytes = readFileSync(file);
  return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString("utf8");
}
