/** Orders and deals as messages. Prices leave in the symbol's digits, as the double nearest to the decimal. */
import { create } from "@bufbuild/protobuf";
import {
  AdjustmentSchema,
  type Deal as DealMessage,
  DealSchema,
  OrderDoubtSchema,
  type Order as OrderMessage,
  OrderSchema,
} from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { RejectionSchema } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import type { Account } from "../core/accounts/account.ts";
import type { Deal } from "../core/model/deal.ts";
import { type Price, toFinePrice, toLots, toMoney, toPrice, type Volume } from "../core/model/decimals.ts";
import { strategyIdOf } from "../core/model/ids.ts";
import type { Doubt, Order, Rejection } from "../core/model/order.ts";
import { numbersIn } from "../core/model/unnamed.ts";
import { isFinal } from "../core/orders/lifecycle.ts";
import { timestamp } from "./times.ts";
import { causes, enumOf, fillings, lifetimes, orderTypes, sides, stages, textOf } from "./words.ts";

const orders = new WeakMap<Order, OrderMessage>();

/** An order never changes (its next version is another object), so its message is made once for all who read it. */
export function orderMessage(order: Order, account: Account): OrderMessage {
  let message = orders.get(order);
  if (message === undefined) {
    message = makeOrder(order, account);
    orders.set(order, message);
  }
  return message;
}

function makeOrder(order: Order, account: Account): OrderMessage {
  const digits = account.symbols.get(order.symbol)?.digits ?? 0;
  const shown = (points: Price | undefined) => (points === undefined ? undefined : toPrice(points, digits));
  const message = create(OrderSchema, {
    account: order.account,
    clientOrderId: order.clientOrderId ?? "",
    orderId: order.id,
    orderTicket: order.ticket ?? 0n,
    strategyId: order.strategyId,
    magic: order.magic,
    symbol: order.symbol,
    side: enumOf(sides, order.side),
    type: enumOf(orderTypes, order.type),
    volume: toLots(order.volume),
    filledVolume: toLots(order.filled),
    remainingVolume: isFinal(order.stage) ? 0 : toLots((order.volume - order.filled) as Volume),
    filling: enumOf(fillings, order.filling),
    timeInForce: enumOf(lifetimes, order.timeInForce),
    deviationPoints: order.deviation,
    comment: order.comment,
    positionTicket: order.position ?? 0n,
    oppositePositionTicket: order.positionBy ?? 0n,
    stage: stages[order.stage],
    version: order.version,
    cause: causes[order.cause],
    dealTickets: [...order.deals],
    receivedTime: timestamp(order.knownAt),
    traceId: order.traceId,
    live: account.info.live,
    mt5Numbers: numbersIn({
      ...{ type: order.type, filling: order.filling, time_in_force: order.timeInForce },
      ...{ state: order.state, reason: order.reason },
    }),
  });
  // Absent optional fields are left out one by one: `undefined` is not absent.
  const prices = {
    price: shown(order.price),
    stopLimitPrice: shown(order.stopLimitPrice),
    stopLoss: shown(order.stopLoss),
    takeProfit: shown(order.takeProfit),
    averagePrice: order.averagePrice === undefined ? undefined : toFinePrice(order.averagePrice, digits),
  };
  for (const [field, value] of Object.entries(prices))
    if (value !== undefined) message[field as keyof typeof prices] = value;
  if (order.expireTime !== undefined) message.expireTime = timestamp(order.expireTime);
  if (order.sentAt !== undefined) message.sentTime = timestamp(order.sentAt);
  if (order.answeredAt !== undefined) message.answeredTime = timestamp(order.answeredAt);
  if (order.finalAt !== undefined) message.finalTime = timestamp(order.finalAt);
  if (order.setup !== undefined) {
    message.setupTime = timestamp(order.setup.time);
    message.setupBrokerTimeMs = BigInt(order.setup.brokerTime);
  }
  if (order.done !== undefined) {
    message.doneTime = timestamp(order.done.time);
    message.doneBrokerTimeMs = BigInt(order.done.brokerTime);
  }
  if (order.rejection !== undefined) message.rejection = rejectionMessage(order.rejection);
  if (order.adjustments !== undefined)
    message.adjustments = order.adjustments.map((one) => create(AdjustmentSchema, one));
  if (order.doubt !== undefined) message.doubt = doubtMessage(order.doubt);
  return message;
}

const doubtMessage = ({ since, why, settledAt, evidence }: Doubt) =>
  create(OrderDoubtSchema, {
    ...{ sinceTime: timestamp(since), reason: why, evidence: evidence ?? "" },
    ...(settledAt === undefined ? {} : { settledTime: timestamp(settledAt) }),
  });

export const rejectionMessage = (rejection: Rejection) => create(RejectionSchema, rejection);

export function dealMessage(deal: Deal, account: Account): DealMessage {
  const digits = account.symbols.get(deal.symbol)?.digits ?? 0;
  const { currencyDigits, alias, live } = account.info;
  return create(DealSchema, {
    account: alias,
    dealTicket: deal.ticket,
    orderTicket: deal.order ?? 0n,
    positionTicket: deal.position ?? 0n,
    symbol: deal.symbol,
    type: textOf(deal.type),
    entry: deal.order === undefined ? "" : textOf(deal.entry),
    reason: textOf(deal.reason),
    volume: toLots(deal.volume),
    price: toPrice(deal.price, digits),
    profit: toMoney(deal.profit, currencyDigits),
    swap: toMoney(deal.swap, currencyDigits),
    commission: toMoney(deal.commission, currencyDigits),
    fee: toMoney(deal.fee, currencyDigits),
    time: timestamp(deal.time),
    brokerTimeMs: BigInt(deal.brokerTime ?? 0),
    strategyId: strategyIdOf(deal.magic),
    magic: deal.magic,
    comment: deal.comment,
    live,
    mt5Numbers: numbersIn({ type: deal.type, entry: deal.entry, reason: deal.reason }),
  });
}
