/**
 * What a price difference is worth, in the symbol's profit currency.
 *
 * Swap and commission are no part of it. The result is rounded to the decimals of
 * the profit currency before anything is converted, as the trade server does it: a
 * cent of the profit currency is the smallest thing a position can earn.
 */
import {
  type FinePrice,
  fine,
  type Price,
  roundHalfAway,
  toFinePrice,
  toLots,
  type Volume,
} from "../../core/model/decimals.ts";
import type { Side } from "../../core/model/order.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import { currencyDigits } from "./currency.ts";

/** The calculation modes whose money comes from the tick value, not from the contract size. */
export function countsInTicks(spec: Pick<SymbolSpec, "calcMode">): boolean {
  switch (spec.calcMode) {
    case "futures":
    case "exch_futures":
    case "exch_futures_forts":
    case "exch_options":
    case "exch_options_margin":
      return true;
    default:
      return false;
  }
}

/** Whether the symbol's floating profit follows the last deal's price instead of the bid and the ask. */
export const followsLast = (spec: SymbolSpec): boolean => spec.calcMode.startsWith("exch_");

/**
 * The profit of `volume` opened at `open` and closed at `close`, in the profit
 * currency, rounded to `digits` (of that currency).
 *
 * MQL5 reference, ENUM_SYMBOL_CALC_MODE. In the forex modes each leg is rounded by
 * itself, as the server's documentation has it; a bond's accrued interest is the
 * same at both ends and falls out.
 */
export function profitOf(
  spec: SymbolSpec,
  side: Side,
  volume: Volume,
  open: FinePrice,
  close: Price,
  digits: number = currencyDigits(spec.currencyProfit),
): number {
  const direction = side === "buy" ? 1 : -1;
  const lots = toLots(volume);
  const round = (value: number) => roundHalfAway(value, digits);
  const finePoints = fine(close) - open;
  const difference = toFinePrice(finePoints as FinePrice, spec.digits);

  if (countsInTicks(spec)) {
    return round((direction * finePoints * lots * spec.tickValue) / (1000 * spec.tickSize));
  }
  switch (spec.calcMode) {
    case "forex":
    case "forex_no_leverage": {
      const worth = (at: FinePrice) => round(toFinePrice(at, spec.digits) * spec.contractSize * lots);
      return round(direction * (worth(fine(close)) - worth(open)));
    }
    case "exch_bonds":
    case "exch_bonds_moex":
      return round((direction * difference * spec.faceValue * spec.contractSize * lots) / 100);
    case "serv_collateral":
      return 0;
    default:
      return round(direction * difference * spec.contractSize * lots);
  }
}
