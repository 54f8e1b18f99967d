import { describe, expect, it } from "vitest";
import { toBrokerTime } from "../../../src/core/model/broker-clock.ts";
import type { Instant } from "../../../src/core/model/ids.ts";
import { anyQuoted, inSession, nextBoundary } from "../../../src/terminals/paper/opening-hours.ts";
import { eurusd, HOUR } from "./builders.ts";

describe("sessions", () => {
  const week = [[], [{ from: 3600, to: 90_000 }], [], [], [], [{ from: 0, to: 86_400 }], []] as never;
  const at = (day: number, hour: number) => (Date.UTC(2025, 0, day, hour) - 2 * HOUR) as Instant;
  const open = (day: number, hour: number) => inSession(week, toBrokerTime(at(day, hour)));

  it("belong to the weekday on which they start and may reach into the next", () => {
    expect([open(6, 0), open(6, 1), open(6, 23), open(7, 0), open(7, 1)]).toEqual([false, true, true, true, false]);
  });

  it("end with their last second", () => {
    expect([open(10, 23), open(11, 0)]).toEqual([true, false]);
  });

  it("are found ahead, across a weekend", () => {
    const symbols = [{ ...eurusd, quoteSessions: week }];
    expect(nextBoundary(symbols, at(6, 0))).toBe(at(6, 1));
    expect(nextBoundary(symbols, at(6, 1))).toBe(at(7, 1));
    expect(nextBoundary(symbols, at(11, 0))).toBe(at(13, 1));
    expect(anyQuoted(symbols, at(12, 5))).toBe(false);
  });
});
