/**
 * The rules that hold an order to the limits of its account and of its strategy.
 *
 * No rule holds back what can only reduce (see `onlyReduces`): a trader is never locked into a position.
 */
import type { AccountInfo } from "../model/account.ts";
import type { BrokerClock } from "../model/broker-clock.ts";
import { type Money, type Price, toLots, toMoney, toPrice } from "../model/decimals.ts";
import type { Instant, StrategyId } from "../model/ids.ts";
import type { OrderRequest, Rejection } from "../model/order.ts";
import type { SymbolSpec } from "../model/symbol.ts";
import type { Prices } from "../ticks/prices.ts";
import { notionalOf } from "./notional.ts";
import { isWithin, type RiskLimits, ranges, weekTimeText } from "./risk-limits.ts";
import { type OwingBooks, worstPosition } from "./worst-position.ts";

/** What a rule may look at. */
export interface Situation {
  readonly request: OrderRequest;
  /** Whose orders, positions and results count; absent: all of the account. */
  readonly strategyId: StrategyId | undefined;
  readonly account: AccountInfo;
  readonly symbols: ReadonlyMap<string, SymbolSpec>;
  readonly books: OwingBooks;
  /** Last quotes that are not too old, and the market's time, by which the day and trading hours go. */
  readonly prices: Pick<Prices, "now" | "fresh">;
  /** By whose clock the day begins. */
  readonly broker: BrokerClock;
  /** The bridge's clock. */
  readonly now: Instant;
}

/** A number, or why there is none. */
type Measured = number | { readonly unknown: string };

interface Breach {
  readonly limit: string;
  readonly value: string;
  readonly sentence: string;
}

export interface Rule {
  readonly name: string;
  /** Whether it also holds when the prices of a pending order are changed. */
  readonly changes: boolean;
  /** Whether the same order may pass a moment later. */
  readonly passes: boolean;
  breach(limits: RiskLimits, situation: Situation): Breach | undefined;
}

type NumberLimit = keyof typeof ranges;

/** A rule that compares a number; `reached`: it is too much already when it is as large as the limit. */
function atMost(
  limit: NumberLimit,
  more: { readonly changes?: true; readonly passes?: true; readonly reached?: true },
  what: string,
  measure: (situation: Situation) => Measured,
): Rule {
  const { field, unit } = ranges[limit];
  return {
    name: field,
    changes: more.changes ?? false,
    passes: more.passes ?? false,
    breach(limits, situation) {
      const most = limits[limit];
      if (most === undefined) return undefined;
      const value = measure(situation);
      if (typeof value !== "number") {
        return { limit: String(most), value: "unknown", sentence: `${value.unknown}, so that ${field} cannot be held` };
      }
      if (more.reached ? value < most : value <= most) return undefined;
      return { limit: String(most), value: String(value), sentence: `${what} ${value} ${unit}; ${field} is ${most}` };
    },
  };
}

// biome-ignore format: a table is read by its rows
export const rules: readonly Rule[] = [
  { name: "allowed_symbols", changes: false, passes: false, breach: strangeSymbol },
  { name: "trading_hours",   changes: false, passes: false, breach: outOfHours },
  atMost("maxVolume",          {},                              "the order's volume is",                 ({ request }) => toLots(request.volume)),
  atMost("maxNotional",        { changes: true },               "the order is worth",                    notional),
  atMost("priceCollarPoints",  { changes: true, passes: true }, "the price is off the last quote by",    (situation) => distance(situation)),
  atMost("priceCollarPercent", { changes: true, passes: true }, "the price is off the last quote by",    (situation) => distance(situation, "percent")),
  atMost("maxOpenOrders",      { passes: true },                "orders open with this one would be",    openOrders),
  atMost("maxPosition",        {},                              "the position could become",             position),
  atMost("maxDailyLoss",       { reached: true },               "the loss of the day is",                dailyLoss),
  atMost("maxOrdersPerSecond", { passes: true },                "orders of the last second with this one are", ordersOfASecond),
];

