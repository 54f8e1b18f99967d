/** What a trade request of MetaTrader's asks for, in the words of the bridge's own model. */
import type { TradeRequest } from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { lots, type Price, price } from "../../../src/core/model/decimals.ts";
import {
  type AccountAlias,
  type BrokerTime,
  type ClientOrderId,
  type Instant,
  type Magic,
  orderNumberOf,
  strategyIdOf,
  type Ticket,
} from "../../../src/core/model/ids.ts";
import type { NumberedOrder, OrderChange, OrderRequest, OrderType, Stops } from "../../../src/core/model/order.ts";
import { action, CLOSE_BY, filling, nameOf, orderType, timeInForce } from "./numbers.ts";

/** What has to be known to read a request. */
export interface Reading {
  readonly account: AccountAlias;
  digits(symbol: string): number;
  /** The side that closes a position. */
  closingSide(position: Ticket): "buy" | "sell";
  utc(broker: BrokerTime): Instant;
}

/** The order that is asked for; undefined when no terminal would know what to do with it. */
export function orderOf(id: string, request: TradeRequest, reading: Reading): NumberedOrder | undefined {
  const isCloseBy = request.action === action.close_by && request.type === CLOSE_BY;
  const type = isCloseBy ? "market" : typeOf(request);
  const fills = nameOf(filling, request.typeFilling);
  const lasts = nameOf(timeInForce, request.typeTime);
  if (type === undefined || fills === undefined || lasts === undefined || request.magic < 0n) return undefined;
  const at = pricesOf(request.symbol, reading);
  const magic = request.magic as Magic;
  const position = ticketOf(request.position);
  const order: OrderRequest = {
    account: reading.account,
    clientOrderId: id as ClientOrderId,
    strategyId: strategyIdOf(magic),
    symbol: request.symbol,
    side: isCloseBy ? reading.closingSide(request.position as Ticket) : request.type % 2 === 0 ? "buy" : "sell",
    type,
    volume: lots(request.volume),
    ...only("price", at(request.price)),
    ...only("stopLimitPrice", at(request.stopLimit)),
    ...stopsOf(request, request.symbol, reading),
    filling: fills,
    timeInForce: lasts,
    ...only("expireTime", expiryOf(request, reading)),
    deviation: request.deviation,
    comment: request.comment,
    ...only("position", position),
    ...only("positionBy", ticketOf(request.positionBy)),
  };
  return { number: orderNumberOf(magic), magic, request: order };
}

/** What a pending order is to become; undefined when it cannot be said. */
export function changeOf(request: TradeRequest, symbol: string, reading: Reading): OrderChange | undefined {
  const at = pricesOf(symbol, reading);
  const wanted = at(request.price);
  const lasts = nameOf(timeInForce, request.typeTime);
  if (wanted === undefined || lasts === undefined) return undefined;
  return {
    price: wanted,
    ...only("stopLimitPrice", at(request.stopLimit)),
    ...stopsOf(request, symbol, reading),
    timeInForce: lasts,
    ...only("expireTime", expiryOf(request, reading)),
  };
}

export function stopsOf(request: TradeRequest, symbol: string, reading: Reading): Stops {
  const at = pricesOf(symbol, reading);
  return { ...only("stopLoss", at(request.stopLoss)), ...only("takeProfit", at(request.takeProfit)) };
}

function typeOf(request: TradeRequest): OrderType | undefined {
  const wanted = request.type >= 0 && request.type < CLOSE_BY ? nameOf(orderType, request.type & ~1) : undefined;
  if (request.action === action.deal) return wanted === "market" ? wanted : undefined;
  return request.action === action.pending && wanted !== "market" ? wanted : undefined;
}

function pricesOf(symbol: string, reading: Reading): (value: number) => Price | undefined {
  return (value) => (value === 0 ? undefined : price(value, reading.digits(symbol)));
}

const ticketOf = (number: bigint): Ticket | undefined => (number === 0n ? undefined : (number as Ticket));

const expiryOf = ({ expiration }: TradeRequest, reading: Reading): Instant | undefined =>
  expiration === 0n ? undefined : reading.utc((Number(expiration) * 1000) as BrokerTime);

/** The property when there is a value, else nothing. */
function only<Name extends string, T>(name: Name, value: T | undefined): { readonly [key in Name]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [key in Name]: T });
}
