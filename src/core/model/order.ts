import type { FinePrice, Price, Volume } from "./decimals.ts";
import type {
  AccountAlias,
  BrokerTime,
  ClientOrderId,
  Instant,
  Magic,
  Moment,
  OrderId,
  OrderNumber,
  StrategyId,
  Ticket,
} from "./ids.ts";
import type { Unnamed } from "./unnamed.ts";

export type Side = "buy" | "sell";
export type OrderType = "market" | "limit" | "stop" | "stop_limit";
export type Filling = "fok" | "ioc" | "return" | "boc";
export type TimeInForce = "gtc" | "day" | "specified" | "specified_day";

/** What is used of an order in place of what was asked for, or left open, and the rule that wants it so. */
export interface Adjustment {
  /** As it is called on the wire. */
  readonly field: string;
  /** Empty: it was left open. */
  readonly asked: string;
  readonly used: string;
  readonly reason: string;
}

/** What a strategy asks for. Absent prices are not set; MetaTrader's 0 never travels through the core. */
export interface OrderRequest {
  readonly account: AccountAlias;
  readonly clientOrderId: ClientOrderId;
  readonly strategyId: StrategyId;
  readonly symbol: string;
  readonly side: Side;
  readonly type: OrderType;
  readonly volume: Volume;
  /** Market: the price wanted (instant execution). Pending: the price at which it triggers or rests. */
  readonly price?: Price;
  /** Stop-limit: where the limit order rests once triggered. */
  readonly stopLimitPrice?: Price;
  readonly stopLoss?: Price;
  readonly takeProfit?: Price;
  readonly filling: Filling | "auto";
  readonly timeInForce: TimeInForce;
  /** With `specified` and `specified_day`. */
  readonly expireTime?: Instant;
  /** Tolerated slippage in points; counts in instant and request execution. */
  readonly deviation: number;
  /** Up to 31 printable ASCII characters. Nothing is ever read back from it. */
  readonly comment: string;
  /** The position this order closes, wholly or in part. */
  readonly position?: Ticket;
  /** The opposite position that `position` is closed against; volume is then the smaller of the two. */
  readonly positionBy?: Ticket;
  /** Where something else is asked of the terminal than was asked for. */
  readonly adjustments?: readonly Adjustment[];
}

/** An order as it goes to a terminal. */
export interface NumberedOrder {
  readonly number: OrderNumber;
  readonly magic: Magic;
  readonly request: OrderRequest;
  /** The W3C traceparent of the order's own span, where its trace is recorded. */
  readonly traceparent?: string;
}

/** What may be changed of a pending order; all of it is sent, as MetaTrader replaces it as a whole. */
export interface OrderChange {
  readonly price: Price;
  readonly stopLimitPrice?: Price;
  readonly stopLoss?: Price;
  readonly takeProfit?: Price;
  readonly timeInForce: TimeInForce | Unnamed;
  readonly expireTime?: Instant;
}

/** A position's stops; absent removes the level. */
export interface Stops {
  readonly stopLoss?: Price;
  readonly takeProfit?: Price;
}

export type TerminalOrderState = "started" | "placed" | "partial" | "canceled" | "filled" | "rejected" | "expired";

/** Who or what gave an order, made a deal or opened a position. */
export type Reason =
  | "client"
  | "mobile"
  | "web"
  | "expert"
  | "stop_loss"
  | "take_profit"
  | "stop_out"
  | "rollover"
  | "variation_margin"
  | "split"
  | "corporate_action";

/** What the terminal calls an order; a type that has no word tells no side either. */
export type TerminalOrderType = OrderType | "close_by" | Unnamed;

