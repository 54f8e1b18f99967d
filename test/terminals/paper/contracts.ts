/** Contracts and prices for tests: the default symbols, and what a case changes of them. */
import { type FinePrice, finePrice, type Price, price } from "../../../src/core/model/decimals.ts";
import type { SymbolSpec } from "../../../src/core/model/symbol.ts";
import { Conversion, type Quotes } from "../../../src/terminals/paper/conversion.ts";
import { defaultSymbols, marginRatesOf } from "../../../src/terminals/paper/symbols.ts";

export function contract(name: string, changes: Partial<SymbolSpec> = {}): SymbolSpec {
  const spec = defaultSymbols.find((symbol) => symbol.name === name);
  if (spec === undefined) throw new Error(`no default symbol ${name}`);
  return { ...spec, ...changes };
}

/** A currency pair: `pair("EUR", "USD")`, with a broker's suffix if need be. */
export function pair(base: string, quote: string, changes: Partial<SymbolSpec> = {}): SymbolSpec {
  const like = contract(quote === "JPY" ? "USDJPY" : "EURUSD");
  const currencies = { currencyBase: base, currencyProfit: quote, currencyMargin: base };
  return { ...like, name: `${base}${quote}`, ...currencies, ...changes };
}

/** The typical index and coin without their discounts: margin is the notional. */
export const atFullMargin = (name: string, changes: Partial<SymbolSpec> = {}): SymbolSpec =>
  contract(name, { marginRates: marginRatesOf(1), ...changes });

export const at = (spec: SymbolSpec, value: number): Price => price(value, spec.digits);
export const fineAt = (spec: SymbolSpec, value: number): FinePrice => finePrice(value, spec.digits);

/** Converts into `deposit` at fixed quotes, each [symbol, bid, ask]. */
export function market(deposit: string, ...quoted: readonly (readonly [SymbolSpec, number, number])[]): Conversion {
  const find = (name: string) => quoted.find(([spec]) => spec.name === name);
  const quotes: Quotes = {
    bid: (name) => {
      const row = find(name);
      return row && price(row[1], row[0].digits);
    },
    ask: (name) => {
      const row = find(name);
      return row && price(row[2], row[0].digits);
    },
  };
  return new Conversion(
    quoted.map(([spec]) => spec),
    quotes,
    deposit,
  );
}
