/**
 * Whether a symbol is quoted at a moment, by the sessions of its week in broker time.
 *
 * Pure. The answer comes with the moment until which it holds, so that whoever asks for
 * every tick need not look it up for every tick.
 */
import { fromBrokerTime, toBrokerTime } from "../../core/model/broker-clock.ts";
import type { BrokerTime, Instant } from "../../core/model/ids.ts";
import type { Session, WeekSessions } from "../../core/model/symbol.ts";

const DAY = 86_400_000;
const WEEK_DAYS = 7;

export interface SessionState {
  readonly open: boolean;
  /** The first moment at which `open` may be otherwise; infinity when it never is. */
  readonly until: number;
}

/** `from` is inclusive, `to` is not. Sessions that touch are one. */
export function sessionAt(week: WeekSessions, at: Instant): SessionState {
  const now = toBrokerTime(at);
  const midnight = Math.floor(now / DAY) * DAY;
  let [open, until] = [false, Number.POSITIVE_INFINITY];
  // From yesterday, whose sessions may run past midnight, to the same day of next week.
  for (let day = midnight - DAY; day <= midnight + WEEK_DAYS * DAY; day += DAY) {
    for (const { from, to } of sessionsOn(week, day)) {
      const [start, end] = [day + from * 1000, day + to * 1000];
      if (open ? start <= until && end > until : start <= now && end > now) [open, until] = [true, end];
      else if (!open && start > now) until = Math.min(until, start);
    }
  }
  if (open && until > midnight + WEEK_DAYS * DAY) return { open, until: Number.POSITIVE_INFINITY };
  return { open, until: Number.isFinite(until) ? after(at, fromBrokerTime(until as BrokerTime)) : until };
}

function sessionsOn(week: WeekSessions, day: number): readonly Session[] {
  const sessions = week[new Date(day).getUTCDay()] ?? [];
  return sessions.length < 2 ? sessions : [...sessions].sort((a, b) => a.from - b.from);
}

/** Where the broker's clock is set back, a boundary may seem to have passed: ask again soon. */
const after = (at: Instant, until: Instant): number => (until > at ? until : at + 60_000);
