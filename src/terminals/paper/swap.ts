/**
 * Swap: what a night costs or earns.
 *
 * The night belongs to the weekday on which it starts, in the broker's time. Most
 * weekdays count once, one of them three times (it pays for the weekend), Saturday and
 * Sunday not at all: `swapRates` says so. Positive is a credit.
 *
 * The reopening modes move no money: the position is closed at the day's end and
 * opened again at a price that contains the swap.
 */
import { type FinePrice, type Price, toFinePrice, toLots, toPrice, type Volume } from "../../core/model/decimals.ts";
import type { Side } from "../../core/model/order.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import type { Conversion } from "./conversion.ts";
import { countsInTicks } from "./profit.ts";

export interface HeldPosition {
  readonly side: Side;
  readonly volume: Volume;
  readonly openPrice: FinePrice;
  /** The price it would close at, at the end of the day. */
  readonly currentPrice: Price;
}

/** Sunday is 0. */
export type Weekday = 0 | 1 | 2 | 3 | 4 | 5 | 6;

export type NightSwap =
  | { readonly kind: "none" }
  /** In the deposit currency, all of the night's multiples, not yet rounded. */
  | { readonly kind: "money"; readonly amount: number }
  /** The position reopens at its closing price, or at the bid, plus `shift` points (a buy's debit raises its price). */
  | { readonly kind: "reopen"; readonly from: "close" | "bid"; readonly shift: number }
  /** There is no way to convert; `currency` is what could not be converted. */
  | { readonly kind: "unconvertible"; readonly currency: string };

/**
 * The swap of the night that starts on `weekday` (MQL5 reference, ENUM_SYMBOL_SWAP_MODE).
 * `daysInYear` is the server's year for interest: 360, 365 or 366.
 */
export function nightSwap(
  spec: SymbolSpec,
  held: HeldPosition,
  weekday: Weekday,
  conversion: Conversion,
  daysInYear = 360,
): NightSwap {
  const multiple = spec.swapRates[weekday];
  const swap = held.side === "buy" ? spec.swapLong : spec.swapShort;
  if (spec.swapMode === "disabled" || multiple === 0 || swap === 0) return { kind: "none" };

  const lots = toLots(held.volume);
  const sum = (amount: number, currency: string, at = amount > 0 ? ("bid" as const) : ("ask" as const)): NightSwap => {
    const rate = conversion.rate(currency, at, spec);
    return rate === undefined
      ? { kind: "unconvertible", currency }
      : { kind: "money", amount: amount * multiple * rate };
  };

  switch (spec.swapMode) {
    case "points":
      return sum(lots * swap * perPoint(spec), spec.currencyProfit);
    case "currency_symbol":
      return sum(lots * swap, spec.currencyBase);
    case "currency_margin":
      return sum(lots * swap, spec.currencyMargin);
    case "currency_profit":
      return sum(lots * swap, spec.currencyProfit);
    case "currency_deposit":
      return sum(lots * swap, conversion.deposit);
    case "interest_current":
    case "interest_open": {
      const price =
        spec.swapMode === "interest_open"
          ? toFinePrice(held.openPrice, spec.digits)
          : toPrice(held.currentPrice, spec.digits);
      const { amount, currency } = cost(spec, price);
      return sum((lots * amount * swap) / 100 / daysInYear, currency, held.side === "buy" ? "bid" : "ask");
    }
    case "reopen_current":
    case "reopen_bid":
      return {
        kind: "reopen",
        from: spec.swapMode === "reopen_bid" ? "bid" : "close",
        shift: (held.side === "buy" ? -1 : 1) * swap * multiple || 0,
      };
    default: // a mode that has no word: symbol files know no such
      return { kind: "none" };
  }
}

/** Money of the profit currency per point and lot. */
function perPoint(spec: SymbolSpec): number {
  return countsInTicks(spec) ? spec.tickValue / spec.tickSize : spec.contractSize / 10 ** spec.digits;
}

/** What interest is paid on: the value of one lot. */
function cost(spec: SymbolSpec, price: number): { readonly amount: number; readonly currency: string } {
  switch (spec.calcMode) {
    case "forex":
    case "forex_no_leverage":
      return { amount: spec.contractSize, currency: spec.currencyBase };
    case "exch_bonds":
    case "exch_bonds_moex":
      return { amount: (spec.contractSize * spec.faceValue * price) / 100, currency: spec.currencyProfit };
    default:
      return {
        amount: countsInTicks(spec) ? price * perPoint(spec) * 10 ** spec.digits : spec.contractSize * price,
        currency: spec.currencyProfit,
      };
  }
}