/** The first rule that the order breaks. */
export function broken(limits: RiskLimits, situation: Situation, which: readonly Rule[]): Rejection | undefined {
  for (const rule of which) {
    const breach = rule.breach(limits, situation);
    if (breach === undefined) continue;
    const { limit, value, sentence } = breach;
    const whose = situation.strategyId === undefined ? "" : ` (strategy ${situation.strategyId})`;
    const reason = `RISK_${rule.name.toUpperCase()}`;
    const message = `${sentence}${whose}; nothing was sent`;
    return { reason, retcode: 0, message, retriable: rule.passes, rule: rule.name, limit, value };
  }
  return undefined;
}

/** What holds when the prices of a pending order are changed. */
export const rulesOfChanges: readonly Rule[] = rules.filter(({ changes }) => changes);

function strangeSymbol({ allowedSymbols }: RiskLimits, { request }: Situation): Breach | undefined {
  if (allowedSymbols === undefined || allowedSymbols.includes(request.symbol)) return undefined;
  const sentence = `${request.symbol} is not among allowed_symbols`;
  return { limit: allowedSymbols.join(", "), value: request.symbol, sentence };
}

function outOfHours({ tradingHours }: RiskLimits, { prices }: Situation): Breach | undefined {
  if (tradingHours === undefined || tradingHours.some((window) => isWithin(window, prices.now))) return undefined;
  const value = weekTimeText(prices.now);
  const limit = tradingHours.map(({ text }) => text).join(", ");
  return { limit, value, sentence: `${value} UTC is outside of trading_hours (${limit})` };
}

function notional({ request, account, symbols, prices }: Situation): Measured {
  const found = notionalOf(request, { currency: account.currency, symbols, prices });
  return "unknown" in found ? found : rounded(found.amount, account.currencyDigits);
}

/** The farther of the order's prices from the side of the quote on which it would execute. */
function distance({ request, prices: market, symbols }: Situation, unit: "points" | "percent" = "points"): Measured {
  const quote = market.fresh(request.symbol);
  if (quote === undefined) return { unknown: `there is no fresh quote of ${request.symbol}` };
  const reference = request.side === "buy" ? quote.ask : quote.bid;
  const prices = [request.price, request.stopLimitPrice].filter((price): price is Price => price !== undefined);
  const points = Math.max(0, ...prices.map((price) => Math.abs(price - reference)));
  if (unit === "points") return points;
  const digits = symbols.get(request.symbol)?.digits ?? 0;
  const [far, of] = [toPrice(points as Price, digits), toPrice(reference, digits)];
  return of > 0 ? rounded((100 * far) / of, 6) : { unknown: `the last quote of ${request.symbol} is not above 0` };
}

function openOrders({ strategyId, books }: Situation): number {
  let count = 1;
  for (const order of books.orders.open) {
    if (strategyId === undefined || order.strategyId === strategyId) count += 1;
  }
  return count;
}

function position({ request, strategyId, books }: Situation): number {
  return worstPosition(request, books, strategyId) / 1e8;
}

/** What has been lost since the broker's midnight, and would be if all were closed now. */
function dailyLoss({ strategyId, account, books, prices, broker }: Situation): number {
  const result =
    books.holdings.realised(strategyId, broker.brokerTime(prices.now)) + books.holdings.floating(strategyId);
  return Math.max(0, -toMoney(result as Money, account.currencyDigits));
}

/** Orders that the bridge itself refused for risk have not been sent, and do not count. */
function ordersOfASecond({ strategyId, books, now }: Situation): number {
  let count = 1;
  for (let number = books.orders.nextNumber - 1; number >= 1; number--) {
    const order = books.orders.byNumber(number as typeof books.orders.nextNumber);
    if (order === undefined || order.knownAt <= now - 1000) break;
    const counts = order.clientOrderId !== undefined && !(order.stage === "rejected" && order.cause === "risk");
    if (counts && (strategyId === undefined || order.strategyId === strategyId)) count += 1;
  }
  return count;
}

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));
