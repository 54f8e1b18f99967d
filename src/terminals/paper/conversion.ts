/**
 * From a symbol's currencies to the account's.
 *
 * A rate is what one unit of a currency is worth in the deposit currency: at the
 * bid for who sells it, at the ask for who buys it. The client always gets the worse
 * side: a profit is sold at the bid, a loss is bought at the ask, the margin of a
 * buy is reckoned at the ask and of a sell at the bid.
 *
 * Always true:
 *   - Only pairs in the forex calculation modes convert.
 *   - A pair of the traded symbol's own suffix comes first, then the alphabet; a
 *     pair without quotes is passed over.
 *   - Direct pair before inverse pair before two steps through the dollar.
 *   - Where there is no way, the answer is undefined, never a guess: the caller
 *     decides what cannot be valued.
 */
import { type FinePrice, fine, type Price, toFinePrice, toPrice } from "../../core/model/decimals.ts";
import type { Side } from "../../core/model/order.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import { tradedCurrency } from "./currency.ts";
import { countsInTicks } from "./profit.ts";

/** The newest prices; undefined before a symbol's first tick. */
export interface Quotes {
  bid(symbol: string): Price | undefined;
  ask(symbol: string): Price | undefined;
}

/** The side of the market at which a currency is turned into another. */
export type RateSide = "bid" | "ask";

/** What one tick of one lot is worth in the deposit currency, winning and losing. */
export interface TickValue {
  readonly profit: number;
  readonly loss: number;
}

export class Conversion {
  readonly deposit: string;
  readonly #quotes: Quotes;
  /** The qualifying symbols by "BASE/PROFIT", in the alphabet's order. */
  readonly #pairs = new Map<string, SymbolSpec[]>();

  constructor(symbols: readonly SymbolSpec[], quotes: Quotes, deposit: string) {
    this.deposit = deposit;
    this.#quotes = quotes;
    const qualifying = symbols.filter(canConvert).sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const spec of qualifying) {
      const key = `${spec.currencyBase}/${spec.currencyProfit}`;
      const known = this.#pairs.get(key);
      if (known === undefined) this.#pairs.set(key, [spec]);
      else known.push(spec);
    }
  }

  /** What one unit of `currency` is worth in the deposit currency. `traded` only decides between pairs of several suffixes. */
  rate(currency: string, at: RateSide, traded?: SymbolSpec): number | undefined {
    const from = tradedCurrency(currency);
    const to = tradedCurrency(this.deposit);
    const rate = this.#rate(from.currency, to.currency, at, traded === undefined ? "" : suffixOf(traded));
    return rate === undefined ? undefined : (rate * from.factor) / to.factor;
  }

  /**
   * The rate for a profit (or loss) in the symbol's profit currency.
   *
   * "By market", the worse side for the client; but "by deal" when `closePrice` is
   * given and the traded symbol is itself the pair that converts: a USDCHF position
   * of a dollar account converts at the price at which it closes.
   */
  profitRate(spec: SymbolSpec, profit: number, closePrice?: Price): number | undefined {
    if (closePrice !== undefined) {
      const own = ownRate(spec, spec.currencyProfit, this.deposit, fine(closePrice));
      if (own !== undefined) return own;
    }
    return this.rate(spec.currencyProfit, profit > 0 ? "bid" : "ask", spec);
  }

  /** A profit in the symbol's profit currency, in the deposit currency, not yet rounded. */
  profitToDeposit(spec: SymbolSpec, profit: number, closePrice?: Price): number | undefined {
    const rate = this.profitRate(spec, profit, closePrice);
    return rate === undefined ? undefined : profit * rate;
  }

  /**
   * The rate for margin: the ask for buys, the bid for sells, or the deal's own price
   * where the traded symbol is itself the pair that converts. A position keeps it
   * until its volume changes (see `MarginLeg`).
   */
  marginRate(spec: SymbolSpec, side: Side, dealPrice?: FinePrice): number | undefined {
    if (dealPrice !== undefined) {
      const own = ownRate(spec, spec.currencyMargin, this.deposit, dealPrice);
      if (own !== undefined) return own;
    }
    return this.rate(spec.currencyMargin, side === "buy" ? "ask" : "bid", spec);
  }

  /** MetaTrader's trade_tick_value_profit and _loss: by market, for one lot. */
  tickValue(spec: SymbolSpec): TickValue | undefined {
    const value = countsInTicks(spec) ? spec.tickValue : toPrice(spec.tickSize, spec.digits) * spec.contractSize;
    const profit = this.profitRate(spec, 1);
    const loss = this.profitRate(spec, -1);
    return profit === undefined || loss === undefined ? undefined : { profit: value * profit, loss: value * loss };
  }

  #rate(from: string, to: string, at: RateSide, suffix: string): number | undefined {
    if (from === to) return 1;
    const single = this.#oneStep(from, to, at, suffix);
    if (single !== undefined || from === "USD" || to === "USD") return single;
    const first = this.#oneStep(from, "USD", at, suffix);
    const second = this.#oneStep("USD", to, at, suffix);
    return first === undefined || second === undefined ? undefined : first * second;
  }

  #oneStep(from: string, to: string, at: RateSide, suffix: string): number | undefined {
    const direct = this.#quote(`${from}/${to}`, at, suffix);
    if (direct !== undefined) return direct;
    const inverse = this.#quote(`${to}/${from}`, at === "bid" ? "ask" : "bid", suffix);
    return inverse === undefined ? undefined : 1 / inverse;
  }

  #quote(pair: string, at: RateSide, suffix: string): number | undefined {
    const candidates = this.#pairs.get(pair);
    if (candidates === undefined) return undefined;
    const own = candidates.filter((spec) => suffixOf(spec) === suffix);
    for (const spec of [...own, ...candidates]) {
      const points = at === "bid" ? this.#quotes.bid(spec.name) : this.#quotes.ask(spec.name);
      if (points !== undefined && points > 0) return toPrice(points, spec.digits);
    }
    return undefined;
  }
}

const canConvert = (spec: SymbolSpec): boolean => spec.calcMode === "forex" || spec.calcMode === "forex_no_leverage";

/** The rate `price` gives when the symbol itself is the pair between the two currencies. */
function ownRate(spec: SymbolSpec, from: string, to: string, price: FinePrice): number | undefined {
  if (from === to) return 1;
  if (!canConvert(spec) || price <= 0) return undefined;
  const value = toFinePrice(price, spec.digits);
  if (spec.currencyBase === from && spec.currencyProfit === to) return value;
  if (spec.currencyBase === to && spec.currencyProfit === from) return 1 / value;
  return undefined;
}

/** What a broker adds to the plain name: ".r" of "EURUSD.r", ".cash" of "US500.cash". */
function suffixOf(spec: SymbolSpec): string {
  const plain = spec.currencyBase + spec.currencyProfit;
  if (spec.name.startsWith(plain)) return spec.name.slice(plain.length);
  return /[._#].*$/.exec(spec.name)?.[0] ?? "";
}
