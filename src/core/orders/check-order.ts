/** A dry run: everything that placing an order would go through, and nothing sent. */
import type { Rejection } from "../model/order.ts";
import { isTransient, retcodeName } from "../model/retcodes.ts";
import type { CheckResult } from "../ports/terminal.ts";
import type { OrderDraft } from "./draft.ts";
import type { OrderDesk } from "./order-desk.ts";
import { approve } from "./risk.ts";
import { validate } from "./validate.ts";

export async function checkOrder(
  desk: OrderDesk,
  draft: OrderDraft,
): Promise<{ readonly rejection: Rejection | undefined; readonly after: CheckResult }> {
  const request = approve(validate(draft, desk.symbol(draft.symbol)), desk.standing);
  const after = await desk.command((signal) => desk.terminal.check(request, signal));
  const { retcode, message } = after;
  const rejection = { reason: retcodeName(retcode), retcode, message, retriable: isTransient(retcode) };
  return { rejection: retcode === 0 ? undefined : rejection, after };
}
