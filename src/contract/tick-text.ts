/**
 * A batch of ticks as the JSON text of a StreamTicksResponse, straight from the ticks.
 *
 * By way of a message and its JSON value it takes several times as long, for a text that is the same to the letter; a
 * test holds the two together.
 */
import type { SymbolSpec } from "../core/model/symbol.ts";
import type { Tick } from "../core/model/tick.ts";
import { column, ROW, type TickRows } from "../core/model/tick-rows.ts";
import type { Cursor } from "../core/streams/cursor.ts";
import { inEnvelope } from "./envelope.ts";

type Symbols = ReadonlyMap<string, SymbolSpec>;

const LOT = 1e8;

/** The text of each tick; `skips` tells how many were folded into it; absent: none. */
export function textsOf(rows: TickRows<Tick>, skips: readonly number[] | undefined, symbols: Symbols): string[] {
  const known = rows.symbols.map(({ name }) => ({
    symbol: name === "" ? "" : `,"symbol":${JSON.stringify(name)}`,
    scale: 10 ** (symbols.get(name)?.digits ?? 0),
  }));
  const texts: string[] = [];
  for (let i = 0; i < rows.length; i++) {
    const { symbol, scale } = known[rows.numbers[i * ROW] as number] as { symbol: string; scale: number };
    texts.push(textOf(rows.numbers, i * ROW, symbol, scale, skips?.[i] ?? 0));
  }
  return texts;
}

/** In its envelope. */
export function batchText(ticks: readonly string[], { epoch, sequence }: Cursor): Buffer {
  const list = ticks.length === 0 ? "" : `"ticks":[${ticks.join()}],`;
  const marks = [
    epoch === "" ? [] : `"epoch":${JSON.stringify(epoch)}`,
    sequence === 0 ? [] : `"sequence":"${sequence}"`,
  ];
  return inEnvelope(Buffer.from(`{"batch":{${list}"cursor":{${marks.flat().join()}}}}`));
}

/** A field that is 0 is left out, as protobuf's JSON form does; numbers of 64 bits are in quotes. */
function textOf(numbers: Float64Array, at: number, symbol: string, scale: number, skipped: number): string {
  const number = (of: number): number => numbers[at + of] as number;
  const [bid, ask, last, volume] = [number(column.bid), number(column.ask), number(column.last), number(column.volume)];
  const [time, brokerTime, flags] = [number(column.time), number(column.brokerTime), number(column.flags)];
  const sequence = number(column.sequence);
  let fields = symbol;
  if (!Object.is(bid, 0)) fields += `,"bid":${bid / scale}`;
  if (!Object.is(ask, 0)) fields += `,"ask":${ask / scale}`;
  if (!Object.is(last, 0)) fields += `,"last":${last / scale}`;
  if (!Object.is(volume, 0)) fields += `,"volume":${volume / LOT}`;
  if (time !== 0) fields += `,"timeMs":"${time}"`;
  if (brokerTime !== 0) fields += `,"brokerTimeMs":"${brokerTime}"`;
  if (flags !== 0) fields += `,"flags":${flags}`;
  if (sequence !== 0) fields += `,"sequence":"${sequence}"`;
  if (skipped !== 0) fields += `,"skipped":${skipped}`;
  return `{${fields.slice(1)}}`;
}
