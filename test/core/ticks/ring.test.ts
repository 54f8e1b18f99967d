import { describe, expect, it } from "vitest";
import type { Price } from "../../../src/core/model/decimals.ts";
import type { Instant } from "../../../src/core/model/ids.ts";
import type { Tick } from "../../../src/core/model/tick.ts";
import { TickRows } from "../../../src/core/model/tick-rows.ts";
import { RowFrame } from "../../../src/core/ticks/frame.ts";
import { Ring } from "../../../src/core/ticks/ring.ts";
import { numbers, tickAt } from "../../any-ticks.ts";

const start = 1_700_000_000_000;

/** Frames of several symbols, numbered as the hub does it; `wild` ticks hold what no packing is made for, too. */
function framesOf(seed: number, count: number, step: number, wild = false): RowFrame[] {
  const below = numbers(seed);
  const names = ["A", "B", "C"];
  const lists = [names, [...names].reverse()].map((list) => list.map((name) => ({ name })));
  const sequences = new Map<string, number>();
  let place = 0;
  return Array.from({ length: count }, () => {
    const ticks = Array.from({ length: 1 + below(1000) }, () => {
      const symbol = names[below(7) === 0 ? 2 : below(2)] as string;
      const sequence = (sequences.get(symbol) ?? 0) + 1;
      sequences.set(symbol, sequence);
      place += 1;
      const bid = (wild && below(3000) === 0 ? 0.1 : 1) * (100_000 + below(wild && below(2) ? 2 ** 31 : 50) - 2 ** 20);
      const more = { bid: bid as Price, ask: (bid + below(30)) as Price, sequence, place, flags: below(128) };
      return tickAt((start + Math.floor(place * step) + below(5)) as Instant, { symbol, ...more });
    });
    const rows = TickRows.of(ticks);
    const symbols = lists[below(40) === 0 ? 1 : 0] as readonly { readonly name: string }[];
    for (let at = 0; at < rows.numbers.length; at += rows.numbers.length / rows.length) {
      const { name } = rows.symbols[rows.numbers[at] as number] as { readonly name: string };
      rows.numbers[at] = symbols.findIndex((one) => one.name === name);
    }
    return new RowFrame(new TickRows<Tick>(symbols, rows.numbers));
  });
}

function ticksSince(ring: Ring, place: number, symbols: readonly string[]): Tick[] {
  const { packed, fresh } = ring.since(place, new Set(symbols));
  return [...packed, ...fresh].flatMap(({ ticks }) => ticks).filter(({ symbol }) => symbols.includes(symbol));
}

describe("the ring of ticks", () => {
  it("gives back every tick as it was, in order, behind any place, for any symbols", () => {
    for (let seed = 0; seed < 12; seed++) {
      const below = numbers(seed);
      const ring = new Ring();
      const frames = framesOf(seed, 60 + below(120), 1, true);
      for (const frame of frames) ring.push(frame);
      const all = frames.flatMap(({ ticks }) => ticks);
      for (let n = 0; n < 4; n++) {
        const place = below(all.length + 1);
        const symbols = ["A", "B", "C"].filter(() => below(3) > 0);
        const wanted = all.filter((tick) => tick.place > place && symbols.includes(tick.symbol));
        expect(ticksSince(ring, place, symbols), `seed ${seed}`).toEqual(wanted);
      }
      expect(ring.newest, `seed ${seed}`).toEqual(all.at(-1));
    }
  });

  it("keeps the last 262,144 of each symbol, however fast another one ticks, and says what it has forgotten", () => {
    const ring = new Ring();
    const frames = framesOf(1, 2400, 1);
    for (const frame of frames) ring.push(frame);
    const all = frames.flatMap(({ ticks }) => ticks);
    for (const symbol of ["A", "B", "C"]) {
      const forgotten = ring.forgotten([symbol]);
      const own = all.filter((tick) => tick.symbol === symbol);
      const kept = own.filter(({ place }) => place > forgotten);
      expect(kept.length, symbol).toBeGreaterThanOrEqual(Math.min(own.length, 262_144));
      expect(ticksSince(ring, forgotten, [symbol]), symbol).toEqual(kept);
    }
    expect([ring.forgotten(["A"]) > 0, ring.forgotten(["C"])]).toEqual([true, 0]);
  });

  it("keeps the last minute of a symbol, however many ticks it had", () => {
    const ring = new Ring();
    for (const frame of framesOf(2, 2000, 0.01)) ring.push(frame); // a million ticks in ten seconds
    expect(ring.forgotten(["A", "B", "C"])).toBe(0);
  });

  it("never takes more than 64 MiB, whatever ticks", () => {
    const ring = new Ring();
    let most = 0;
    for (let n = 0; n < 40; n++) {
      for (const frame of framesOf(3, 20, 0)) {
        const { numbers: row } = frame.rows;
        for (let i = 3; i < row.length; i += 10) row[i] = Math.sin(n * i) * 2 ** 60; // nothing that could be packed
        ring.push(frame);
      }
      most = Math.max(most, ring.bytes);
    }
    expect(most).toBeGreaterThan(20 * 2 ** 20);
    expect(most).toBeLessThanOrEqual(64 * 2 ** 20);
  });

  it("ends who was so long in reading that it has dropped what was to come", () => {
    const ring = new Ring();
    const frames = framesOf(1, 2400, 1);
    for (const frame of frames.slice(0, 100)) ring.push(frame);
    const reading = ring.since(0, new Set(["A"])).packed[Symbol.iterator]();
    expect(reading.next().done).toBe(false);
    for (const frame of frames.slice(100)) ring.push(frame);
    expect(() => reading.next()).toThrow("gone");
  });
});
