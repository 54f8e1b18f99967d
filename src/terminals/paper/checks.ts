/**
 * Whether an order may be placed: the rules in the order in which they are asked.
 *
 * The first rule that objects gives the answer, so of two faults always the same one
 * is named. A rule sees the order and the broker as it is now and changes nothing;
 * `check` asks the same rules as `submit`.
 */

import { toBrokerTime } from "../../core/model/broker-clock.ts";
import type { Volume } from "../../core/model/decimals.ts";
import type { Instant } from "../../core/model/ids.ts";
import type { Filling, OrderRequest, Side } from "../../core/model/order.ts";
import { fillingOf } from "../../core/orders/filling.ts";
import type { Appraisal, Prospect } from "./appraisal.ts";
import type { Books } from "./books.ts";
import { commissionOf } from "./commission.ts";
import type { Desk } from "./desk.ts";
import { expiryOf } from "./expiry.ts";
import { isQuotable, pendingFault, positionFrozen, stopsAllowed, stopsFault } from "./levels.ts";
import { isClosing, opposite } from "./positions.ts";
import type { Position } from "./records.ts";
import type { Refusal, Retcode } from "./retcodes.ts";
import type { BrokerSettings } from "./settings.ts";

/** The broker at the moment of a request. */
export interface Floor {
  readonly settings: BrokerSettings;
  readonly books: Books;
  readonly appraisal: Appraisal;
  readonly now: Instant;
  readonly desk: (symbol: string) => Desk | undefined;
  /** Whether the symbol is traded now. */
  readonly isOpen: (desk: Desk) => boolean;
  /** More requests in this second than the broker takes. */
  readonly flooded: boolean;
}

/** An order as it was asked, and what it would do. */
export interface Asked {
  readonly request: OrderRequest;
  readonly desk: Desk;
  readonly filling: Filling | undefined;
  /** The position it would close or shrink. */
  readonly target: Position | undefined;
  /** The part of the volume that would open or grow a position. */
  readonly opens: Volume;
}

type Answer = Retcode | Refusal | undefined;
type Rule = (asked: Asked, floor: Floor) => Answer;

const PRINTABLE = /^[\x20-\x7e]{0,31}$/;

/** What concerns the account, whatever is asked. */
export function accountFault({ settings, flooded }: Floor): Refusal | undefined {
  if (!settings.algoAllowed) return { retcode: "server_disables_algo" };
  if (!settings.tradeAllowed) return { retcode: "trade_disabled" };
  return flooded ? { retcode: "too_many_requests" } : undefined;
}

/** Whether the symbol can be dealt in now. */
export function marketFault(desk: Desk, floor: Floor): Refusal | undefined {
  if (!floor.isOpen(desk)) return { retcode: "market_closed" };
  if (!desk.quoted) return { retcode: "price_off", detail: `no quote of ${desk.spec.name} yet` };
  if (!floor.appraisal.convertible(desk.spec)) {
    return { retcode: "price_off", detail: `no rate from ${desk.spec.currencyProfit} or ${desk.spec.currencyMargin}` };
  }
  return undefined;
}

function isMalformed(request: OrderRequest, { account }: BrokerSettings): boolean {
  const { type, position, positionBy, comment, deviation, volume } = request;
  if (!PRINTABLE.test(comment) || !(deviation >= 0) || !Number.isSafeInteger(volume)) return true;
  if (position !== undefined && type !== "market") return true;
  return positionBy !== undefined && (position === undefined || account.marginMode !== "hedging");
}

const permission: Rule = ({ request, desk, target, opens }, { settings }) => {
  const { tradeMode } = desk.spec;
  if (tradeMode === "disabled") return "trade_disabled";
  if (opens === 0) return undefined;
  if (tradeMode === "long_only" && request.side === "sell") return "long_only";
  if (tradeMode === "short_only" && request.side === "buy") return "short_only";
  if (tradeMode !== "close_only") return undefined;
  const shrinks = settings.account.marginMode !== "hedging" && request.type !== "market" && target !== undefined;
  return shrinks ? undefined : "close_only";
};

const market: Rule = ({ desk }, floor) => marketFault(desk, floor);

const orderMode: Rule = ({ request, desk, opens }) => {
  if (!desk.spec.orderModes.includes(request.type)) return "invalid_order";
  return opens > 0 && !stopsAllowed(desk.spec, request) ? "invalid_order" : undefined;
};

const filling: Rule = (asked) => (asked.filling === undefined ? "invalid_fill" : undefined);

