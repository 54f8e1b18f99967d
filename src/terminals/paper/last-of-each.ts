import type { BrokerTime } from "../../core/model/ids.ts";
import type { SourceTick } from "../../core/model/tick.ts";
import { column, ROW, type TickRows } from "../../core/model/tick-rows.ts";

/** The last tick of each symbol; undefined when one of all ticks is not before `end`. */
export function lastOfEach(ticks: TickRows, end: BrokerTime): readonly SourceTick[] | undefined {
  const { numbers, symbols } = ticks;
  const last = new Int32Array(symbols.length).fill(-1);
  for (let row = 0, at = 0; at < numbers.length; row++, at += ROW) {
    if ((numbers[at + column.brokerTime] as number) >= end) return undefined;
    last[numbers[at] as number] = row;
  }
  return Array.from(last).flatMap((row) => (row < 0 ? [] : (ticks.at(row) as SourceTick)));
}
