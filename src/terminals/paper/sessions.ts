/**
 * When a symbol trades, by the kind of its market, on the broker's clock (New York + 7).
 *
 * Terminals do not tell sessions in any of their dumps, so these are typical hours:
 * currencies from Monday 00:05 to Friday 23:55 without a break, metals and indices with
 * their daily one, and what never closes.
 */
import type { Session, SymbolSpec, WeekSessions } from "../../core/model/symbol.ts";
import { isCrypto, isMetal } from "./currency.ts";

export type Market = "currencies" | "metals" | "indices" | "always";

/** "01:05-23:55" in seconds. */
function hours(text: string): Session {
  const [from = 0, to = 0] = text.split("-").map((clock) => {
    const [hour = 0, minute = 0] = clock.split(":").map(Number);
    return hour * 3600 + minute * 60;
  });
  return { from, to };
}

/** Sunday first; "" is a day without trading. */
const week = (...days: readonly [string, string, string, string, string, string, string]): WeekSessions =>
  days.map((day) => (day === "" ? [] : [hours(day)])) as unknown as WeekSessions;

const workdays = (day: string): WeekSessions => week("", day, day, day, day, day, "");
const whole = "00:00-24:00";

export const sessions: Readonly<Record<Market, WeekSessions>> = {
  currencies: week("", "00:05-24:00", whole, whole, whole, "00:00-23:55", ""),
  metals: workdays("01:05-23:55"),
  indices: workdays("01:00-23:55"),
  always: week(whole, whole, whole, whole, whole, whole, whole),
};

/** The market of a symbol whose source does not tell its sessions; shares and the unknown keep the hours of indices. */
export function marketOf(
  symbol: Pick<SymbolSpec, "name" | "path" | "calcMode" | "currencyBase" | "currencyProfit">,
): Market {
  const { name, path, currencyBase, currencyProfit } = symbol;
  if (/crypto/i.test(path) || isCrypto(currencyBase) || isCrypto(currencyProfit)) return "always";
  if (isMetal(currencyBase) || isMetal(name.slice(0, 3))) return "metals";
  return symbol.calcMode === "forex" || symbol.calcMode === "forex_no_leverage" ? "currencies" : "indices";
}
