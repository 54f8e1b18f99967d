/**
 * What may go to a terminal: within the trading mode, and within the limits of its account and its strategy.
 *
 * An order is looked at in the turn in which its key is reserved, so that racing orders see each other, and its mode
 * once more in the turn in which it leaves: what was forbidden while the journal was writing is kept back.
 */
import { BridgeError } from "../errors.ts";
import type { AccountInfo } from "../model/account.ts";
import type { BrokerClock } from "../model/broker-clock.ts";
import type { ClientOrderId, Instant, OrderNumber } from "../model/ids.ts";
import type { NumberedOrder, Order, OrderChange, OrderRequest, Rejection, Stops } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import type { SymbolSpec } from "../model/symbol.ts";
import type { Prices } from "../ticks/prices.ts";
import type { Change } from "./change-book.ts";
import { onlyReduces, signOf } from "./reduction.ts";
import type { LimitSets } from "./risk-limits.ts";
import { broken, type Rule, rules, rulesOfChanges } from "./risk-rules.ts";
import type { ModeEntry, TradingModes } from "./trading-mode.ts";
import { named } from "./validate.ts";
import type { OwingBooks } from "./worst-position.ts";

declare const approved: unique symbol;

/** Something that has passed the risk checks. `approve` is its only source. */
export type Approved<T> = T & { readonly [approved]: true };

/** What the account as a whole allows at this moment. */
export interface Standing extends OwingBooks {
  /** The bridge is finishing what is open and takes no new work. */
  readonly draining: boolean;
  readonly linkUp: boolean;
  /** Why it is down. */
  readonly linkMessage: string;
  readonly info: AccountInfo;
  readonly symbols: ReadonlyMap<string, SymbolSpec>;
  readonly modes: TradingModes;
  readonly limits: LimitSets;
  readonly prices: Pick<Prices, "now" | "fresh">;
  readonly broker: BrokerClock;
  readonly now: Instant;
}

/** Throws while nothing can be sent, whatever it is. */
export function refuseAway({
  draining,
  linkUp,
  linkMessage,
}: Pick<Standing, "draining" | "linkUp" | "linkMessage">): void {
  if (draining) throw new BridgeError("draining", "the bridge is shutting down and takes no new orders");
  if (!linkUp) throw apart(linkMessage);
}

export function apart(why: string): BridgeError {
  const message = `the terminal is not connected${why === "" ? "" : `: ${why}`}; nothing was sent`;
  return new BridgeError("terminal_offline", message);
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
  const held = keptBack(request, standing);
  if (held !== undefined || onlyReduces(request, standing)) return held;
  return beyondLimits(request, standing, rules);
}

/** Why the order must not leave as things are now; `own` is its number when it is among the orders already. */
export function keptBack(request: OrderRequest, standing: Standing, own?: OrderNumber): Rejection | undefined {
  const entry = standing.modes.of(standing.info.alias, request.symbol);
  if (entry === undefined || entry.mode === "active") return undefined;
  if (entry.mode === "halted") return modeRejection(entry, "order");
  return onlyReduces(request, standing, own) ? undefined : modeRejection(entry, "order that may add to what is open");
}

/** Throws when the mode keeps the change back, or when an order's new prices are beyond the limits. */
export function allowChange(change: Change, standing: Standing): void {
  const { info, modes, orders, holdings } = standing;
  const position = change.kind === "stops" ? holdings.position(change.position) : undefined;
  const order = change.kind === "stops" ? undefined : orders.byTicket(change.order);
  const entry = modes.of(info.alias, (position ?? order)?.symbol ?? "");
  if (entry?.mode === "halted") throw refused(modeRejection(entry, "change and no cancel"));
  if (entry?.mode === "reduce_only") {
    if (change.kind === "modify") throw refused(modeRejection(entry, "change of an order"));
    if (change.kind === "stops" && !protectsAsMuch(position, change.to)) {
      throw refused(modeRejection(entry, "stop loss that is removed or goes farther away"));
    }
  }
  const moved = change.kind === "modify" && order !== undefined ? movedTo(order, change.to) : undefined;
  const beyond = moved && beyondLimits(moved, standing, rulesOfChanges);
  if (beyond !== undefined) throw refused(beyond);
}

/** The account's limits first, then those of the order's strategy. */
function beyondLimits(request: OrderRequest, standing: Standing, which: readonly Rule[]): Rejection | undefined {
  const { info, symbols, prices, limits, broker, now } = standing;
  for (const strategyId of [undefined, request.strategyId]) {
    const set = limits.of({ account: info.alias, ...(strategyId === undefined ? {} : { strategyId }) });
    const books = { books: standing, account: info, symbols, prices, broker, now };
    const rejection = broken(set, { request, strategyId, ...books }, which);
    if (rejection !== undefined) return rejection;
  }
  return undefined;
}

/** The order at its new prices; undefined when they stay. */
function movedTo(order: Order, { price, stopLimitPrice }: OrderChange): OrderRequest | undefined {
  if (order.type === "close_by" || (order.price === price && order.stopLimitPrice === stopLimitPrice)) return undefined;
  const { stopLimitPrice: _before, clientOrderId = "" as ClientOrderId, ...rest } = order;
  const [side, type] = [named("side", order.side), named("type", order.type)];
  const others = { filling: "auto", timeInForce: "gtc" } as const; // no rule of changes looks at them
  return {
    ...rest,
    ...others,
    side,
    type,
    clientOrderId,
    price,
    ...(stopLimitPrice === undefined ? {} : { stopLimitPrice }),
  };
}

/** The stop loss stays or comes closer. The take profit bounds no loss. */
function protectsAsMuch(position: Position | undefined, { stopLoss: after }: Stops): boolean {
  const before = position?.stopLoss;
  if (position === undefined || before === undefined) return true;
  return after !== undefined && signOf(named("side", position.side)) * (after - before) >= 0;
}

function modeRejection({ mode, account, symbol, reason, setBy }: ModeEntry, what: string): Rejection {
  const limit = mode.toUpperCase();
  const where = [account, symbol].filter((name) => name !== undefined).join(", ");
  const message = `trading is ${limit}${where === "" ? "" : ` (${where})`}, set by ${setBy}: ${reason}; no ${what} is sent`;
  const name = mode === "halted" ? "TRADING_HALTED" : limit;
  return { reason: name, retcode: 0, message, retriable: false, rule: "trading_mode", limit, value: what };
}

function refused({ reason, message, rule = "", limit = "", value = "" }: Rejection): BridgeError {
  return new BridgeError("risk_refused", message, { metadata: { rule, limit, value, risk_reason: reason } });
}
