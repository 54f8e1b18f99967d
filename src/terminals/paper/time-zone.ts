/**
 * From a recording's wall clock to UTC.
 *
 * A zone is named "UTC", "UTC-5", "UTC+5:30", "broker" (New York + 7, see the core's
 * broker clock) or as in the IANA database ("America/New_York"). Of the hour that occurs
 * twice in autumn the later is meant, as with the broker clock; a reading that no clock
 * showed in spring is moved past the gap.
 *
 * Clocks change on a quarter of an hour, so one conversion serves all ticks of that quarter.
 */
import { fromBrokerTime, toBrokerTime } from "../../core/model/broker-clock.ts";
import type { BrokerTime, Instant } from "../../core/model/ids.ts";

const MINUTE = 60_000;
const QUARTER = 15 * MINUTE;
const DAY = 24 * 60 * MINUTE;

/** Takes a wall clock's reading, written as if that clock were UTC. */
export type ToUtc = (reading: number) => Instant;

export function timeZone(name: string): ToUtc {
  if (/^(utc|gmt|z)$/i.test(name)) return (reading) => reading as Instant;
  const fixed = /^(?:UTC|GMT)([+-])(\d{1,2})(?::(\d\d))?$/i.exec(name);
  if (fixed !== null) {
    const minutes = Number(fixed[2]) * 60 + Number(fixed[3] ?? 0);
    const offset = (fixed[1] === "-" ? -minutes : minutes) * MINUTE;
    return (reading) => (reading - offset) as Instant;
  }
  if (/^broker$/i.test(name)) return perQuarter((reading) => fromBrokerTime(reading as BrokerTime));
  return perQuarter(regional(name));
}

/** `toBrokerTime`, remembering the quarter of an hour it was last asked about. */
export const brokerTimes = (): ((utc: Instant) => BrokerTime) =>
  perQuarter((utc) => toBrokerTime(utc as Instant)) as (utc: Instant) => BrokerTime;

function perQuarter<T extends number>(convert: (time: number) => T): (time: number) => T {
  let from = Number.NaN;
  let shift = 0;
  return (time) => {
    const into = time - from;
    if (!(into >= 0 && into < QUARTER)) {
      from = Math.floor(time / QUARTER) * QUARTER;
      shift = convert(from) - from;
    }
    return (time + shift) as T;
  };
}

function regional(name: string): ToUtc {
  const offsetAt = offsets(name);
  return (reading) => {
    const before = offsetAt(reading - DAY);
    const after = offsetAt(reading + DAY);
    const later = reading - Math.min(before, after);
    if (offsetAt(later) === reading - later) return later as Instant;
    const earlier = reading - Math.max(before, after);
    if (offsetAt(earlier) === reading - earlier) return earlier as Instant;
    return (reading - before) as Instant;
  };
}

/** How far a zone's clock is ahead of UTC, in milliseconds. */
function offsets(name: string): (utc: number) => number {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", { timeZone: name, timeZoneName: "longOffset" });
  } catch (cause) {
    throw new Error(`unknown time zone "${name}": use "UTC", "UTC-5", "broker" or a name like "America/New_York"`, {
      cause,
    });
  }
  return (utc) => {
    const text = format.formatToParts(utc).find((part) => part.type === "timeZoneName")?.value ?? "GMT";
    const found = /([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(text);
    if (found === null) return 0;
    const seconds = Number(found[2]) * 3600 + Number(found[3]) * 60 + Number(found[4] ?? 0);
    return (found[1] === "-" ? -seconds : seconds) * 1000;
  };
}
