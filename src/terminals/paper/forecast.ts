import type { Valuation } from "../../core/model/account.ts";
import type { Money } from "../../core/model/decimals.ts";
import type { CheckResult } from "../../core/ports/terminal.ts";
import type { Appraisal } from "./appraisal.ts";
import type { Asked } from "./checks.ts";
import { commissionOf } from "./commission.ts";
import { retcodes } from "./retcodes.ts";
import type { BrokerSettings } from "./settings.ts";
import { marginLevelOf } from "./valuation.ts";

/** The account after the order, at the prices of now. Undefined: an order that opens nothing. */
export function forecast(
  asked: Asked | undefined,
  valuation: Valuation,
  appraisal: Appraisal,
  { account, commissionPerLot }: BrokerSettings,
): CheckResult {
  let { margin, equity } = valuation;
  let marginNeeded = 0 as Money;
  if (asked !== undefined && asked.opens > 0) {
    const { request, desk, opens } = asked;
    const pending = request.type !== "market";
    const price = (pending ? request.price : undefined) ?? desk.openSide(request.side);
    const kind = pending ? "pending" : "market";
    const prospect = { desk, side: request.side, volume: request.volume, price, kind } as const;
    marginNeeded = appraisal.needs({ ...prospect, volume: opens });
    margin = (margin + appraisal.required(prospect)) as Money;
    if (!pending) equity = (equity + commissionOf(commissionPerLot, opens, account.currencyDigits)) as Money;
  }
  const freeMargin = (equity - margin) as Money;
  const { code, text } = retcodes.accepted;
  const marginLevel = marginLevelOf(equity, margin);
  return { retcode: code, message: text, marginNeeded, margin, equity, freeMargin, marginLevel };
}
