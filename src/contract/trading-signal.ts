/**
 * The simple profile's `trading_signal`, made of the contract's own RPCs.
 *
 * BUY and SELL are market orders under `signal_id` as client order id. CLOSE closes all positions of the symbol, each
 * with an order of its own: the oldest under `signal_id`, the others under keys made of `signal_id` and their ticket.
 *
 * Always true: a signal acts once. CLOSE again, after an answer that was lost or half of the work, closes what was
 * open when it came first and nothing that was opened since: the first order's ticket tells the two apart, as the
 * terminal's tickets only grow.
 *
 * `urgency` is taken and changes nothing: a signal is sent at once.
 */
import { createHash } from "node:crypto";
import type { DescMethodUnary, JsonValue, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { AccountService, type Position } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import { type Order, OrderStage, OrderStageSchema, OrdersService } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { OrderSide, OrderType } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import { BridgeError } from "../core/errors.ts";
import { faultJson, type JsonObject } from "./json.ts";
import { fieldsOf } from "./simple-frame.ts";
import { refused } from "./wire.ts";

export interface TradingSignal {
  readonly signalId: string;
  readonly symbol: string;
  readonly action: "BUY" | "SELL" | "CLOSE";
  readonly volume: number | undefined;
  readonly stopLoss: number | undefined;
  readonly takeProfit: number | undefined;
  readonly comment: string;
}

/** A unary RPC of the contract, for whoever sent the signal. */
export type CallUnary = <M extends DescMethodUnary>(
  method: M,
  request: MessageInitShape<M["input"]>,
) => Promise<MessageShape<M["output"]>>;

const kinds = {
  signal_id: "text",
  symbol: "text",
  action: "text",
  volume: "number",
  stop_loss: "number",
  take_profit: "number",
  comment: "text",
  urgency: "word",
} as const;

export function signalOf(body: JsonObject): TradingSignal {
  const { signal_id, symbol, action, volume, stop_loss, take_profit, comment } = fieldsOf(body, kinds);
  if (action !== "BUY" && action !== "SELL" && action !== "CLOSE") {
    throw refused([{ field: "action", description: "must be one of BUY, SELL, CLOSE" }]);
  }
  const number = (value: JsonValue | undefined) => (typeof value === "number" ? value : undefined);
  return {
    signalId: String(signal_id ?? ""),
    symbol: String(symbol ?? ""),
    action,
    volume: number(volume),
    stopLoss: number(stop_loss),
    takeProfit: number(take_profit),
    comment: String(comment ?? ""),
  };
}

/** The RPC that a signal stands for, as far as it can be told. */
export function methodOf({ action }: JsonObject): DescMethodUnary {
  return action === "CLOSE" ? OrdersService.method.closePosition : OrdersService.method.placeOrder;
}

/** Acts, and says what became of it. A failure speaks of the signal's fields. */
export async function runSignal(signal: TradingSignal, account: string, call: CallUnary): Promise<JsonObject> {
  try {
    return signal.action === "CLOSE" ? await close(signal, account, call) : await open(signal, account, call);
  } catch (error) {
    throw error instanceof BridgeError ? inWordsOfSignal(error) : error;
  }
}

async function open(signal: TradingSignal, account: string, call: CallUnary): Promise<JsonObject> {
  const { signalId, symbol, action, volume = 0, stopLoss, takeProfit, comment } = signal;
  const { order, replayed } = await call(OrdersService.method.placeOrder, {
    account,
    clientOrderId: signalId,
    symbol,
    side: action === "BUY" ? OrderSide.BUY : OrderSide.SELL,
    type: OrderType.MARKET,
    volume,
    ...(stopLoss === undefined ? {} : { stopLoss }),
    ...(takeProfit === undefined ? {} : { takeProfit }),
    comment,
  });
  return resultOf(signal, [{ order, replayed }]);
}

async function close(signal: TradingSignal, account: string, call: CallUnary): Promise<JsonObject> {
  const { signalId, symbol, volume = 0 } = signal;
  const before = await orderBefore(signalId, account, call);
  const { positions } = await call(AccountService.method.listPositions, { account, symbol });
  if (before === undefined) refuseHalves(positions, volume, symbol);
  const first = before?.positionTicket ?? oldest(positions, symbol);
  const closeOne = async (positionTicket: bigint, clientOrderId: string): Promise<Closed> => {
    const { comment } = signal;
    return call(OrdersService.method.closePosition, { account, clientOrderId, positionTicket, comment });
  };
  // The first stands for the whole signal: nothing else is sent before it is in the journal.
  const closed = await closeOne(first, signalId);
  const others = new Set(positions.map(({ positionTicket }) => positionTicket).filter((ticket) => ticket !== first));
  if (before !== undefined) {
    for (const ticket of others) if (ticket >= before.orderTicket) others.delete(ticket);
    for (const ticket of await closedBefore(signal, account, before, call)) others.add(ticket);
  }
  const rest = [...others].map((ticket) =>
    closeOne(ticket, keyOf(signalId, ticket)).catch((error: unknown) => {
      if (error instanceof BridgeError) return { failed: error, ticket };
      throw error;
    }),
  );
  return resultOf(signal, [closed, ...(await Promise.all(rest))]);
}

interface Closed {
  readonly order?: Order | undefined;
  readonly replayed: boolean;
}

interface NotClosed {
  readonly failed: BridgeError;
  readonly ticket: bigint;
}

/** The order that the signal has led to before. */
async function orderBefore(signalId: string, account: string, call: CallUnary): Promise<Order | undefined> {
  try {
    const name = { case: "clientOrderId", value: signalId } as const;
    return (await call(OrdersService.method.getOrder, { account, order: { name } })).order;
  } catch (error) {
    if (error instanceof BridgeError && error.fault === "unknown_order") return undefined;
    throw error;
  }
}

/** Positions that the signal has closed, or tried to, beside the first. */
async function closedBefore(signal: TradingSignal, account: string, first: Order, call: CallUnary): Promise<bigint[]> {
  const { signalId, symbol } = signal;
  const found: bigint[] = [];
  const filter = { account, symbol, pageSize: 1000, ...(first.receivedTime ? { from: first.receivedTime } : {}) };
  for (let pageToken = ""; ; ) {
    const { orders, nextPageToken } = await call(OrdersService.method.listOrders, { ...filter, pageToken });
    for (const { clientOrderId, positionTicket } of orders) {
      if (clientOrderId === keyOf(signalId, positionTicket)) found.push(positionTicket);
    }
    if (nextPageToken === "") return found;
    pageToken = nextPageToken;
  }
}

/** Readable at its front, and no key that a client would make up. */
function keyOf(signalId: string, ticket: bigint): string {
  const hash = createHash("sha256").update(`${signalId}\0${ticket}`).digest("hex").slice(0, 24);
  return `${signalId.slice(0, 39)}.${hash}`;
}

function oldest(positions: readonly Position[], symbol: string): bigint {
  const [first] = positions.map(({ positionTicket }) => positionTicket).sort((a, b) => (a < b ? -1 : 1));
  if (first !== undefined) return first;
  throw new BridgeError("unknown_position", `There is no position on ${JSON.stringify(symbol)} to close.`);
}

/** Who says a volume that is less than what is open means something that CLOSE does not do. */
function refuseHalves(positions: readonly Position[], volume: number, symbol: string): void {
  const open = positions.reduce((sum, position) => sum + position.volume, 0);
  if (volume === 0 || volume >= open - 1e-9) return;
  const description = `must be left out, or at least the ${Number(open.toFixed(8))} lots open on ${symbol}: CLOSE closes all`;
  throw refused([{ field: "volume", description }]);
}

function resultOf(signal: TradingSignal, results: readonly (Closed | NotClosed)[]): JsonObject {
  const orders = results.map((result) => {
    if (!("failed" in result)) return orderData(result.order);
    return { position_ticket: String(result.ticket), stage: null, retcode: 0, error: faultJson(result.failed) };
  });
  const [first] = orders;
  const telling = orders.find(({ stage }) => stage !== "FILLED") ?? first;
  return {
    signal_id: signal.signalId,
    symbol: signal.symbol,
    action: signal.action,
    stage: telling?.stage ?? null,
    retcode: telling?.retcode ?? 0,
    replayed: results.every((result) => "replayed" in result && result.replayed),
    orders,
  };
}

/** MetaTrader's codes for what needs no reason: placed, done, done partially. */
const retcodes: Readonly<Partial<Record<OrderStage, number>>> = {
  [OrderStage.WORKING]: 10008,
  [OrderStage.FILLED]: 10009,
  [OrderStage.PARTIALLY_FILLED]: 10010,
};

function orderData(order: Order | undefined) {
  const { stage = OrderStage.UNSPECIFIED, rejection } = order ?? {};
  const name = OrderStageSchema.value[stage]?.name.replace("ORDER_STAGE_", "") ?? String(stage);
  return {
    client_order_id: order?.clientOrderId ?? "",
    order_id: order?.orderId ?? "",
    order_ticket: String(order?.orderTicket ?? 0n),
    position_ticket: String(order?.positionTicket ?? 0n),
    stage: name,
    retcode: rejection?.retcode ?? retcodes[stage] ?? 0,
    volume: order?.volume ?? 0,
    filled_volume: order?.filledVolume ?? 0,
    average_price: order?.averagePrice ?? null,
    ...(rejection === undefined ? {} : { reason: rejection.reason, message: rejection.message }),
  };
}

const names: Readonly<Record<string, string>> = { client_order_id: "signal_id", side: "action" };
const renamed = (field: string): string => names[field] ?? field.replace("order.client_order_id", "signal_id");

function inWordsOfSignal(error: BridgeError): BridgeError {
  const { fault, message, metadata, retryAfterMs, cause } = error;
  const violations = error.violations.map(({ field, description }) => ({ field: renamed(field), description }));
  const words = message.replace(/\b(?:order\.)?client_order_id\b/g, "signal_id").replace(/^side:/, "action:");
  return new BridgeError(fault, words, {
    violations,
    metadata,
    cause,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
