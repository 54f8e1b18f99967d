/**
 * What the account is worth, from what it has and what is open.
 *
 * Everything is a sum of amounts that were rounded before, so the numbers a client
 * sees add up to the cent. The account's profit contains the positions' swap, because
 * equity is balance plus credit plus profit in everything a terminal has printed.
 */
import type { AccountInfo, PositionValue, Valuation } from "../../core/model/account.ts";
import { type Money, toMoney } from "../../core/model/decimals.ts";
import type { Instant } from "../../core/model/ids.ts";

export interface Holdings {
  readonly time: Instant;
  readonly balance: Money;
  readonly credit: Money;
  /** See `accountMargin`. */
  readonly margin: Money;
  /** Floating profit with swap. */
  readonly profit: Money;
  readonly positions: readonly PositionValue[];
}

/** MetaTrader's account values: equity, free margin and level follow from the rest. */
export function valuationOf(holdings: Holdings, account: AccountInfo): Valuation {
  const { balance, credit, margin, profit } = holdings;
  const equity = (balance + credit + profit) as Money;
  const marginLevel = marginLevelOf(equity, margin);
  const freeMargin = (equity - margin) as Money;
  const valuation: Valuation = { ...holdings, equity, freeMargin, marginLevel, marginCall: false };
  return { ...valuation, marginCall: isMarginCall(valuation, account) };
}

/** In percent; 0, not infinite, while no margin is used. */
export const marginLevelOf = (equity: Money, margin: Money): number => (margin === 0 ? 0 : (equity / margin) * 100);

type StopOutTerms = Pick<AccountInfo, "stopOutMode" | "marginCallLevel" | "stopOutLevel" | "currencyDigits">;

/** At or below the level. A state, not a measure: nothing is closed. */
export const isMarginCall = (valuation: Valuation, account: StopOutTerms): boolean =>
  atStake(valuation, account) && measure(valuation, account) <= account.marginCallLevel;

/** Below the level: the broker closes now. */
export const isStopOut = (valuation: Valuation, account: StopOutTerms): boolean =>
  atStake(valuation, account) && measure(valuation, account) < account.stopOutLevel;

/** What the levels are compared with: the margin level, or the equity as money. */
function measure(valuation: Valuation, account: StopOutTerms): number {
  return account.stopOutMode === "percent" ? valuation.marginLevel : toMoney(valuation.equity, account.currencyDigits);
}

/** An account without margin has no level to fall below; in money mode it is enough that something is open. */
function atStake(valuation: Valuation, account: StopOutTerms): boolean {
  return valuation.margin > 0 || (account.stopOutMode === "money" && valuation.positions.length > 0);
}
