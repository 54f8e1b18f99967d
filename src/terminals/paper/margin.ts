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
import { type FinePrice, type Money, money, toFinePrice, toLots, type Volume } from "../../core/model/decimals.ts";
import type { Side } from "../../core/model/order.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";

/** A position, a pending order or an order about to be placed, as margin sees it. */
export interface MarginLeg {
  readonly spec: SymbolSpec;
  readonly side: Side;
  readonly volume: Volume;
  /** A position's open price, a pending order's price, the open side of the market for a market order. */
  readonly price: FinePrice;
  /** Margin currency to deposit currency, as it was when the leg last changed its volume: `Conversion.marginRate`. */
  readonly rate: number;
}

/** What of the account decides margin. */
export type MarginTerms = Pick<AccountInfo, "leverage" | "currencyDigits" | "marginMode">;

/** Orders need the initial margin, positions hold the maintenance margin (where one is set). */
export type MarginStage = "initial" | "maintenance";

/**
 * What one order needs for itself, whatever else is open: MetaTrader's OrderCalcMargin.
 * A pending order counts at the pending rate, normally 0.
 */
export function orderMargin(order: MarginLeg, terms: MarginTerms, kind: "market" | "pending" = "market"): Money {
  const { spec } = order;
  const multiplier = kind === "pending" ? spec.marginRates.pending.initial : marginRateOf(spec, order.side, "initial");
  return marginOf(gather([order]), toLots(order.volume), spec, terms, "initial", multiplier);
}

/** What the account holds for all its positions and pending orders. */
export function accountMargin(
  positions: readonly MarginLeg[],
  pendings: readonly MarginLeg[],
  terms: MarginTerms,
): Money {
  return total(positions, pendings, terms, "maintenance");
}

/**
 * What must be free for `order` to be opened beside what is open now; never below 0.
 *
 * It is the growth of the symbol's margin, at initial rates: an order against a
 * position may be free. Where a broker keeps a separate fixed maintenance margin,
 * the order is asked for its initial margin in full (server documentation, fixed
 * margins 1000, 500 and 500 hedged: with 1 bought, selling 2 needs 2000).
 */
export function marginToOpen(
  positions: readonly MarginLeg[],
  pendings: readonly MarginLeg[],
  order: MarginLeg,
  terms: MarginTerms,
): Money {
  const { spec } = order;
  const beside = positions.filter((leg) => leg.spec.name === spec.name);
  const waiting = pendings.filter((leg) => leg.spec.name === spec.name);
  if (terms.marginMode === "hedging" && spec.marginInitial > 0 && spec.marginMaintenance > 0) {
    return orderMargin(order, terms);
  }
  const after = terms.marginMode === "hedging" ? [...beside, order] : netted(beside, order);
  const growth = total(after, waiting, terms, "initial") - total(beside, waiting, terms, "initial");
  return Math.max(0, growth) as Money;
}

/** What is left of netting positions of one symbol once `order` has been executed against them. */
function netted(positions: readonly MarginLeg[], order: MarginLeg): readonly MarginLeg[] {
  const left: MarginLeg[] = [];
  let remaining = order.volume;
  for (const leg of positions) {
    const closed = leg.side === order.side ? 0 : Math.min(leg.volume, remaining);
    remaining = (remaining - closed) as Volume;
    if (leg.volume > closed) left.push({ ...leg, volume: (leg.volume - closed) as Volume });
  }
  return remaining > 0 ? [...left, { ...order, volume: remaining }] : left;
}

function total(
  positions: readonly MarginLeg[],
  pendings: readonly MarginLeg[],
  terms: MarginTerms,
  stage: MarginStage,
): Money {
  const open = Map.groupBy(positions, (leg) => leg.spec.name);
  const waiting = Map.groupBy(pendings, (leg) => leg.spec.name);
  let sum = 0;
  for (const name of new Set([...open.keys(), ...waiting.keys()])) {
    sum += symbolMargin(open.get(name) ?? [], waiting.get(name) ?? [], terms, stage);
  }
  return sum as Money;
}

/** MetaTrader's margin of one symbol, by the basic or by the larger-leg method. */
function symbolMargin(
  positions: readonly MarginLeg[],
  pendings: readonly MarginLeg[],
  terms: MarginTerms,
  stage: MarginStage,
): number {
  const spec = (positions[0] ?? pendings[0])?.spec;
  if (spec === undefined) return 0;
  const of = (legs: readonly MarginLeg[], side: Side) => gather(legs.filter((leg) => leg.side === side));
  const pending = (side: Side) => {
    const block = of(pendings, side);
    return marginOf(block, block.lots, spec, terms, "initial", spec.marginRates.pending.initial);
  };
  const buys = of(positions, "buy");
  const sells = of(positions, "sell");
  const ordinary = (block: Block, lots: number, side: Side) =>
    marginOf(block, lots, spec, terms, stage, marginRateOf(spec, side, stage));

  if (spec.marginHedgedUseLeg) {
    return Math.max(
      ordinary(buys, buys.lots, "buy") + pending("buy"),
      ordinary(sells, sells.lots, "sell") + pending("sell"),
    );
  }
  const larger: Side = buys.lots >= sells.lots ? "buy" : "sell";
  const uncovered = ordinary(larger === "buy" ? buys : sells, Math.abs(buys.lots - sells.lots), larger);
  const covered = hedgedMargin(gather(positions), Math.min(buys.lots, sells.lots), spec, terms, stage);
  return uncovered + covered + pending("buy") + pending("sell");
}

/** Legs that count as one: their volume and their averages by volume. */
interface Block {
  readonly lots: number;
  readonly price: number;
  readonly rate: number;
}

function gather(legs: readonly MarginLeg[]): Block {
  let volume = 0;
  let priced = 0;
  let rated = 0;
  for (const leg of legs) {
    volume += leg.volume;
    priced += leg.volume * toFinePrice(leg.price, leg.spec.digits);
    rated += leg.volume * leg.rate;
  }
  return volume === 0
    ? { lots: 0, price: 0, rate: 0 }
    : { lots: toLots(volume as Volume), price: priced / volume, rate: rated / volume };
}

/** Margin rate of a side; a maintenance rate of 0 means the initial one. */
function marginRateOf(spec: SymbolSpec, side: Side, stage: MarginStage): number {
  const { initial, maintenance } = spec.marginRates[side];
  return stage === "maintenance" && maintenance !== 0 ? maintenance : initial;
}

/** Converted, multiplied by the margin rate, rounded. */
function marginOf(
  block: Block,
  lots: number,
  spec: SymbolSpec,
  terms: MarginTerms,
  stage: MarginStage,
  multiplier: number,
): Money {
  if (lots === 0 || multiplier === 0) return 0 as Money;
  const base = lots * perLot(spec, block.price, terms.leverage, stage, spec.contractSize);
  return money(base * block.rate * multiplier, terms.currencyDigits);
}

/** The covered volume: at the average of all positions and the mean of the two sides' margin rates. */
function hedgedMargin(all: Block, lots: number, spec: SymbolSpec, terms: MarginTerms, stage: MarginStage): Money {
  if (lots === 0 || spec.marginHedged === 0) return 0 as Money;
  const mean = (marginRateOf(spec, "buy", stage) + marginRateOf(spec, "sell", stage)) / 2;
  const each =
    spec.marginInitial > 0
      ? fixed(spec, spec.marginHedged, terms.leverage)
      : perLot(spec, all.price, terms.leverage, stage, spec.marginHedged);
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
