import { describe, expect, it } from "vitest";
import { FarClock } from "../../../src/terminals/live/far-clock.ts";
import { workOf } from "../../../src/terminals/live/work.ts";
import { seeded } from "../../../src/terminals/paper/seeded.ts";

const none = { received: 0, beforeSend: 0, afterSend: 0, answered: 0, reported: 0 };

describe("a far clock", () => {
  it("is read by the quickest ping", () => {
    const clock = new FarClock();
    expect(clock.here(1_000_000)).toBeUndefined();
    clock.pinged(100, 5_040_000, 5_040_000, 180); // 80 ms under way, in truth 10 there and 70 back
    clock.pinged(200, 5_111_000, 5_112_000, 203); // 2 ms under way, a ms in between
    expect([clock.here(5_111_000), clock.roundTrip]).toEqual([201, 2]);
    clock.pinged(300, 5_240_000, 5_240_000, 380);
    expect(clock.here(5_111_000)).toBe(201);
  });

  it("believes a quick ping for a minute: clocks drift", () => {
    const clock = new FarClock();
    clock.pinged(0, 1_000, 1_000, 2);
    clock.pinged(70_000, 70_020_000, 70_020_000, 70_020);
    expect(clock.here(70_020_000)).toBe(70_010);
  });

  it("is not known any more when it has begun anew", () => {
    const clock = new FarClock();
    clock.pinged(0, 1_000, 1_000, 2);
    clock.forget();
    expect([clock.here(5), clock.roundTrip]).toEqual([undefined, undefined]);
  });
});

describe("the work of a command", () => {
  it("is all on the way where the terminal tells nothing", () => {
    expect(workOf(none, new FarClock(), 10, 30, 30)).toEqual([{ step: "back", start: 10, end: 30 }]);
  });

  it("leaves out what it never came to, and says how long its records took", () => {
    const clock = new FarClock();
    clock.pinged(0, 1_000_000, 1_000_000, 0);
    const work = workOf({ ...none, received: 1_015_000, reported: 1_018_000 }, clock, 10, 30, 35);
    expect(work.map(({ step, start, end }) => [step, start, end])).toEqual([
      ["there", 10, 15],
      ["report", 15, 18],
      ["back", 18, 30],
      ["records", 30, 35],
    ]);
  });

  it("adds up to what was waited, however wrong the clocks and the stamps are", () => {
    for (let seed = 0; seed < 500; seed++) {
      const chance = seeded(seed);
      const any = (most: number) => Math.floor(chance.next() * most);
      const clock = new FarClock();
      clock.pinged(any(100), any(1e6), any(1e6), 100 + any(100));
      const stamps = { ...none, received: any(1e6), beforeSend: any(1e6), answered: any(1e6), reported: any(1e6) };
      const [sent, here, told] = [100, 100 + any(500), 700];
      const work = workOf(stamps, clock, sent, here, told);
      const sum = work.reduce((total, { start, end }) => total + end - start, 0);
      expect(sum, `seed ${seed}`).toBeCloseTo(told - sent, 9);
      for (const [i, { start, end }] of work.entries()) {
        expect(end >= start && start === (work[i - 1]?.end ?? sent), `seed ${seed}`).toBe(true);
      }
    }
  });
});
