/**
 * What the core asks for, as the request that MetaTrader knows.
 *
 * The core has held it against the symbol's rules, and said what it changed; here nothing is
 * changed any more.
 */
import { type Price, toLots, toPrice } from "../../core/model/decimals.ts";
import type { Instant, Magic, Ticket } from "../../core/model/ids.ts";
import type { OrderChange, OrderRequest, Stops, TerminalOrder } from "../../core/model/order.ts";
import type { Position } from "../../core/model/position.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import { isUnnamed, numberOfUnnamed } from "../../core/model/unnamed.ts";
import { fillingOf, fillingsOf } from "../../core/orders/filling.ts";
import type { BrokerZone } from "./broker-zone.ts";
import { actions, CLOSE_BY, fillings, lifetimes, numberOf, orderTypePairs } from "./enumerations.ts";

/** MqlTradeRequest; what is absent is 0 there. */
export interface WireRequest {
  readonly action: number;
  readonly magic?: bigint;
  readonly order?: bigint;
  readonly symbol?: string;
  readonly volume?: number;
  readonly price?: number;
  readonly stopLimit?: number;
  readonly stopLoss?: number;
  readonly takeProfit?: number;
  readonly deviation?: number;
  readonly type?: number;
  readonly typeFilling?: number;
  readonly typeTime?: number;
  readonly expiration?: bigint;
  readonly comment?: string;
  readonly position?: bigint;
  readonly positionBy?: bigint;
}

/** A symbol as a request needs it. */
export interface Traded {
  readonly spec: SymbolSpec;
  /** The broker's name. */
  readonly name: string;
}

/** The request, or why the symbol allows none. */
export type Asked = { readonly request: WireRequest } | { readonly refusal: string };

export function submitted(order: OrderRequest, magic: Magic, { spec, name }: Traded, zone: BrokerZone): Asked {
  const shared = { magic, symbol: name, comment: order.comment };
  if (order.positionBy !== undefined) {
    const { position = 0n, positionBy } = order;
    return { request: { ...shared, action: actions.closeBy, type: CLOSE_BY, position, positionBy } };
  }
  const filling = fillingOf(spec, order, false);
  if (filling === undefined) return { refusal: `no filling mode: ${spec.name} fills ${fillingsOf(spec)}` };
  const pending = order.type !== "market";
  const request = {
    ...shared,
    action: pending ? actions.pending : actions.deal,
    volume: toLots(order.volume),
    ...pricesOf(order, spec),
    deviation: order.deviation,
    type: typeOf(order),
    typeFilling: numberOf(fillings, filling),
    ...lifetimeOf(order, zone),
    ...(order.position === undefined ? {} : { position: order.position as bigint }),
  };
  return { request };
}

export function modified(order: TerminalOrder, change: OrderChange, { spec, name }: Traded, zone: BrokerZone) {
  return {
    action: actions.modify,
    order: order.ticket,
    symbol: name,
    volume: toLots(order.remaining),
    type: typeOf(order),
    typeFilling: numberOf(fillings, order.filling),
    ...pricesOf(change, spec),
    ...lifetimeOf(change, zone),
  } satisfies WireRequest;
}

export const canceled = (order: Ticket): WireRequest => ({ action: actions.remove, order });

export const restopped = (position: Position, stops: Stops, { spec, name }: Traded): WireRequest => ({
  ...{ action: actions.stops, symbol: name, position: position.ticket },
  ...pricesOf(stops, spec),
});

/** What the symbol's specification says about a refusal; empty when it says nothing. */
export function reasonOf(retcode: number, spec: SymbolSpec | undefined): string {
  if (retcode === 10026) return "the broker's server has switched algorithmic trading off for this account";
  if (retcode === 10027) return "switch on algorithmic trading in the terminal, and for the program on its chart";
  if (spec === undefined) return "";
  const { name } = spec;
  switch (retcode) {
    case 10014: {
      const { volumeMin, volumeMax, volumeStep } = spec;
      return `${name} trades ${toLots(volumeMin)} to ${toLots(volumeMax)} lots in steps of ${toLots(volumeStep)}`;
    }
    case 10015:
    case 10016:
      return `${name} wants stops and pending orders ${spec.stopsLevel} points or more from the market`;
    case 10022:
      return `orders in ${name} may end as ${spec.expirationModes.join(", ")}`;
    case 10029:
      return `${name} freezes what is within ${spec.freezeLevel} points of the market`;
    case 10030:
      return `${name} fills ${fillingsOf(spec)}`;
    default:
      return "";
  }
}

interface Levels {
  readonly price?: Price;
  readonly stopLimitPrice?: Price;
  readonly stopLoss?: Price;
  readonly takeProfit?: Price;
}

/** Each as the double that is nearest to the decimal; 0 for what is not set. */
function pricesOf({ price, stopLimitPrice, stopLoss, takeProfit }: Levels, { digits }: SymbolSpec) {
  const told = (level: Price | undefined) => (level === undefined ? 0 : toPrice(level, digits));
  return {
    price: told(price),
    stopLimit: told(stopLimitPrice),
    stopLoss: told(stopLoss),
    takeProfit: told(takeProfit),
  };
}

function typeOf({ type, side }: Pick<TerminalOrder, "type" | "side">): number {
  if (type === "close_by") return CLOSE_BY;
  return isUnnamed(type) ? numberOfUnnamed(type) : 2 * orderTypePairs.indexOf(type) + (side === "buy" ? 0 : 1);
}

interface Lifetime {
  readonly timeInForce: OrderChange["timeInForce"];
  readonly expireTime?: Instant;
}

function lifetimeOf({ timeInForce, expireTime }: Lifetime, zone: BrokerZone) {
  const seconds = expireTime === undefined ? 0 : Math.floor(zone.toBroker(expireTime) / 1000);
  return { typeTime: numberOf(lifetimes, timeInForce), expiration: BigInt(seconds) };
}