const expiration: Rule = ({ request, desk }, { now }) => {
  if (request.type === "market") return undefined;
  return expirationFault(desk, request, now) ? "invalid_expiration" : undefined;
};

/** A lifetime that the symbol does not offer, that is not named, or that is over. */
export function expirationFault(
  { spec }: Desk,
  asked: Pick<OrderRequest, "timeInForce" | "expireTime">,
  now: Instant,
): boolean {
  if (!spec.expirationModes.includes(asked.timeInForce)) return true;
  if (asked.timeInForce === "gtc" || asked.timeInForce === "day") return false;
  return asked.expireTime === undefined || expiryOf({ ...asked, setupTime: now }, spec) <= toBrokerTime(now);
}

const volume: Rule = ({ request, desk, target }) => {
  const { volumeMin, volumeMax, volumeStep } = desk.spec;
  const lots = request.volume;
  if (lots <= 0 || lots > volumeMax) return "invalid_volume";
  const closes = target !== undefined && lots <= target.volume;
  if (lots < volumeMin && !closes) return "invalid_volume";
  return lots % volumeStep === 0 || (closes && lots === target.volume) ? undefined : "invalid_volume";
};

/** Only the executions that ask for a price look at it. */
const price: Rule = ({ request, desk }) => {
  if (request.type !== "market") return pendingFault(desk, { ...request, type: request.type });
  const { execution } = desk.spec;
  if (execution === "market" || execution === "exchange") return undefined;
  return request.price === undefined || !isQuotable(desk.spec, request.price) ? "invalid_price" : undefined;
};

const stops: Rule = ({ request, desk, opens }) => {
  if (opens === 0) return undefined;
  const market = desk.closeSide(request.side);
  const from = request.type === "market" ? market : (request.stopLimitPrice ?? request.price ?? market);
  return stopsFault(desk.spec, request.side, from, request);
};

const target: Rule = ({ request, desk, target }) => {
  if (request.position === undefined) return undefined;
  if (target === undefined) return "position_closed";
  if (target.symbol !== desk.spec.name || target.side === request.side) return "invalid";
  return request.volume > target.volume ? "invalid_close_volume" : undefined;
};

const closeOrders: Rule = ({ request, target }, { books }) => {
  if (request.position === undefined || target === undefined) return undefined;
  const closing = closingVolume(books, target);
  return closing > 0 && closing + request.volume > target.volume ? "close_order_exists" : undefined;
};

/** What active orders will still close of the position. */
export function closingVolume(books: Books, position: Position): number {
  let sum = 0;
  for (const order of books.of(position.symbol).orders) {
    if (isClosing(order) && order.position === position.identifier && order.side !== position.side) {
      sum += order.remaining;
    }
  }
  return sum;
}

const fifo: Rule = ({ request, desk, target }, { settings }) => {
  if (!settings.fifo || settings.account.marginMode !== "hedging") return undefined;
  if (request.position === undefined || target === undefined) return undefined;
  const oldest = desk.holdings.positions.find((each) => each.side === target.side);
  return oldest?.ticket === target.ticket ? undefined : "fifo_close";
};

const hedging: Rule = ({ request, desk, opens }, { settings }) => {
  if (settings.hedgeAllowed || settings.account.marginMode !== "hedging" || opens === 0) return undefined;
  const against = (each: { readonly side: Side }) => each.side !== request.side;
  const { positions, orders } = desk.holdings;
  return positions.some(against) || orders.some(against) ? "hedge_prohibited" : undefined;
};

const freeze: Rule = ({ request, desk, target }) =>
  target !== undefined && request.type === "market" && positionFrozen(desk, target) ? "frozen" : undefined;

const orderLimit: Rule = ({ request }, { settings, books }) => {
  const { limitOrders } = settings.account;
  return request.type !== "market" && limitOrders > 0 && books.pendings >= limitOrders ? "limit_orders" : undefined;
};

/** Each direction counts alone: an opposite position makes no room. */
const volumeLimit: Rule = ({ request, desk, opens }) => {
  const { volumeLimit } = desk.spec;
  if (volumeLimit === 0 || opens === 0) return undefined;
  let sum: number = request.volume;
  for (const { side, volume } of desk.holdings.positions) if (side === request.side) sum += volume;
  for (const { side, remaining } of desk.holdings.orders) if (side === request.side) sum += remaining;
  return sum > volumeLimit ? "limit_volume" : undefined;
};

