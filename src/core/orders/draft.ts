/**
 * What a strategy asks for, still in the doubles it was written in.
 *
 * A draft becomes an `OrderRequest` in `validate`, once, when the symbol is known. A
 * price of 0 for a stop means none, as in MetaTrader; an absent one too.
 */
import type { AccountAlias, ClientOrderId, Instant, StrategyId, Ticket } from "../model/ids.ts";
import type { Filling, OrderType, Side, TimeInForce } from "../model/order.ts";

export interface OrderDraft {
  readonly account: AccountAlias;
  readonly clientOrderId: ClientOrderId;
  readonly strategyId: StrategyId;
  readonly symbol: string;
  readonly side: Side;
  readonly type: OrderType;
  /** Lots. */
  readonly volume: number;
  readonly price: number | undefined;
  readonly stopLimitPrice: number | undefined;
  readonly stopLoss: number | undefined;
  readonly takeProfit: number | undefined;
  readonly filling: Filling | "auto";
  /** Absent: what the symbol allows. */
  readonly timeInForce: TimeInForce | undefined;
  readonly expireTime: Instant | undefined;
  readonly deviation: number;
  readonly comment: string;
  readonly position: Ticket | undefined;
}

/** What to change of a pending order; absent stays as it is. */
export interface ChangeDraft {
  readonly price: number | undefined;
  readonly stopLimitPrice: number | undefined;
  readonly stopLoss: number | undefined;
  readonly takeProfit: number | undefined;
  readonly timeInForce: TimeInForce | undefined;
  readonly expireTime: Instant | undefined;
}

/** A position's stops; absent stays as it is. */
export interface StopsDraft {
  readonly stopLoss: number | undefined;
  readonly takeProfit: number | undefined;
}
