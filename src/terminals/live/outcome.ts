/**
 * What became of a trade, from what the terminal says of its command.
 *
 * Only two things are certain: what the broker has answered, and what never left the
 * terminal. All else is doubt, and for the terminal's records to settle.
 */

import { type CommandResult, CommandStatus } from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { BridgeError } from "../../core/errors.ts";
import { isUnknown, retcodeName } from "../../core/model/retcodes.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import type { Outcome } from "../../core/ports/terminal.ts";
import { priceOf } from "./amounts.ts";
import { reasonOf } from "./requests.ts";

type Refused = Extract<Outcome, { kind: "refused" }>;

/** Placed, done, done in part. */
const done: ReadonlySet<number> = new Set([10008, 10009, 10010]);
const REQUOTE = 10004;
/** With a ticket: the order was taken, and canceled since it found nothing to fill it. Its records tell. */
const CANCELED = 10007;

/** Why a command certainly never reached the broker. */
const unsent: ReadonlyMap<number, string> = new Map([
  [CommandStatus.NOT_SENT, "the terminal did not let it out"],
  [CommandStatus.EXPIRED, "it reached the terminal too late"],
  [CommandStatus.WRONG_ACCOUNT, "another account is logged in at the terminal"],
  [CommandStatus.OVER_LIMIT, "it is over a limit that is set at the terminal"],
  [CommandStatus.UNSUPPORTED, "the terminal's side does not know how to"],
]);

/** Undefined: it was done. Throws when nobody knows. */
export function refusalIn(result: CommandResult, spec: SymbolSpec | undefined): Refused | undefined {
  const { status, retcode, comment, lastError, message } = result;
  const why = unsent.get(status);
  if (why !== undefined) {
    const code = lastError === 0 ? "" : ` (error ${lastError})`;
    const detail = message === "" ? "" : `: ${message}`;
    return { kind: "refused", retcode, message: `${why}; nothing was sent${code}${detail}` };
  }
  if (status !== CommandStatus.ANSWERED) {
    const interrupted = status === CommandStatus.INTERRUPTED;
    const what = interrupted ? "the terminal's side died over the command" : "the broker has not answered the terminal";
    throw new BridgeError("terminal_silent", message === "" ? what : `${what}: ${message}`);
  }
  if (done.has(retcode) || (retcode === CANCELED && result.order !== 0n)) return undefined;
  if (retcode === 0 || (result.order !== 0n && retcodeName(retcode).startsWith("RETCODE_"))) {
    throw new BridgeError("terminal_silent", `the terminal answered ${retcode}, which says nothing of the order`);
  }
  const text = comment === "" ? retcodeName(retcode) : comment;
  const reason = isUnknown(retcode) ? "" : reasonOf(retcode, spec);
  const refused: Refused = { kind: "refused", retcode, message: reason === "" ? text : `${text}: ${reason}` };
  if (retcode !== REQUOTE || spec === undefined || result.bid <= 0 || result.ask <= 0) return refused;
  return { ...refused, quote: { bid: priceOf(result.bid, spec.digits), ask: priceOf(result.ask, spec.digits) } };
}
