/**
 * Ticks of one symbol as the bytes of a TickColumns message, straight from their rows: 4 to 9 of them a tick. Who wants
 * the message itself, as JSON does, reads the bytes.
 */
import type { Tick } from "../core/model/tick.ts";
import { column, ROW, type TickRows } from "../core/model/tick-rows.ts";
import type { BackwardBytes } from "./backward-bytes.ts";

/** The most ticks of one message. */
export const largestColumns = 10_000;

/** Of each list its field, and the numbers of a row of which it is the difference; `INDEX`: less the tick's index. */
const INDEX = -1;
const lists = [
  { field: 4, of: column.time, less: undefined },
  { field: 5, of: column.brokerTime, less: column.time },
  { field: 6, of: column.bid, less: undefined },
  { field: 7, of: column.ask, less: column.bid },
  { field: 8, of: column.last, less: undefined },
  { field: 9, of: column.volume, less: undefined },
  { field: 10, of: column.flags, less: undefined },
  { field: 11, of: column.sequence, less: INDEX },
  { field: 13, of: column.place, less: undefined },
] as const;

/** Of a stream's ticks only. */
const skipped = 12;

const utf8 = new TextEncoder();
const values = new Float64Array(largestColumns);

/**
 * As field `field` of another message. The rows are of one symbol, at most `largestColumns`; `skips` tells of each how
 * many were folded into it.
 */
export function writeColumns(
  into: BackwardBytes,
  field: number,
  rows: TickRows<Tick>,
  digits: number,
  skips?: readonly number[],
): void {
  const before = into.length;
  for (let i = lists.length - 1; i >= 0; i--) {
    const { field, of, less } = lists[i] as (typeof lists)[number];
    if (field === skipped - 1 && skips !== undefined) {
      values.set(skips);
      into.differences(skipped, values, rows.length);
    }
    fill(rows, of, less);
    into.differences(field, values, rows.length);
  }
  into.number(3, rows.length);
  into.number(2, digits);
  into.text(1, utf8.encode(nameOf(rows)));
  into.enclose(field, before);
}

const nameOf = ({ symbols, numbers }: TickRows<Tick>): string => symbols[numbers[column.symbol] as number]?.name ?? "";

function fill({ numbers, length }: TickRows<Tick>, of: number, less: number | undefined): void {
  for (let i = 0, at = of; i < length; i++, at += ROW) {
    const minus = less === undefined ? 0 : less === INDEX ? i : (numbers[at - of + less] as number);
    values[i] = (numbers[at] as number) - minus;
  }
}
