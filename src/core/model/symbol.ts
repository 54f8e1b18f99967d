import type { Price, Volume } from "./decimals.ts";
import type { Instant } from "./ids.ts";
import type { Unnamed } from "./unnamed.ts";

export type CalcMode =
  | "forex"
  | "forex_no_leverage"
  | "futures"
  | "cfd"
  | "cfd_index"
  | "cfd_leverage"
  | "exch_stocks"
  | "exch_futures"
  | "exch_futures_forts"
  | "exch_options"
  | "exch_options_margin"
  | "exch_bonds"
  | "exch_stocks_moex"
  | "exch_bonds_moex"
  | "serv_collateral";

export type SymbolTradeMode = "disabled" | "long_only" | "short_only" | "close_only" | "full";
export type Execution = "request" | "instant" | "market" | "exchange";
export type GtcMode = "gtc" | "daily" | "daily_excluding_stops";
export type ChartMode = "bid" | "last";
export type SwapMode =
  | "disabled"
  | "points"
  | "currency_symbol"
  | "currency_margin"
  | "currency_deposit"
  | "interest_current"
  | "interest_open"
  | "reopen_current"
  | "reopen_bid"
  | "currency_profit";

/** What may be ordered: the bits of MetaTrader's SYMBOL_ORDER_MODE by name. */
export type OrderMode = "market" | "limit" | "stop" | "stop_limit" | "stop_loss" | "take_profit" | "close_by";
/** The bits of SYMBOL_FILLING_MODE by name; `return` has no bit. */
export type FillingMode = "fok" | "ioc" | "boc";
export type ExpirationMode = "gtc" | "day" | "specified" | "specified_day";

/** Seconds since the broker's midnight; `to` may be 86,400 (24:00) or, across midnight, more. */
export interface Session {
  readonly from: number;
  readonly to: number;
}

/** Sessions per weekday, Sunday first. */
// biome-ignore format: a week is seven
export type WeekSessions = readonly [
  readonly Session[], readonly Session[], readonly Session[], readonly Session[],
  readonly Session[], readonly Session[], readonly Session[],
];

/** Margin multipliers of one kind of order: `initial` for an order, `maintenance` for a position (0 = as initial). */
interface MarginRate {
  readonly initial: number;
  readonly maintenance: number;
}

/** A symbol's full specification. */
export interface SymbolSpec {
  readonly name: string;
  readonly description: string;
  readonly path: string;
  /** Decimals of a price; a point is 10^-digits. */
  readonly digits: number;
  /** The smallest step of a price, in points. */
  readonly tickSize: Price;
  /** Money of the profit currency per tick and lot; counts in the futures, index and option modes, elsewhere computed. */
  readonly tickValue: number;
  /** Units of the base asset in one lot. */
  readonly contractSize: number;
  readonly currencyBase: string;
  readonly currencyProfit: string;
  readonly currencyMargin: string;
  readonly calcMode: CalcMode | Unnamed;
  readonly tradeMode: SymbolTradeMode | Unnamed;
  readonly execution: Execution | Unnamed;
  readonly gtcMode: GtcMode | Unnamed;
  readonly chartMode: ChartMode | Unnamed;
  readonly orderModes: readonly OrderMode[];
  readonly fillingModes: readonly FillingMode[];
  readonly expirationModes: readonly ExpirationMode[];
  /** What else MetaTrader has in those three, as the sum of the bits that have no name here. */
  readonly unnamedModes?: Readonly<Partial<Record<"orderModes" | "fillingModes" | "expirationModes", number>>>;
  readonly volumeMin: Volume;
  readonly volumeMax: Volume;
  readonly volumeStep: Volume;
  /** The most that may be open in one direction, positions and pendings together; 0 = no limit. */
  readonly volumeLimit: Volume;
  /** The least distance of stops and pendings from the market, in points. */
  readonly stopsLevel: number;
  /** The distance, in points, within which orders and positions may not be changed. */
  readonly freezeLevel: number;
  readonly swapMode: SwapMode | Unnamed;
  readonly swapLong: number;
  readonly swapShort: number;
  /** How many nights' swap is charged for the night that starts on each weekday, Sunday first. */
  readonly swapRates: readonly [number, number, number, number, number, number, number];
  /** Fixed margin per lot in the margin currency; 0 = the calculation mode's formula. */
  readonly marginInitial: number;
  /** As `marginInitial`, for positions; 0 = as initial. */
  readonly marginMaintenance: number;
  /** Units (or money, with a fixed margin) per covered lot; 0 = the covered volume is free. */
  readonly marginHedged: number;
  readonly marginHedgedUseLeg: boolean;
  readonly marginRates: {
    readonly buy: MarginRate;
    readonly sell: MarginRate;
    /** Of pending orders. 0 = a pending order needs no margin. */
    readonly pending: MarginRate;
  };
  readonly quoteSessions: WeekSessions;
  readonly tradeSessions: WeekSessions;
  readonly bookDepth: number;
  readonly faceValue: number;
  readonly accruedInterest: number;
  readonly liquidityRate: number;
  /** First and last moment of trading; absent = no limit. */
  readonly startTime?: Instant;
  readonly expirationTime?: Instant;
}
