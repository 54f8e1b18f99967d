/**
 * Ticks of one symbol as a TickColumns message, straight from their rows.
 *
 * As bytes, which is what nearly everyone takes: 4 to 9 of them a tick. As a message, for
 * JSON.
 */
import { create } from "@bufbuild/protobuf";
import { type TickColumns, TickColumnsSchema } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import type { Tick } from "../core/model/tick.ts";
import { column, ROW, type TickRows } from "../core/model/tick-rows.ts";
import type { BackwardBytes } from "./backward-bytes.ts";

/** The most ticks of one message. */
export const largestColumns = 10_000;

/** Of each list its field, and the numbers of a row of which it is the difference; `INDEX`: less the tick's index. */
const INDEX = -1;
const lists = [
  { name: "timeMs", field: 4, of: column.time, less: undefined },
  { name: "brokerOffsetMs", field: 5, of: column.brokerTime, less: column.time },
  { name: "bid", field: 6, of: column.bid, less: undefined },
  { name: "spread", field: 7, of: column.ask, less: column.bid },
  { name: "last", field: 8, of: column.last, less: undefined },
  { name: "volume", field: 9, of: column.volume, less: undefined },
  { name: "flags", field: 10, of: column.flags, less: undefined },
  { name: "sequence", field: 11, of: column.sequence, less: INDEX },
  { name: "place", field: 13, of: column.place, less: undefined },
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

export function columnsMessage(rows: TickRows<Tick>, digits: number): TickColumns {
  const message = create(TickColumnsSchema, { symbol: nameOf(rows), digits, count: rows.length });
  for (const { name, of, less } of lists) {
    fill(rows, of, less);
    const steps = Array.from(values.subarray(0, rows.length), (value, i) => value - (values[i - 1] ?? 0));
    message[name] = steps.slice(0, steps.findLastIndex((step) => step !== 0) + 1).map(BigInt);
  }
  return message;
}

const nameOf = ({ symbols, numbers }: TickRows<Tick>): string => symbols[numbers[column.symbol] as number]?.name ?? "";

function fill({ numbers, length }: TickRows<Tick>, of: number, less: number | undefined): void {
  for (let i = 0, at = of; i < length; i++, at += ROW) {
    const minus = less === undefined ? 0 : less === INDEX ? i : (numbers[at - of + less] as number);
    values[i] = (numbers[at] as number) - minus;
  }
}
