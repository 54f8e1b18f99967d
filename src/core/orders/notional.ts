/**
 * What an order moves, in the account's currency.
 *
 * A conversion comes from a fresh quote of a pair of the two currencies, at the dearer side. Where there is none, or the
 * symbol is of a kind whose worth does not follow from its price, the answer is why not, and never a guess.
 */
import { type Price, toLots, toPrice } from "../model/decimals.ts";
import type { OrderRequest } from "../model/order.ts";
import type { CalcMode, SymbolSpec } from "../model/symbol.ts";
import type { Unnamed } from "../model/unnamed.ts";
import type { Prices } from "../ticks/prices.ts";

/** The currency of the account, and what there is to convert with. */
export interface Exchange {
  readonly currency: string;
  readonly symbols: ReadonlyMap<string, SymbolSpec>;
  readonly prices: Pick<Prices, "fresh">;
}

export type Notional = { readonly amount: number } | { readonly unknown: string };

/** Lots of these are worth units times price. */
const priced: ReadonlySet<CalcMode | Unnamed> = new Set([
  ...(["forex", "forex_no_leverage", "cfd", "cfd_index", "cfd_leverage", "exch_stocks", "exch_stocks_moex"] as const),
]);
/** Of these a tick is worth so much. */
const counted: ReadonlySet<CalcMode | Unnamed> = new Set(["futures", "exch_futures", "exch_futures_forts"]);

export function notionalOf(request: OrderRequest, exchange: Exchange): Notional {
  const spec = exchange.symbols.get(request.symbol);
  const price = spec && priceOf(request, exchange);
  if (spec === undefined || price === undefined) return { unknown: `there is no fresh quote of ${request.symbol}` };
  const { calcMode, contractSize, tickValue, tickSize, currencyProfit } = spec;
  const lots = toLots(request.volume);
  const amount = priced.has(calcMode)
    ? lots * contractSize * toPrice(price, spec.digits)
    : counted.has(calcMode)
      ? (lots * tickValue * price) / tickSize
      : undefined;
  if (amount === undefined)
    return { unknown: `the worth of ${spec.name} (${calcMode}) does not follow from its price` };
  const rate = rateOf(currencyProfit, exchange);
  if (rate !== undefined) return { amount: amount * rate };
  return { unknown: `no fresh quote converts ${currencyProfit} to ${exchange.currency}` };
}

/** The highest price at which it may execute, as far as it says. */
function priceOf(request: OrderRequest, { prices }: Exchange): Price | undefined {
  const { type, price, stopLimitPrice, side, symbol } = request;
  if (type !== "market") return Math.max(price ?? 0, stopLimitPrice ?? 0) as Price;
  const quote = prices.fresh(symbol);
  return side === "buy" ? quote?.ask : quote?.bid;
}

/** What one unit costs in the account's currency. */
function rateOf(currency: string, { currency: account, symbols, prices }: Exchange): number | undefined {
  if (currency === account) return 1;
  for (const { name, calcMode, currencyBase, currencyProfit, digits } of symbols.values()) {
    const converts = calcMode === "forex" || calcMode === "forex_no_leverage";
    const direct = currencyBase === currency && currencyProfit === account;
    const inverse = currencyBase === account && currencyProfit === currency;
    const quote = converts && (direct || inverse) ? prices.fresh(name) : undefined;
    if (quote === undefined || quote.bid <= 0) continue;
    return direct ? toPrice(quote.ask, digits) : 1 / toPrice(quote.bid, digits);
  }
  return undefined;
}