/** An order as the terminal knows it, active or historic. */
export interface TerminalOrder {
  readonly ticket: Ticket;
  readonly symbol: string;
  readonly side: Side | Unnamed;
  readonly type: TerminalOrderType;
  readonly state: TerminalOrderState | Unnamed;
  readonly reason: Reason | Unnamed;
  readonly magic: Magic;
  readonly volume: Volume;
  /** The part not filled. */
  readonly remaining: Volume;
  readonly price?: Price;
  readonly stopLimitPrice?: Price;
  readonly stopLoss?: Price;
  readonly takeProfit?: Price;
  readonly filling: Filling | Unnamed;
  readonly timeInForce: TimeInForce | Unnamed;
  readonly expireTime?: Instant;
  /** The position it opened, changed or closes. */
  readonly position?: Ticket;
  readonly positionBy?: Ticket;
  readonly setupTime: Instant;
  /** When it was filled, canceled, rejected or expired. */
  readonly doneTime?: Instant;
  /** The same by the broker's clock, as it was told. */
  readonly setupBrokerTime?: BrokerTime;
  readonly doneBrokerTime?: BrokerTime;
  readonly comment: string;
}

/** Where an order is in its life. */
export type Stage =
  | "received"
  | "sent"
  | "in_doubt"
  | "working"
  | "partially_filled"
  | "filled"
  | "canceled"
  | "rejected"
  | "expired";

/** Whose doing the stage is. */
export type Cause = "client" | "broker" | "risk" | "stop_loss" | "take_profit" | "stop_out" | "expiry" | "bridge";

export interface Rejection {
  /** A reason from the fault table or the retcode's name, for programs. */
  readonly reason: string;
  /** MetaTrader's return code; 0 when none was given. */
  readonly retcode: number;
  readonly message: string;
  /** Whether the same order may be worth trying again, with a new client order id. */
  readonly retriable: boolean;
  /** Of the bridge's own risk rules: which one, what it allows, and what it found. */
  readonly rule?: string;
  readonly limit?: string;
  readonly value?: string;
}

/**
 * What settled a doubt: an answer that came late, a report, the terminal's records, or
 * that complete records do not show the order.
 */
export type Evidence = "answer" | "report" | "records" | "absence";

/** Nobody knew for a while whether the order exists at the broker. */
export interface Doubt {
  readonly since: Instant;
  readonly why: string;
  /** Absent while it lasts. */
  readonly settledAt?: Instant;
  readonly evidence?: Evidence;
}

/** An order as the bridge knows it: what was asked and what became of it. */
export interface Order {
  readonly id: OrderId;
  readonly account: AccountAlias;
  /** Absent on orders that the bridge did not place. */
  readonly clientOrderId?: ClientOrderId;
  readonly number: OrderNumber;
  readonly strategyId: StrategyId;
  readonly magic: Magic;
  readonly ticket?: Ticket;
  readonly symbol: string;
  readonly side: Side | Unnamed;
  readonly type: TerminalOrderType;
  readonly volume: Volume;
  readonly filled: Volume;
  readonly averagePrice?: FinePrice;
  readonly price?: Price;
  readonly stopLimitPrice?: Price;
  readonly stopLoss?: Price;
  readonly takeProfit?: Price;
  readonly filling: Filling | "auto" | Unnamed;
  readonly timeInForce: TimeInForce | Unnamed;
  readonly expireTime?: Instant;
  readonly deviation: number;
  readonly comment: string;
  readonly position?: Ticket;
  readonly positionBy?: Ticket;
  /** What was changed before it was sent, as its symbol wants it. */
  readonly adjustments?: readonly Adjustment[];
  readonly stage: Stage;
  /** The terminal's own state and reason of it, where there is no word for them. */
  readonly state?: Unnamed;
  readonly reason?: Unnamed;
  /** Grows by one with every change. */
  readonly version: number;
  readonly cause: Cause;
  readonly rejection?: Rejection;
  readonly doubt?: Doubt;
  /** Tickets of its deals, in the order in which they were reported. */
  readonly deals: readonly Ticket[];
  /** When the bridge first knew of it. */
  readonly knownAt: Instant;
  readonly sentAt?: Instant;
  readonly answeredAt?: Instant;
  readonly finalAt?: Instant;
  /** When the broker took it in, and when it ended there. */
  readonly setup?: Moment;
  readonly done?: Moment;
  readonly traceId: string;
  /** Its trace is recorded: what becomes of it later joins it. */
  readonly traced?: true;
}
