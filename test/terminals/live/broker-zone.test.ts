import { describe, expect, it } from "vitest";
import { toBrokerTime } from "../../../src/core/model/broker-clock.ts";
import type { BrokerTime, Instant } from "../../../src/core/model/ids.ts";
import { BrokerZone } from "../../../src/terminals/live/broker-zone.ts";
import { seeded } from "../../../src/terminals/paper/seeded.ts";

const MINUTE = 60_000;
const HOUR = 3_600_000;
const winter = Date.UTC(2025, 0, 7, 10) as Instant;
const at = (utc: number, ms: number) => (utc + ms) as Instant;

/** Watches a clock for so long, every two seconds; whether it has told something new. */
function watch(zone: BrokerZone, clock: (now: Instant) => number, from: Instant, ms: number): boolean {
  let news = false;
  for (let passed = 0; passed <= ms; passed += 2000) {
    news = zone.watch(clock(at(from, passed)), at(from, passed)) || news;
  }
  return news;
}
const ahead = (hours: number) => (now: Instant) => now + hours * HOUR;

/** UTC+2, in the European summer (last Sundays of March and October, 1:00 UTC) UTC+3. */
function europe(utc: number): number {
  const year = new Date(utc).getUTCFullYear();
  const lastSunday = (month: number) => {
    const last = Date.UTC(year, month + 1, 0);
    return last - new Date(last).getUTCDay() * 24 * HOUR + HOUR;
  };
  return (utc >= lastSunday(2) && utc < lastSunday(9) ? 3 : 2) * HOUR;
}

describe("a broker's zone", () => {
  it("is New York + 7 while nothing is known", () => {
    const zone = new BrokerZone();
    const summer = Date.UTC(2025, 6, 1) as Instant;
    expect([zone.toBroker(winter) - winter, zone.toBroker(summer) - summer]).toEqual([2 * HOUR, 3 * HOUR]);
    expect(zone.toUtc(zone.toBroker(summer))).toBe(summer);
  });

  it("is what the terminal believes until a running clock has told", () => {
    const zone = new BrokerZone();
    zone.hear(winter + 5.5 * HOUR + 20_000, winter);
    expect(zone.toBroker(winter) - winter).toBe(5.5 * HOUR);
    expect(watch(zone, ahead(2), winter, MINUTE)).toBe(true);
    expect(zone.toBroker(winter) - winter).toBe(2 * HOUR);
  });

  it.each([0, 2, 3, 5.5, 5.75, -5, 8])("is %s hours ahead once a clock has run so for half a minute", (hours) => {
    const zone = new BrokerZone();
    watch(zone, ahead(hours), winter, 28_000);
    expect(zone.toBroker(winter) - winter).toBe(2 * HOUR);
    watch(zone, ahead(hours), winter, 40_000);
    expect(zone.toBroker(winter) - winter).toBe(hours * HOUR);
    expect(zone.toUtc(winter + hours * HOUR)).toBe(winter);
  });

  it("learns nothing from a clock that stands still, however long it does", () => {
    const zone = new BrokerZone();
    const friday = winter + 2 * HOUR;
    expect(watch(zone, () => friday, winter, 49 * HOUR)).toBe(false);
    expect(zone.memory).toEqual({ segments: [], newYork: true });
  });

  it("learns nothing from old ticks that are told in a hurry", () => {
    const zone = new BrokerZone();
    expect(watch(zone, (now) => winter - 9 * HOUR + (now - winter) * 40, winter, 10 * MINUTE)).toBe(false);
  });

  it("learns nothing from a clock that is no whole quarters of an hour away", () => {
    expect(watch(new BrokerZone(), ahead(2 + 7 / 60), winter, 2 * MINUTE)).toBe(false);
  });

  it("follows a switch that is not New York's, and keeps the time before it", () => {
    const zone = new BrokerZone();
    const autumn = Date.UTC(2025, 9, 26, 23) as Instant; // Europe has gone back, America has not
    watch(zone, ahead(3), at(autumn, -50 * HOUR), MINUTE);
    expect(zone.memory.newYork).toBe(true);
    expect(watch(zone, ahead(2), autumn, MINUTE)).toBe(true);
    const later = at(autumn, HOUR);
    const before = at(autumn, -50 * HOUR);
    expect([zone.toBroker(later) - later, zone.toBroker(before) - before]).toEqual([2 * HOUR, 3 * HOUR]);
    expect([zone.toUtc(later + 2 * HOUR), zone.toUtc(before + 3 * HOUR)]).toEqual([later, before]);
  });

  it("knows at the next start what it has learned", () => {
    const zone = new BrokerZone();
    watch(zone, ahead(8), winter, MINUTE);
    const next = new BrokerZone(JSON.parse(JSON.stringify(zone.memory)));
    expect(next.toBroker(winter) - winter).toBe(8 * HOUR);
  });

  it("knows any zone after half a minute of any week that runs, and nothing wrong from one that stands still", () => {
    for (let seed = 0; seed < 300; seed++) {
      const chance = seeded(seed);
      const pick = <T>(of: readonly T[]): T => of[Math.floor(chance.next() * of.length)] as T;
      const fixed = pick([0, 1, 2, 5.5, 9]) * HOUR;
      const offset = pick([(t: number) => toBrokerTime(t as Instant) - t, europe, () => fixed]);
      const zone = new BrokerZone();
      let now = at(Date.UTC(2024, 0, 1), Math.floor(chance.next() * 300 * 24 * HOUR));
      let newest = now + offset(now);
      for (let week = 0; week < 6; week++) {
        // A week opens; ticks come at most four seconds apart.
        for (let passed = 0; passed <= MINUTE; passed += 2000) {
          now = at(now, 2000);
          newest = now + offset(now) - Math.floor(chance.next() * 4000);
          zone.watch(newest, now);
        }
        const say = `seed ${seed}, week ${week}, ${new Date(now).toISOString()}`;
        expect(zone.toBroker(now) - now, say).toBe(offset(now));
        const inSwitch = offset(now) !== offset(now - 5 * HOUR) || offset(now) !== offset(now + 5 * HOUR);
        if (!inSwitch) expect(zone.toUtc(now + offset(now)), say).toBe(now);
        // It closes, and the clock stands still for days.
        const learned = zone.memory;
        const stand = Math.floor((1 + chance.next() * 9) * 24 * HOUR);
        for (let passed = 0; passed < stand; passed += 7 * MINUTE) zone.watch(newest, at(now, passed));
        for (let passed = 0; passed < 2 * MINUTE; passed += 2000) zone.watch(newest, at(now, stand + passed));
        expect(zone.memory, say).toEqual(learned);
        now = at(now, stand + 2 * MINUTE);
      }
    }
  });

  it("reads a time back as it wrote it, outside the hours of a switch", () => {
    const zone = new BrokerZone({ segments: [{ from: winter, offset: 9 * HOUR }], newYork: false });
    for (let seed = 0; seed < 200; seed++) {
      const utc = at(winter, Math.floor((seeded(seed).next() - 0.5) * 800 * 24 * HOUR));
      expect(zone.toUtc(zone.toBroker(utc) as BrokerTime), `seed ${seed}`).toBe(utc);
    }
  });
});
