/** Dates and times of day as recordings write them, on a clock written as if it were UTC. */
import type { Line } from "./line.ts";

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
const COLON = 58;

/** Midnight of a day, or NaN when there is no such day. */
export function midnight(year: number, month: number, day: number): number {
  const time = Date.UTC(year, month - 1, day);
  const date = new Date(time);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day && year >= 1970 ? time : Number.NaN;
}

/** `midnight` for lines that come in order: a day is worked out once. */
export function midnights(): (line: Line, year: number, month: number, day: number) => number {
  let known = -1;
  let at = Number.NaN;
  return (line, year, month, day) => {
    const key = (year * 100 + month) * 100 + day;
    if (key !== known) {
      known = key;
      at = midnight(year, month, day);
    }
    return Number.isNaN(at) ? line.fail("there is no such day") : at;
  };
}

/** "hh:mm:ss", with or without a fraction. */
export function timeOfDay(line: Line): number {
  const hours = line.digits(2, "the hour");
  line.expect(COLON, "a colon");
  const minutes = line.digits(2, "the minute");
  line.expect(COLON, "a colon");
  const seconds = line.digits(2, "the second");
  return clockTime(line, hours, minutes, seconds) + line.fraction();
}

export function clockTime(line: Line, hours: number, minutes: number, seconds: number): number {
  if (hours > 23 || minutes > 59 || seconds > 59) return line.fail("there is no such time of day");
  return ((hours * 60 + minutes) * 60 + seconds) * 1000;
}
