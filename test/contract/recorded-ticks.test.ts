import { fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { ListTicksResponseSchema, type TickColumns } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { ownBytes, TicksAsColumns, TicksAsRows } from "../../src/contract/recorded-ticks.ts";
import type { Price, Volume } from "../../src/core/model/decimals.ts";
import type { BrokerTime, Instant } from "../../src/core/model/ids.ts";
import type { Tick } from "../../src/core/model/tick.ts";
import { TickRows } from "../../src/core/model/tick-rows.ts";
import { anyTicks, numbers, tickAt } from "../any-ticks.ts";
import { eurusd } from "../terminals/paper/builders.ts";

/** As the comment of TickColumns says, and no more: what any client would write. */
function ticksOf(columns: TickColumns): Tick[] {
  const whole = (steps: readonly bigint[]) => {
    let value = 0;
    return Array.from({ length: columns.count }, (_, i) => {
      value += Number(steps[i] ?? 0n);
      return value;
    });
  };
  const [time, offset, bid, spread] = [columns.timeMs, columns.brokerOffsetMs, columns.bid, columns.spread].map(whole);
  const [last, volume, flags] = [columns.last, columns.volume, columns.flags].map(whole);
  const [sequence, place] = [columns.sequence, columns.place].map(whole);
  const at = (list: readonly number[] | undefined, i: number) => list?.[i] ?? Number.NaN;
  return Array.from({ length: columns.count }, (_, i) => ({
    symbol: columns.symbol,
    time: at(time, i) as Instant,
    brokerTime: (at(time, i) + at(offset, i)) as BrokerTime,
    bid: at(bid, i) as Price,
    ask: (at(bid, i) + at(spread, i)) as Price,
    last: at(last, i) as Price,
    volume: at(volume, i) as Volume,
    flags: at(flags, i),
    sequence: at(sequence, i) + i,
    place: at(place, i),
  }));
}

/** Anything a history can hold. */
function strangeTicks(seed: number): Tick[] {
  const below = numbers(seed);
  const sizes = [1, 60, 2 ** 7, 2 ** 14, 2 ** 31, 2 ** 35, 2 ** 49];
  const whole = () => Math.floor((below(2 ** 31) / 2 ** 31) * (sizes[below(sizes.length)] as number));
  return Array.from({ length: 1 + below(40) }, () =>
    tickAt(whole() as Instant, {
      brokerTime: whole() as BrokerTime,
      bid: whole() as Price,
      ask: whole() as Price,
      last: (below(2) ? whole() : 0) as Price,
      volume: (below(2) ? whole() : 0) as Volume,
      flags: below(2 ** 31),
      sequence: whole(),
      place: whole(),
    }),
  );
}

describe("recorded ticks as rows", () => {
  it("have the very bytes that the library writes of the message, whatever is in them", () => {
    const symbols = new Map([["EURUSD", eurusd]]);
    for (let seed = 0; seed < 200; seed++) {
      const before1970 = tickAt(-5 as Instant, { brokerTime: -1 as BrokerTime, last: -0 as Price });
      const ticks = [...strangeTicks(seed), before1970, ...anyTicks(seed, 5)];
      const answer = new TicksAsRows(TickRows.of(ticks), ["", "more"][seed % 2] as string, symbols);
      expect(ownBytes(answer), `seed ${seed}`).toEqual(Buffer.from(toBinary(ListTicksResponseSchema, answer)));
    }
  });
});

describe("recorded ticks as columns", () => {
  const answerOf = (ticks: readonly Tick[], token = "") => new TicksAsColumns(TickRows.of(ticks), token, 5);

  it("are, decoded, the ticks that were recorded, whatever is in them", () => {
    for (let seed = 0; seed < 300; seed++) {
      const ticks = seed % 3 === 0 ? anyTicks(seed, 1 + seed) : strangeTicks(seed);
      const { columns, nextPageToken } = fromBinary(
        ListTicksResponseSchema,
        ownBytes(answerOf(ticks, `${seed}`)) as Buffer,
      );
      expect(columns.flatMap(ticksOf), `seed ${seed}`).toEqual(ticks);
      expect([nextPageToken, columns[0]?.symbol, columns[0]?.digits]).toEqual([`${seed}`, "EURUSD", 5]);
    }
  });

  it("have the very bytes that the library writes of the message, and a message for who speaks JSON", () => {
    for (let seed = 0; seed < 100; seed++) {
      const answer = answerOf(strangeTicks(seed), "more");
      expect(ownBytes(answer), `seed ${seed}`).toEqual(Buffer.from(toBinary(ListTicksResponseSchema, answer)));
    }
    const json = toJson(ListTicksResponseSchema, answerOf(anyTicks(1, 3)));
    expect(json.columns?.[0]).toMatchObject({ symbol: "EURUSD", digits: 5, count: 3 });
  });

  it("come in pieces of at most 10,000, in order", () => {
    const ticks = anyTicks(7, 25_000);
    const { columns } = fromBinary(ListTicksResponseSchema, ownBytes(answerOf(ticks)) as Buffer);
    expect(columns.map(({ count }) => count)).toEqual([10_000, 10_000, 5000]);
    expect(columns.flatMap(ticksOf)).toEqual(ticks);
  });

  it("leave out differences of 0 at a column's end, and columns of nothing but 0", () => {
    const still = Array.from({ length: 50 }, (_, i) => tickAt(1000 as Instant, { sequence: i + 1, place: 9 }));
    const [columns] = answerOf(still).columns;
    expect(columns).toMatchObject({ count: 50, bid: [100_000n], last: [], sequence: [1n], place: [9n] });
  });

  it("are nothing where there are none", () => {
    expect(ownBytes(new TicksAsColumns(TickRows.of<Tick>([]), "", 5))).toEqual(Buffer.alloc(0));
  });
});
