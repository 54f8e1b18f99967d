/**
 * Margin: what an order needs and what open positions hold, in the deposit currency.
 *
 * Per symbol, positions of one direction count together at their average price.
 * Opposite positions cover each other: the covered part costs the hedged margin, the
 * rest the ordinary one (or the larger leg counts alone, where the symbol says so).
 *
 * Always true:
 *   - A position's conversion rate is frozen until its volume changes, so margin does
 *     not move with the conversion pair. Every leg brings its own rate.
 *   - The covered, the uncovered and the pending part are each rounded; a total is a
 *     sum of rounded amounts.
 *   - A netting account has at most one position per symbol and passes through the
 *     same formulas.
 *
 * Known limit: the discount of the FORTS futures mode needs the clearing price, which
 * a specification does not carry; they count as plain exchange futures.
 *
 * The index mode multiplies the contract size by the tick value over the tick size, as
 * the reference has it: there the tick value is that of one unit, not of one lot.
 */
import type { AccountInfo } from "../../core/model/account.ts";
import { type Money, money, toFinePrice } from "../../core/model/decimals.ts";
import type { Side } from "../../core/model/order.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import { LegSum, type Weighed } from "./leg-sum.ts";

/**
 * A position, a pending order or an order about to be placed, as margin sees it. Its price is a position's open price, a
 * pending order's price, the open side of the market for a market order; its rate is as it was when the leg last changed
 * its volume (`Conversion.marginRate`).
 */
export interface MarginLeg extends Weighed {
  readonly spec: SymbolSpec;
  readonly side: Side;
}

export type Sides = Readonly<Record<Side, LegSum>>;

/** What is open and waiting on one symbol. */
export interface SymbolLegs {
  readonly spec: SymbolSpec;
  readonly positions: Sides;
  readonly pendings: Sides;
}

/** What of the account decides margin. */
export type MarginTerms = Pick<AccountInfo, "leverage" | "currencyDigits" | "marginMode">;

/** Orders need the initial margin, positions hold the maintenance margin (where one is set). */
type MarginStage = "initial" | "maintenance";

/**
 * What one order needs for itself, whatever else is open: MetaTrader's OrderCalcMargin.
 * A pending order counts at the pending rate, normally 0.
 */
export function orderMargin(order: MarginLeg, terms: MarginTerms, kind: "market" | "pending" = "market"): Money {
  const { spec } = order;
  const multiplier = kind === "pending" ? spec.marginRates.pending.initial : marginRateOf(spec, order.side, "initial");
  const legs = LegSum.of([order]);
  return marginOf(legs, legs.lots, spec, terms, "initial", multiplier);
}

/** What the account holds for all its positions and pending orders. */
export function accountMargin(symbols: Iterable<SymbolLegs>, terms: MarginTerms): Money {
  let sum = 0;
  for (const symbol of symbols) sum += symbolMargin(symbol, terms, "maintenance");
  return sum as Money;
}

/**
 * What must be free for `order` to be opened beside what is open now; never below 0.
 *
 * It is the growth of the symbol's margin, at initial rates: an order against a
 * position may be free. Where a broker keeps a separate fixed maintenance margin,
 * the order is asked for its initial margin in full (server documentation, fixed
 * margins 1000, 500 and 500 hedged: with 1 bought, selling 2 needs 2000).
 */
export function marginToOpen(symbol: SymbolLegs, order: MarginLeg, terms: MarginTerms): Money {
  const { spec, positions } = symbol;
  const hedging = terms.marginMode === "hedging";
  if (hedging && spec.marginInitial > 0 && spec.marginMaintenance > 0) return orderMargin(order, terms);
  const after = { ...symbol, positions: hedging ? beside(positions, order) : netted(positions, order) };
  const growth = symbolMargin(after, terms, "initial") - symbolMargin(symbol, terms, "initial");
  return Math.max(0, growth) as Money;
}

const beside = (positions: Sides, order: MarginLeg): Sides => ({
  ...positions,
  [order.side]: positions[order.side].with(LegSum.of([order])),
});

/** What is left of netting a symbol's position once `order` has been executed against it. */
function netted(positions: Sides, order: MarginLeg): Sides {
  const against = order.side === "buy" ? "sell" : "buy";
  const opens = Math.max(0, order.volume - positions[against].volume) as MarginLeg["volume"];
  return { ...beside(positions, { ...order, volume: opens }), [against]: positions[against].less(order.volume) };
}

