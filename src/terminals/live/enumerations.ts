/**
 * MetaTrader's enumerations: the number on the wire, and the word of the core.
 *
 * A broker's server may use numbers that nobody has written down. They travel on as
 * numbers, and a fill is never lost for its reason.
 */
import type { AccountTradeMode, MarginMode, StopOutMode } from "../../core/model/account.ts";
import type { DealEntry, DealType } from "../../core/model/deal.ts";
import type { Filling, Reason, Side, TerminalOrderState, TimeInForce } from "../../core/model/order.ts";
import type {
  CalcMode,
  ChartMode,
  Execution,
  ExpirationMode,
  FillingMode,
  GtcMode,
  OrderMode,
  SwapMode,
  SymbolTradeMode,
} from "../../core/model/symbol.ts";
import { isUnnamed, numberOfUnnamed, type Unnamed } from "../../core/model/unnamed.ts";

/** The words of an enumeration by their numbers. */
export interface Enumeration<Word> {
  readonly name: string;
  readonly words: Readonly<Record<number, Word>>;
}

const enumeration = <Word extends string>(name: string, words: Readonly<Record<number, Word>>): Enumeration<Word> => ({
  name,
  words,
});

/** The number of a word; of those that share one, the lowest. */
export function numberOf<Word extends string>({ words }: Enumeration<Word>, word: Word | Unnamed): number {
  if (isUnnamed(word)) return numberOfUnnamed(word);
  return Number(Object.keys(words).find((number) => words[Number(number)] === word));
}

export const fillings = enumeration<Filling>("ORDER_TYPE_FILLING", { 0: "fok", 1: "ioc", 2: "return", 3: "boc" });

export const lifetimes = enumeration<TimeInForce>("ORDER_TYPE_TIME", {
  0: "gtc",
  1: "day",
  2: "specified",
  3: "specified_day",
});

/** The last three are on their way to an exchange: the order is what it was until that has answered. */
export const orderStates = enumeration<TerminalOrderState>("ORDER_STATE", {
  ...{ 0: "started", 1: "placed", 2: "canceled", 3: "partial", 4: "filled", 5: "rejected", 6: "expired" },
  ...{ 7: "started", 8: "placed", 9: "placed" },
} as const);

/** Of orders, deals and positions. */
export const reasons = enumeration<Reason>("REASON", {
  ...{ 0: "client", 1: "mobile", 2: "web", 3: "expert", 4: "stop_loss", 5: "take_profit", 6: "stop_out" },
  ...{ 7: "rollover", 8: "variation_margin", 9: "split", 10: "corporate_action" },
} as const);

export const dealTypes = enumeration<DealType>("DEAL_TYPE", {
  ...{ 0: "buy", 1: "sell", 2: "balance", 3: "credit", 4: "charge", 5: "correction", 6: "bonus", 7: "commission" },
  ...{ 8: "commission_daily", 9: "commission_monthly", 10: "commission_agent_daily", 11: "commission_agent_monthly" },
  ...{ 12: "interest", 13: "buy_canceled", 14: "sell_canceled", 15: "dividend", 16: "dividend_franked", 17: "tax" },
  ...{ 18: "commission_agent", 19: "so_compensation", 20: "so_compensation_credit" },
} as const);

export const dealEntries = enumeration<DealEntry>("DEAL_ENTRY", { 0: "in", 1: "out", 2: "inout", 3: "out_by" });

export const positionSides = enumeration<Side>("POSITION_TYPE", { 0: "buy", 1: "sell" });

export const tradeModes = enumeration<AccountTradeMode>("ACCOUNT_TRADE_MODE", { 0: "demo", 1: "contest", 2: "real" });

export const marginModes = enumeration<MarginMode>("ACCOUNT_MARGIN_MODE", {
  0: "netting",
  1: "exchange",
  2: "hedging",
});

export const stopOutModes = enumeration<StopOutMode>("ACCOUNT_STOPOUT_MODE", { 0: "percent", 1: "money" });

export const calcModes = enumeration<CalcMode>("SYMBOL_CALC_MODE", {
  ...{ 0: "forex", 1: "futures", 2: "cfd", 3: "cfd_index", 4: "cfd_leverage", 5: "forex_no_leverage" },
  ...{ 32: "exch_stocks", 33: "exch_futures", 34: "exch_futures_forts", 35: "exch_options" },
  ...{ 36: "exch_options_margin", 37: "exch_bonds", 38: "exch_stocks_moex", 39: "exch_bonds_moex" },
  ...{ 64: "serv_collateral" },
} as const);

export const symbolTradeModes = enumeration<SymbolTradeMode>("SYMBOL_TRADE_MODE", {
  0: "disabled",
  1: "long_only",
  2: "short_only",
  3: "close_only",
  4: "full",
});

export const executions = enumeration<Execution>("SYMBOL_TRADE_EXECUTION", {
  0: "request",
  1: "instant",
  2: "market",
  3: "exchange",
});

export const gtcModes = enumeration<GtcMode>("SYMBOL_ORDER_GTC_MODE", {
  0: "gtc",
  1: "daily",
  2: "daily_excluding_stops",
});

export const chartModes = enumeration<ChartMode>("SYMBOL_CHART_MODE", { 0: "bid", 1: "last" });

export const swapModes = enumeration<SwapMode>("SYMBOL_SWAP_MODE", {
  ...{ 0: "disabled", 1: "points", 2: "currency_symbol", 3: "currency_margin", 4: "currency_deposit" },
  ...{ 5: "interest_current", 6: "interest_open", 7: "reopen_current", 8: "reopen_bid", 9: "currency_profit" },
} as const);

/** Names of bits, the lowest first. */
export const orderModeBits: readonly OrderMode[] = [
  ...(["market", "limit", "stop", "stop_limit", "stop_loss", "take_profit", "close_by"] as const),
];
export const fillingModeBits: readonly FillingMode[] = ["fok", "ioc", "boc"];
export const expirationModeBits: readonly ExpirationMode[] = ["gtc", "day", "specified", "specified_day"];

export const namesOfBits = <Name>(names: readonly Name[], bits: number): Name[] =>
  names.filter((_, place) => (bits & (1 << place)) !== 0);

/** The bits that have no name. */
export const unnamedBits = (names: readonly unknown[], bits: number): number =>
  ((bits & 0x7fff_ffff) >>> names.length) * 2 ** names.length;

/** ENUM_TRADE_REQUEST_ACTIONS. */
export const actions = { deal: 1, pending: 5, stops: 6, modify: 7, remove: 8, closeBy: 10 } as const;

/** ENUM_ORDER_TYPE of a close by; the others are even for a buy and odd for a sell. */
export const CLOSE_BY = 8;

/** Types of orders in pairs of buy and sell. */
export const orderTypePairs = ["market", "limit", "stop", "stop_limit"] as const;
