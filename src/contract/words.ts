/**
 * The core's words and the contract's enums, pair by pair.
 *
 * The tables are written from the core's side, so that a new word does not compile until
 * it has a place on the wire.
 */

import { MarginMode, PositionChange, StopOutMode, TradeMode } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import { TradingMode as TradingModeMessage } from "../../gen/ts/mt5bridge/v1/admin_pb.ts";
import { OrderCause, OrderStage, WaitFor } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { Timeframe } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import {
  ClosingReason,
  DeadManAction,
  Filling,
  OrderSide,
  OrderType,
  ResetReason,
  SourceState,
  TimeInForce,
} from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import type { PositionChange as CoreChange } from "../core/accounts/account-event.ts";
import type { DeadManAction as CoreAction } from "../core/control/armings.ts";
import type {
  AccountTradeMode,
  MarginMode as CoreMarginMode,
  StopOutMode as CoreStopOutMode,
} from "../core/model/account.ts";
import type { Timeframe as CoreTimeframe } from "../core/model/bar.ts";
import type {
  Cause,
  Filling as CoreFilling,
  OrderType as CoreOrderType,
  TimeInForce as CoreTimeInForce,
  Side,
  Stage,
} from "../core/model/order.ts";
import { isUnnamed, type Unnamed } from "../core/model/unnamed.ts";
import type { WaitFor as CoreWaitFor } from "../core/orders/place-order.ts";
import type { TradingMode } from "../core/orders/trading-mode.ts";
import type { ClosingReason as CoreClosing, SourceState as CoreSource } from "../core/streams/course.ts";
import type { ResetReason as CoreReset } from "../core/streams/cursor.ts";

export const sides: Record<Side, OrderSide> = { buy: OrderSide.BUY, sell: OrderSide.SELL };

export const orderTypes: Record<CoreOrderType | "close_by", OrderType> = {
  market: OrderType.MARKET,
  limit: OrderType.LIMIT,
  stop: OrderType.STOP,
  stop_limit: OrderType.STOP_LIMIT,
  close_by: OrderType.CLOSE_BY,
};

export const fillings: Record<CoreFilling | "auto", Filling> = {
  auto: Filling.AUTO,
  fok: Filling.FOK,
  ioc: Filling.IOC,
  return: Filling.RETURN,
  boc: Filling.BOC,
};

export const lifetimes: Record<CoreTimeInForce, TimeInForce> = {
  gtc: TimeInForce.GTC,
  day: TimeInForce.DAY,
  specified: TimeInForce.SPECIFIED,
  specified_day: TimeInForce.SPECIFIED_DAY,
};

export const waits: Record<CoreWaitFor, WaitFor> = {
  received: WaitFor.RECEIVED,
  sent: WaitFor.SENT,
  answered: WaitFor.ANSWERED,
  final: WaitFor.FINAL,
};

export const stages: Record<Stage, OrderStage> = {
  received: OrderStage.RECEIVED,
  sent: OrderStage.SENT,
  in_doubt: OrderStage.IN_DOUBT,
  working: OrderStage.WORKING,
  partially_filled: OrderStage.PARTIALLY_FILLED,
  filled: OrderStage.FILLED,
  canceled: OrderStage.CANCELED,
  rejected: OrderStage.REJECTED,
  expired: OrderStage.EXPIRED,
};

export const causes: Record<Cause, OrderCause> = {
  client: OrderCause.CLIENT,
  broker: OrderCause.BROKER,
  risk: OrderCause.RISK,
  stop_loss: OrderCause.STOP_LOSS,
  take_profit: OrderCause.TAKE_PROFIT,
  stop_out: OrderCause.STOP_OUT,
  expiry: OrderCause.EXPIRY,
  bridge: OrderCause.BRIDGE,
};

export const timeframes: Record<CoreTimeframe, Timeframe> = {
  M1: Timeframe.M1,
  M2: Timeframe.M2,
  M3: Timeframe.M3,
  M4: Timeframe.M4,
  M5: Timeframe.M5,
  M6: Timeframe.M6,
  M10: Timeframe.M10,
  M12: Timeframe.M12,
  M15: Timeframe.M15,
  M20: Timeframe.M20,
  M30: Timeframe.M30,
  H1: Timeframe.H1,
  H2: Timeframe.H2,
  H3: Timeframe.H3,
  H4: Timeframe.H4,
  H6: Timeframe.H6,
  H8: Timeframe.H8,
  H12: Timeframe.H12,
  D1: Timeframe.D1,
  W1: Timeframe.W1,
  MN1: Timeframe.MN1,
};

export const sources: Record<CoreSource, SourceState> = {
  live: SourceState.LIVE,
  market_closed: SourceState.MARKET_CLOSED,
  stale: SourceState.STALE,
  terminal_offline: SourceState.TERMINAL_OFFLINE,
};

export const resets: Record<CoreReset, ResetReason> = {
  epoch_changed: ResetReason.EPOCH_CHANGED,
  too_old: ResetReason.TOO_OLD,
  in_the_future: ResetReason.IN_THE_FUTURE,
};

export const closings: Record<CoreClosing, ClosingReason> = {
  shutdown: ClosingReason.SHUTDOWN,
  slow_consumer: ClosingReason.SLOW_CONSUMER,
};

export const positionChanges: Record<CoreChange, PositionChange> = {
  opened: PositionChange.OPENED,
  changed: PositionChange.CHANGED,
  closed: PositionChange.CLOSED,
};

export const deadManActions: Record<CoreAction | "none", DeadManAction> = {
  none: DeadManAction.NONE,
  cancel_orders: DeadManAction.CANCEL_ORDERS,
  close_positions: DeadManAction.CLOSE_POSITIONS,
};

export const tradingModes: Record<TradingMode, TradingModeMessage> = {
  active: TradingModeMessage.ACTIVE,
  reduce_only: TradingModeMessage.REDUCE_ONLY,
  halted: TradingModeMessage.HALTED,
};

export const tradeModes: Record<AccountTradeMode, TradeMode> = {
  demo: TradeMode.DEMO,
  contest: TradeMode.CONTEST,
  real: TradeMode.REAL,
};

export const marginModes: Record<CoreMarginMode, MarginMode> = {
  hedging: MarginMode.HEDGING,
  netting: MarginMode.NETTING,
  exchange: MarginMode.EXCHANGE,
};

export const stopOutModes: Record<CoreStopOutMode, StopOutMode> = {
  percent: StopOutMode.PERCENT,
  money: StopOutMode.MONEY,
};

/** A word's number in the contract; UNSPECIFIED where MetaTrader has told a number that has no word. */
export const enumOf = <W extends string, N extends number>(words: Record<W, N>, word: W | Unnamed): N =>
  isUnnamed(word) ? (0 as N) : words[word as W];

/** A word as text; empty where MetaTrader has told a number that has no word. */
export const textOf = (word: string): string => (isUnnamed(word) ? "" : word);

/** The core's word for a number of the wire; undefined for UNSPECIFIED. Validation has refused all others. */
export function wordOf<W extends string>(words: Record<W, number>, number: number): W | undefined {
  for (const word in words) if (words[word] === number) return word;
  return undefined;
}
