/** A dry run: everything that placing an order would go through, and nothing sent. */
import type { Adjustment, Rejection } from "../model/order.ts";
import { isTransient, retcodeName } from "../model/retcodes.ts";
import type { CheckResult } from "../ports/terminal.ts";
import type { OrderDraft } from "./draft.ts";
import type { OrderDesk } from "./order-desk.ts";
import { refusal, refuseAway } from "./risk.ts";
import { validate } from "./validate.ts";

export interface Checked {
  readonly rejection: Rejection | undefined;
  readonly after: CheckResult;
  /** What would be changed before it is sent. */
  readonly adjustments: readonly Adjustment[];
}

export async function checkOrder(desk: OrderDesk, draft: OrderDraft): Promise<Checked> {
  const { standing } = desk;
  refuseAway(standing);
  const request = validate(draft, desk.symbol(draft.symbol));
  const refused = refusal(request, standing);
  const after = await desk.command((signal) => desk.terminal.check(request, signal));
  const { retcode, message } = after;
  const rejection = { reason: retcodeName(retcode), retcode, message, retriable: isTransient(retcode) };
  return {
    rejection: refused ?? (retcode === 0 ? undefined : rejection),
    after,
    adjustments: request.adjustments ?? [],
  };
}
