/** What strategies ask for, from messages. Wire types stop here. */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type {
  CheckedOrder,
  ClosePositionByRequest,
  ClosePositionRequest,
  ModifyOrderRequest,
  OrderName as NameMessage,
  PlaceOrderRequest,
  WaitFor,
} from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { BridgeError } from "../core/errors.ts";
import type { AccountAlias, ClientOrderId, OrderId, StrategyId, Ticket } from "../core/model/ids.ts";
import type { CloseByDraft, CloseDraft } from "../core/orders/close-position.ts";
import type { ChangeDraft, OrderDraft } from "../core/orders/draft.ts";
import type { OrderName } from "../core/orders/order-book.ts";
import type { Timing } from "../core/orders/place-order.ts";
import { instant } from "./times.ts";
import { fillings, lifetimes, orderTypes, sides, waits, wordOf } from "./words.ts";

export const keyOf = (clientOrderId: string): ClientOrderId => clientOrderId as ClientOrderId;

export function draftOf(request: PlaceOrderRequest, account: AccountAlias): OrderDraft {
  return {
    ...commonDraft(request, account),
    clientOrderId: keyOf(request.clientOrderId),
    strategyId: request.strategyId as StrategyId,
    comment: request.comment,
  };
}

/** An order that is only checked has no key and no comment. */
export function checkedDraft(order: CheckedOrder | undefined, account: AccountAlias): OrderDraft {
  if (order === undefined) throw missing("order");
  return {
    ...commonDraft(order, account),
    clientOrderId: keyOf(""),
    strategyId: order.strategyId as StrategyId,
    comment: "",
  };
}

function commonDraft(order: PlaceOrderRequest | CheckedOrder, account: AccountAlias) {
  const type = wordOf(orderTypes, order.type);
  const side = wordOf(sides, order.side);
  if (side === undefined) throw missing("side");
  if (type === undefined || type === "close_by") throw missing("type");
  return {
    account,
    symbol: order.symbol,
    side,
    type,
    volume: order.volume,
    price: order.price,
    stopLimitPrice: order.stopLimitPrice,
    stopLoss: order.stopLoss,
    takeProfit: order.takeProfit,
    filling: wordOf(fillings, order.filling) ?? "auto",
    timeInForce: wordOf(lifetimes, order.timeInForce),
    expireTime: order.expireTime && instant(order.expireTime),
    deviation: order.deviationPoints,
    position: positionOf(order.positionTicket),
  } as const;
}

export function closeDraft(request: ClosePositionRequest): CloseDraft {
  return {
    clientOrderId: keyOf(request.clientOrderId),
    strategyId: request.strategyId as StrategyId | undefined,
    position: request.positionTicket as Ticket,
    volume: request.volume,
    price: request.price,
    filling: wordOf(fillings, request.filling) ?? "auto",
    deviation: request.deviationPoints,
    comment: request.comment,
  };
}

export function closeByDraft(request: ClosePositionByRequest): CloseByDraft {
  return {
    clientOrderId: keyOf(request.clientOrderId),
    strategyId: request.strategyId as StrategyId | undefined,
    position: request.positionTicket as Ticket,
    opposite: request.oppositePositionTicket as Ticket,
    comment: request.comment,
  };
}

export function changeDraft(request: ModifyOrderRequest): ChangeDraft {
  return {
    price: request.price,
    stopLimitPrice: request.stopLimitPrice,
    stopLoss: request.stopLoss,
    takeProfit: request.takeProfit,
    timeInForce: wordOf(lifetimes, request.timeInForce),
    expireTime: request.expireTime && instant(request.expireTime),
  };
}

export function timingOf(request: { waitFor: WaitFor; notAfter?: Timestamp | undefined }): Timing {
  return {
    waitFor: wordOf(waits, request.waitFor) ?? "answered",
    notAfter: request.notAfter && instant(request.notAfter),
  };
}

export function nameOf(message: NameMessage | undefined): OrderName {
  switch (message?.name.case) {
    case "clientOrderId":
      return { by: "client_order_id", value: keyOf(message.name.value) };
    case "orderId":
      return { by: "order_id", value: message.name.value as OrderId };
    case "orderTicket":
      return { by: "order_ticket", value: message.name.value as Ticket };
    default:
      throw missing("order");
  }
}

const positionOf = (ticket: bigint): Ticket | undefined => (ticket === 0n ? undefined : (ticket as Ticket));

/** Validation has refused it before; the types do not know that. */
const missing = (field: string): BridgeError =>
  new BridgeError("invalid_argument", `${field}: required`, { violations: [{ field, description: "required" }] });
