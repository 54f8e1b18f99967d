/**
 * Whether a symbol is quoted or traded at a moment, by its weekly sessions in broker time.
 *
 * A session belongs to the weekday it starts on and may reach into the next day:
 * then its end is beyond 24:00, and the morning after is asked of the day before.
 */
import { fromBrokerTime, toBrokerTime } from "../../core/model/broker-clock.ts";
import type { BrokerTime, Instant } from "../../core/model/ids.ts";
import type { SymbolSpec, WeekSessions } from "../../core/model/symbol.ts";
import type { Weekday } from "./swap.ts";

export const DAY_MS = 86_400_000;
const DAY_S = 86_400;

/** Days since 1970-01-01 on the broker's calendar. */
export const brokerDay = (time: BrokerTime): number => Math.floor(time / DAY_MS);

/** The calendar began on a Thursday. */
export const weekdayOf = (day: number): Weekday => ((((day + 4) % 7) + 7) % 7) as Weekday;

export function inSession(week: WeekSessions, time: BrokerTime): boolean {
  const day = brokerDay(time);
  const second = (time - day * DAY_MS) / 1000;
  return (
    week[weekdayOf(day)].some(({ from, to }) => second >= from && second < to) ||
    week[weekdayOf(day - 1)].some(({ from, to }) => second + DAY_S >= from && second + DAY_S < to)
  );
}

/** Whether any of the symbols can have new prices now. */
export const anyQuoted = (symbols: readonly SymbolSpec[], now: Instant): boolean =>
  symbols.some((symbol) => inSession(symbol.quoteSessions, toBrokerTime(now)));

/** The next moment after `now` at which a quote session starts or ends; undefined when there are none. */
export function nextBoundary(symbols: readonly SymbolSpec[], now: Instant): Instant | undefined {
  const today = brokerDay(toBrokerTime(now));
  let next = Number.POSITIVE_INFINITY;
  for (let day = today - 1; day <= today + 7; day++) {
    for (const symbol of symbols) {
      for (const { from, to } of symbol.quoteSessions[weekdayOf(day)]) {
        for (const second of [from, to]) {
          const moment = fromBrokerTime((day * DAY_MS + second * 1000) as BrokerTime);
          if (moment > now && moment < next) next = moment;
        }
      }
    }
  }
  return Number.isFinite(next) ? (next as Instant) : undefined;
}
