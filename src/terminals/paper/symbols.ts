/**
 * The symbols a paper terminal trades when it is told nothing else.
 *
 * The numbers are typical, not standards: digits, lots, levels and swaps are those of
 * retail demo accounts of 2025 and 2026 (Vantage, Tickmill, TradeMax). What no dump
 * tells is chosen so that a 10,000 dollar account at 1:100 can trade every row:
 *
 *   - Indices are CFDINDEX at a margin rate of 0.05 (1:20). At rate 1 their margin is
 *     the whole notional, and brokers lower it through this very rate.
 *   - Bitcoin is CFD at 0.33, the rate printed in the MQL5 book, and its margin is in
 *     dollars: CFD margin is a price times a volume, hence money of the profit currency.
 *   - Hedged margin equals the contract size, so a hedged pair holds one margin, as on
 *     the vendor's demo server.
 *   - Market execution, every kind of order, and both FOK and IOC: strategies written
 *     for either kind of broker run unchanged.
 */
import { lots, type Price, type Volume } from "../../core/model/decimals.ts";
import type { CalcMode, SwapMode, SymbolSpec } from "../../core/model/symbol.ts";
import { type Market, sessions } from "./sessions.ts";

/** How much of the notional the unleveraged modes ask for as margin. */
export interface MarginRates {
  readonly index: number;
  readonly crypto: number;
}

const typicalMarginRates: MarginRates = { index: 0.05, crypto: 0.33 };

type Row = readonly [
  name: string,
  currencies: string, // base/profit/margin
  calcMode: CalcMode,
  digits: number,
  contractSize: number,
  volumes: string, // min..max, the step equals the least
  stopsLevel: number,
  swapMode: SwapMode,
  swapLong: number,
  swapShort: number,
  tripleDay: "wednesday" | "friday",
  market: Market,
  description: string,
];

// biome-ignore format: a table is read by its columns
const rows: readonly Row[] = [
  ["EURUSD", "EUR/USD/EUR", "forex",        5, 100_000, "0.01..100",  0, "points",            -7.85,   3.80, "wednesday", "currencies", "Euro vs US Dollar"],
  ["GBPUSD", "GBP/USD/GBP", "forex",        5, 100_000, "0.01..100",  0, "points",            -1.12,  -0.79, "wednesday", "currencies", "Great Britain Pound vs US Dollar"],
  ["USDJPY", "USD/JPY/USD", "forex",        3, 100_000, "0.01..100",  0, "points",             9.17, -18.95, "wednesday", "currencies", "US Dollar vs Japanese Yen"],
  ["AUDUSD", "AUD/USD/AUD", "forex",        5, 100_000, "0.01..100",  0, "points",            -1.50,   0.31, "wednesday", "currencies", "Australian Dollar vs US Dollar"],
  ["XAUUSD", "XAU/USD/USD", "cfd_leverage", 2, 100,     "0.01..100", 20, "points",           -66.98,  43.92, "wednesday", "metals",     "Gold vs US Dollar"],
  ["US500",  "USD/USD/USD", "cfd_index",    2, 1,       "0.1..500",  50, "currency_symbol",   -1.52,   0.31, "friday",    "indices",    "US 500 Cash"],
  ["NAS100", "USD/USD/USD", "cfd_index",    2, 1,       "0.1..500",  50, "currency_symbol",   -5.66,   1.17, "friday",    "indices",    "US Tech 100 Cash"],
  ["BTCUSD", "BTC/USD/USD", "cfd",          2, 1,       "0.01..100",  0, "interest_current", -25.00,   9.00, "friday",    "always",     "Bitcoin vs US Dollar"],
];

const folders: Readonly<Record<Market, string>> = {
  currencies: "Forex",
  metals: "Metals",
  indices: "Indices",
  always: "Crypto",
};

/** What a specification has unless its source says otherwise. */
export const usualTerms = {
  tradeMode: "full",
  execution: "market",
  gtcMode: "gtc",
  chartMode: "bid",
  orderModes: ["market", "limit", "stop", "stop_limit", "stop_loss", "take_profit", "close_by"],
  fillingModes: ["fok", "ioc"],
  expirationModes: ["gtc", "day", "specified", "specified_day"],
  volumeLimit: 0 as Volume,
  stopsLevel: 0,
  freezeLevel: 0,
  marginInitial: 0,
  marginMaintenance: 0,
  marginHedgedUseLeg: false,
  bookDepth: 0,
  faceValue: 0,
  accruedInterest: 0,
  liquidityRate: 0,
} as const satisfies Partial<SymbolSpec>;

/** A night per workday, and three for the night that starts on `tripleDay` (Sunday is 0; absent: none). */
export function swapRatesOf(tripleDay: number | undefined): SymbolSpec["swapRates"] {
  const rate = (day: number) => (day === tripleDay ? 3 : day === 0 || day === 6 ? 0 : 1);
  return [rate(0), rate(1), rate(2), rate(3), rate(4), rate(5), rate(6)];
}

/** Buys and sells at `rate` of the mode's margin, pending orders free, as brokers have it off exchange. */
export function marginRatesOf(rate: number): SymbolSpec["marginRates"] {
  const side = { initial: rate, maintenance: 0 };
  return { buy: side, sell: side, pending: { initial: 0, maintenance: 0 } };
}

function specOf(row: Row, rates: MarginRates): SymbolSpec {
  const [name, currencies, calcMode, digits, contractSize, volumes, stopsLevel, ...rest] = row;
  const [swapMode, swapLong, swapShort, tripleDay, market, description] = rest;
  const [currencyBase = "", currencyProfit = "", currencyMargin = ""] = currencies.split("/");
  const [volumeMin = 0, volumeMax = 0] = volumes.split("..").map(Number);
  const marginRate = market === "indices" ? rates.index : market === "always" ? rates.crypto : 1;
  return {
    ...usualTerms,
    name,
    description,
    path: `${folders[market]}\\${name}`,
    digits,
    tickSize: 1 as Price,
    tickValue: contractSize / 10 ** digits,
    contractSize,
    currencyBase,
    currencyProfit,
    currencyMargin,
    calcMode,
    volumeMin: lots(volumeMin),
    volumeMax: lots(volumeMax),
    volumeStep: lots(volumeMin),
    stopsLevel,
    swapMode,
    swapLong,
    swapShort,
    swapRates: swapRatesOf(tripleDay === "wednesday" ? 3 : 5),
    marginHedged: contractSize,
    marginRates: marginRatesOf(marginRate),
    quoteSessions: sessions[market],
    tradeSessions: sessions[market],
  };
}

/** The table above at other margin rates. */
export const symbolsAt = (rates: Partial<MarginRates>): readonly SymbolSpec[] =>
  rows.map((row) => specOf(row, { ...typicalMarginRates, ...rates }));

export const defaultSymbols: readonly SymbolSpec[] = symbolsAt({});