/** MetaTrader's margin of one symbol, by the basic or by the larger-leg method. */
function symbolMargin({ spec, positions, pendings }: SymbolLegs, terms: MarginTerms, stage: MarginStage): number {
  const pending = (side: Side) => {
    const legs = pendings[side];
    return marginOf(legs, legs.lots, spec, terms, "initial", spec.marginRates.pending.initial);
  };
  const { buy, sell } = positions;
  const ordinary = (legs: LegSum, lots: number, side: Side) =>
    marginOf(legs, lots, spec, terms, stage, marginRateOf(spec, side, stage));

  if (spec.marginHedgedUseLeg) {
    return Math.max(
      ordinary(buy, buy.lots, "buy") + pending("buy"),
      ordinary(sell, sell.lots, "sell") + pending("sell"),
    );
  }
  const larger: Side = buy.lots >= sell.lots ? "buy" : "sell";
  const uncovered = ordinary(positions[larger], Math.abs(buy.lots - sell.lots), larger);
  const covered = hedgedMargin(buy.with(sell), Math.min(buy.lots, sell.lots), spec, terms, stage);
  return uncovered + covered + pending("buy") + pending("sell");
}

/** Margin rate of a side; a maintenance rate of 0 means the initial one. */
function marginRateOf(spec: SymbolSpec, side: Side, stage: MarginStage): number {
  const { initial, maintenance } = spec.marginRates[side];
  return stage === "maintenance" && maintenance !== 0 ? maintenance : initial;
}

const priceOf = (legs: LegSum, spec: SymbolSpec): number => toFinePrice(legs.price, spec.digits);

/** Converted, multiplied by the margin rate, rounded. */
function marginOf(
  legs: LegSum,
  lots: number,
  spec: SymbolSpec,
  terms: MarginTerms,
  stage: MarginStage,
  multiplier: number,
): Money {
  if (lots === 0 || multiplier === 0) return 0 as Money;
  const base = lots * perLot(spec, priceOf(legs, spec), terms.leverage, stage, spec.contractSize);
  return money(base * legs.rate * multiplier, terms.currencyDigits);
}

/** The covered volume: at the average of all positions and the mean of the two sides' margin rates. */
function hedgedMargin(all: LegSum, lots: number, spec: SymbolSpec, terms: MarginTerms, stage: MarginStage): Money {
  if (lots === 0 || spec.marginHedged === 0) return 0 as Money;
  const mean = (marginRateOf(spec, "buy", stage) + marginRateOf(spec, "sell", stage)) / 2;
  const each =
    spec.marginInitial > 0
      ? fixed(spec, spec.marginHedged, terms.leverage)
      : perLot(spec, priceOf(all, spec), terms.leverage, stage, spec.marginHedged);
  return money(lots * each * all.rate * mean, terms.currencyDigits);
}

/** A fixed margin; the leveraged modes divide it like the formula it replaces. */
function fixed(spec: SymbolSpec, amount: number, leverage: number): number {
  return spec.calcMode === "forex" || spec.calcMode === "cfd_leverage" ? amount / leverage : amount;
}

/** Margin of one lot in the margin currency. MQL5 reference, ENUM_SYMBOL_CALC_MODE and SYMBOL_MARGIN_INITIAL. */
function perLot(spec: SymbolSpec, price: number, leverage: number, stage: MarginStage, contractSize: number): number {
  if (spec.calcMode === "serv_collateral") return 0;
  if (spec.marginInitial > 0) {
    const maintains = stage === "maintenance" && spec.marginMaintenance > 0;
    return fixed(spec, maintains ? spec.marginMaintenance : spec.marginInitial, leverage);
  }
  switch (spec.calcMode) {
    case "forex":
      return contractSize / leverage;
    case "forex_no_leverage":
      return contractSize;
    case "cfd_leverage":
      return (contractSize * price) / leverage;
    case "cfd_index":
      return (contractSize * price * spec.tickValue * 10 ** spec.digits) / spec.tickSize;
    case "futures":
    case "exch_futures":
    case "exch_futures_forts":
      return stage === "maintenance" ? spec.marginMaintenance : 0;
    case "exch_bonds":
    case "exch_bonds_moex":
      return (contractSize * spec.faceValue * price) / 100;
    default:
      return contractSize * price;
  }
}
