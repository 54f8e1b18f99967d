/**
 * The broker's wall clock.
 *
 * Most brokers run on New York time plus seven hours (UTC+2, and UTC+3 in the
 * American summer), so that a trading day ends at 17:00 New York and the week has
 * five daily bars. MetaTrader writes that clock as if it were UTC.
 */
import type { BrokerTime, Instant } from "./ids.ts";

/** Whoever knows what that clock shows at a moment. */
export interface BrokerClock {
  brokerTime(at: Instant): BrokerTime;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** American summer time of a year, as UTC instants: second Sunday of March, first Sunday of November, 2:00 local. */
function summer(year: number): { from: number; to: number } {
  return { from: sunday(year, 2, 2) + 7 * HOUR, to: sunday(year, 10, 1) + 6 * HOUR };
}

function sunday(year: number, month: number, nth: number): number {
  const first = Date.UTC(year, month, 1);
  const weekday = new Date(first).getUTCDay();
  return first + (((7 - weekday) % 7) + (nth - 1) * 7) * DAY;
}

const summers = new Map<number, { from: number; to: number }>();

function inSummer(utc: number): boolean {
  const year = new Date(utc).getUTCFullYear();
  let season = summers.get(year);
  if (season === undefined) {
    season = summer(year);
    summers.set(year, season);
  }
  return utc >= season.from && utc < season.to;
}

/** New York + 7. */
export const toBrokerTime = (utc: Instant): BrokerTime => (utc + (inSummer(utc) ? 3 : 2) * HOUR) as BrokerTime;

/** The inverse; of the hour that occurs twice in autumn, the earlier. */
export function fromBrokerTime(broker: BrokerTime): Instant {
  const winter = broker - 2 * HOUR;
  return (inSummer(winter - HOUR) ? winter - HOUR : winter) as Instant;
}
