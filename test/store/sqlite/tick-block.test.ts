import { describe, expect, it } from "vitest";
import { ROW } from "../../../src/core/model/tick-rows.ts";
import {
  BLOCK_TICKS,
  decodeBlock,
  holds,
  rowsOf,
  TICK_FIELDS,
  TickBlock,
} from "../../../src/store/sqlite/tick-block.ts";
import { anyTicks, numbers } from "../../any-ticks.ts";

const LIMIT = 2 ** 50;

const blockOf = (rows: readonly number[][]) => {
  const block = new TickBlock();
  for (const row of rows) block.add(Float64Array.from(row), 0);
  return block;
};

const fieldsOf = (bytes: Uint8Array) => {
  const columns = decodeBlock(bytes);
  const rows = rowsOf(columns, 0, columns.count);
  return Array.from({ length: columns.count }, (_, i) => [...rows.subarray(i * ROW + 1, (i + 1) * ROW)]);
};

describe("a block of ticks", () => {
  it("gives back exactly the whole numbers it was given, at the edges of what it holds too", () => {
    for (let seed = 0; seed < 300; seed++) {
      const below = numbers(seed);
      const sizes = [1, 2, 100, 2 ** 14, 2 ** 31, 2 ** 32, 2 ** 40, LIMIT + 1];
      const spread = () => Math.floor((below(2 ** 31) / 2 ** 31) * (sizes[below(sizes.length)] as number));
      const rows = Array.from({ length: below(200) }, () =>
        Array.from({ length: TICK_FIELDS }, () => spread() * (below(2) ? 1 : -1) || 0),
      );
      expect(fieldsOf(blockOf(rows).encode()), `seed ${seed}`).toEqual(rows);
    }
  });

  it("holds the largest numbers it says it holds, next to the smallest", () => {
    const row = (value: number) => new Array<number>(TICK_FIELDS).fill(value);
    const zigzag = (sign: number) => row(0).map((_, i) => (i % 2 ? LIMIT : -LIMIT) * sign);
    const rows = [row(LIMIT), row(-LIMIT), row(LIMIT), row(0), zigzag(1), zigzag(-1), zigzag(1)];
    for (const one of rows) expect(holds(Float64Array.from(one), 0)).toBe(true);
    expect(fieldsOf(blockOf(rows).encode())).toEqual(rows);
    for (const value of [LIMIT + 1, -LIMIT - 1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(holds(Float64Array.from(row(value)), 0), `${value}`).toBe(false);
    }
  });

  it("can be taken up again where it was written", () => {
    const rows = anyTicks(3, 500).map((tick) => [
      ...[
        tick.time,
        tick.brokerTime,
        tick.bid,
        tick.ask,
        tick.last,
        tick.volume,
        tick.flags,
        tick.sequence,
        tick.place,
      ],
    ]);
    const again = TickBlock.from(decodeBlock(blockOf(rows.slice(0, 123)).encode()));
    for (const row of rows.slice(123)) again.add(Float64Array.from(row), 0);
    expect(fieldsOf(again.encode())).toEqual(rows);
    expect([again.firstTime, again.lastTime, again.count]).toEqual([rows[0]?.[0], rows.at(-1)?.[0], 500]);
  });

  it("takes about five bytes for a tick of a quote-only market", () => {
    const below = numbers(1);
    let [time, bid] = [1_700_000_000_000, 109_000];
    const rows = Array.from({ length: BLOCK_TICKS }, (_, n) => {
      time += below(400);
      bid += below(7) - 3;
      return [time, time + 7_200_000, bid, bid + 8 + below(3), 0, 0, below(2) ? 2 : 6, n + 1, n + 1];
    });
    expect(blockOf(rows).encode().length / BLOCK_TICKS).toBeLessThan(5.5);
  });

  it("is refused when it is cut off", () => {
    const bytes = blockOf(Array.from({ length: 50 }, (_, n) => new Array<number>(TICK_FIELDS).fill(n * n))).encode();
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeBlock(bytes.subarray(0, length)), `${length} bytes`).toThrow(RangeError);
    }
  });
});
