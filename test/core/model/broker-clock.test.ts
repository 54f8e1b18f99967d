import { describe, expect, it } from "vitest";
import { fromBrokerTime, toBrokerTime } from "../../../src/core/model/broker-clock.ts";
import type { BrokerTime, Instant } from "../../../src/core/model/ids.ts";
import { utc } from "../../any-ticks.ts";

const HOUR = 3_600_000;
const newYork = new Intl.DateTimeFormat("en-US", { timeZone: "America/New_York", hourCycle: "h23", hour: "numeric" });

describe("the broker's clock", () => {
  it("is seven hours ahead of New York, in every hour of thirty years", () => {
    for (let time = utc("2007-03-20T00:00") as number; time < utc("2037-01-01T00:00"); time += 13 * HOUR) {
      const there = Number(newYork.format(time));
      const here = new Date(toBrokerTime(time as Instant)).getUTCHours();
      expect((there + 7) % 24, new Date(time).toISOString()).toBe(here);
    }
  });

  it.each([
    ["2024-03-10T06:59", 2],
    ["2024-03-10T07:00", 3],
    ["2024-11-03T05:59", 3],
    ["2024-11-03T06:00", 2],
  ])("is changed when New York's is: at %s UTC it is %d hours ahead", (at, hours) => {
    expect((toBrokerTime(utc(at)) - utc(at)) / HOUR).toBe(hours);
  });

  it("can be read back, and of the hour that occurs twice is the earlier", () => {
    for (let time = utc("2024-01-01T00:00") as number; time < utc("2025-01-01T00:00"); time += HOUR / 2) {
      const back = fromBrokerTime(toBrokerTime(time as Instant));
      const twice = time >= utc("2024-11-03T06:00") && time < utc("2024-11-03T07:00");
      expect(back - time, new Date(time).toISOString()).toBe(twice ? -HOUR : 0);
    }
    expect(fromBrokerTime(utc("2024-11-03T08:30") as number as BrokerTime)).toBe(utc("2024-11-03T05:30"));
  });
});
