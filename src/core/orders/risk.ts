/**
 * What may go to a terminal.
 *
 * An order is looked at in the turn in which its key is reserved, and again in the turn in which it leaves: what was
 * forbidden while the journal was writing is kept back.
 */
import { BridgeError } from "../errors.ts";
import type { AccountAlias, OrderNumber } from "../model/ids.ts";
import type { NumberedOrder, OrderRequest, Rejection, Stops } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import type { Change } from "./change-book.ts";
import { type Books, onlyReduces, signOf } from "./reduction.ts";
import type { ModeEntry, TradingModes } from "./trading-mode.ts";

declare const approved: unique symbol;

/** Something that has passed the risk checks. `approve` is its only source. */
export type Approved<T> = T & { readonly [approved]: true };

/** What the account as a whole allows at this moment. */
export interface Standing extends Books {
  /** The bridge is finishing what is open and takes no new work. */
  readonly draining: boolean;
  readonly linkUp: boolean;
  readonly account: AccountAlias;
  readonly modes: TradingModes;
}

/** Throws while nothing can be sent, whatever it is. */
export function refuseAway({ draining, linkUp }: Pick<Standing, "draining" | "linkUp">): void {
  if (draining) throw new BridgeError("draining", "the bridge is shutting down and takes no new orders");
  if (!linkUp) throw new BridgeError("terminal_offline", "the terminal is not connected; nothing was sent");
}

/** Lets an order through to the terminal, or says why not. */
export function approve(
  order: NumberedOrder,
  standing: Standing,
): Approved<NumberedOrder> | { readonly rejection: Rejection } {
  const rejection = refusal(order.request, standing);
  return rejection === undefined ? (order as Approved<NumberedOrder>) : { rejection };
}

/** Why the order must not be placed. */
export function refusal(request: OrderRequest, standing: Standing): Rejection | undefined {
  return keptBack(request, standing);
}

/** Why the order must not leave as things are now; `own` is its number when it is among the orders already. */
export function keptBack(request: OrderRequest, standing: Standing, own?: OrderNumber): Rejection | undefined {
  const entry = standing.modes.of(standing.account, request.symbol);
  if (entry === undefined || entry.mode === "active") return undefined;
  if (entry.mode === "halted") return modeRejection(entry, "order");
  return onlyReduces(request, standing, own) ? undefined : modeRejection(entry, "order that may add to what is open");
}

/** Throws when the mode keeps the change back. */
export function allowChange(change: Change, { account, modes, orders, holdings }: Standing): void {
  const position = change.kind === "stops" ? holdings.position(change.position) : undefined;
  const order = change.kind === "stops" ? undefined : orders.byTicket(change.order);
  const entry = modes.of(account, (position ?? order)?.symbol ?? "");
  if (entry === undefined || entry.mode === "active") return;
  if (entry.mode === "reduce_only") {
    if (change.kind === "cancel") return;
    if (change.kind === "stops" && protectsAsMuch(position, change.to)) return;
  }
  const { reason, message, rule = "", limit = "", value = "" } = modeRejection(entry, whatIs[change.kind]);
  throw new BridgeError("risk_refused", message, { metadata: { rule, limit, value, risk_reason: reason } });
}

const whatIs: Record<Change["kind"], string> = {
  cancel: "cancel",
  modify: "change of an order",
  stops: "stop loss that is removed or farther away",
};

/** The stop loss stays or comes closer. The take profit bounds no loss. */
function protectsAsMuch(position: Position | undefined, { stopLoss: after }: Stops): boolean {
  const before = position?.stopLoss;
  if (position === undefined || before === undefined) return true;
  return after !== undefined && signOf(position.side) * (after - before) >= 0;
}

function modeRejection({ mode, account, symbol, reason, setBy }: ModeEntry, what: string): Rejection {
  const limit = mode.toUpperCase();
  const where = [account, symbol].filter((name) => name !== undefined).join(", ");
  const message = `trading is ${limit}${where === "" ? "" : ` (${where})`}, set by ${setBy}: ${reason}; no ${what} is sent`;
  const name = mode === "halted" ? "TRADING_HALTED" : limit;
  return { reason: name, retcode: 0, message, retriable: false, rule: "trading_mode", limit, value: what };
}