const positionLimit: Rule = ({ request, desk, opens }, { settings, books }) => {
  if (opens === 0 || settings.limitPositions === 0) return undefined;
  if (settings.account.marginMode === "hedging") {
    return books.positions.size + books.pendings >= settings.limitPositions ? "limit_positions" : undefined;
  }
  return request.type === "market" && isFull(desk, settings, books) ? "limit_positions" : undefined;
};

/** Netting counts positions only; a symbol that is already open stays tradable. */
export const isFull = (desk: Desk, settings: BrokerSettings, books: Books): boolean =>
  settings.limitPositions > 0 &&
  settings.account.marginMode !== "hedging" &&
  desk.holdings.positions.length === 0 &&
  books.positions.size >= settings.limitPositions;

const funds: Rule = ({ request, desk, opens }, floor) => {
  if (opens === 0) return undefined;
  const at = request.type === "market" ? desk.openSide(request.side) : request.price;
  if (at === undefined) return "invalid_price";
  const kind = request.type === "market" ? "market" : "pending";
  return fundsFault({ desk, side: request.side, volume: request.volume, price: at, kind }, opens, floor);
};

/** What needs no margin is never refused for money. */
export function fundsFault(prospect: Prospect, opens: Volume, floor: Floor): Refusal | undefined {
  const { appraisal, settings } = floor;
  const required = appraisal.required(prospect);
  if (required === 0) return undefined;
  const digits = settings.account.currencyDigits;
  const cost = prospect.kind === "market" ? commissionOf(settings.commissionPerLot, opens, digits) : 0;
  const free = appraisal.free(prospect.instead);
  if (free + cost - required >= 0) return undefined;
  const money = (amount: number) => (amount / 10 ** digits).toFixed(digits);
  return { retcode: "no_money", detail: `needs ${money(required - cost)}, free ${money(free)}` };
}

/** Instant and request execution hold the client's price, within the deviation; better is always good. */
const requote: Rule = ({ request, desk }) => {
  const { execution } = desk.spec;
  if (request.type !== "market" || request.price === undefined) return undefined;
  if (execution !== "instant" && execution !== "request") return undefined;
  const worse = (desk.openSide(request.side) - request.price) * (request.side === "buy" ? 1 : -1);
  if (worse <= request.deviation) return undefined;
  return execution === "instant" ? "requote" : "price_changed";
};

// biome-ignore format: four rules a row, by what they are about
const rules: readonly Rule[] = [
  permission, market,
  orderMode, filling, expiration,
  volume, price, stops,
  target, closeOrders, fifo, hedging, freeze,
  orderLimit, volumeLimit, positionLimit,
  funds,
  requote,
];

/** What the order is about, or why nobody can say. */
export function understand(request: OrderRequest, floor: Floor): Asked | Refusal {
  const { settings, books } = floor;
  if (isMalformed(request, settings)) return { retcode: "invalid" };
  const fault = accountFault(floor);
  if (fault !== undefined) return fault;
  const desk = floor.desk(request.symbol);
  if (desk === undefined) return { retcode: "invalid", detail: `no symbol ${request.symbol}` };
  const target = targetOf(request, desk, settings, books);
  const filling = fillingOf(desk.spec, request, settings.strictFilling);
  return { request, desk, filling, target, opens: opensOf(request, target, settings) };
}

function targetOf(request: OrderRequest, desk: Desk, settings: BrokerSettings, books: Books): Position | undefined {
  if (request.position !== undefined) return books.positions.get(request.position);
  if (settings.account.marginMode === "hedging") return undefined;
  const [only] = desk.holdings.positions;
  return only?.side === opposite(request.side) ? only : undefined;
}

function opensOf(request: OrderRequest, target: Position | undefined, settings: BrokerSettings): Volume {
  if (request.position !== undefined) return 0 as Volume;
  if (request.type !== "market" || target === undefined || settings.account.marginMode === "hedging") {
    return request.volume;
  }
  return Math.max(0, request.volume - target.volume) as Volume;
}

const asRefusal = (answer: Retcode | Refusal): Refusal => (typeof answer === "string" ? { retcode: answer } : answer);

/** What the order would do, or the first objection to it. */
export function examine(request: OrderRequest, floor: Floor): Asked | Refusal {
  const asked = understand(request, floor);
  if ("retcode" in asked) return asked;
  for (const rule of rules) {
    const answer = rule(asked, floor);
    if (answer !== undefined) return asRefusal(answer);
  }
  return asked;
}
