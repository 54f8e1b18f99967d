/**
 * A batch of ticks as the JSON text of a StreamTicksResponse, straight from the ticks.
 *
 * By way of a message and its JSON value it takes several times as long, for a text that is the same to the letter; a
 * test holds the two together.
 */
import type { SymbolSpec } from "../core/model/symbol.ts";
import type { Tick } from "../core/model/tick.ts";
import type { Cursor } from "../core/streams/cursor.ts";
import { inEnvelope } from "./envelope.ts";

const LOT = 1e8;

/** In its envelope. `skips` tells of each tick how many were folded into it; absent: none. */
export function batchText(
  ticks: readonly Tick[],
  skips: readonly number[] | undefined,
  { epoch, sequence }: Cursor,
  symbols: ReadonlyMap<string, SymbolSpec>,
): Buffer {
  const rows = ticks.map((tick, i) => rowOf(tick, skips?.[i] ?? 0, 10 ** (symbols.get(tick.symbol)?.digits ?? 0)));
  const list = rows.length === 0 ? "" : `"ticks":[${rows.join()}],`;
  const place = [
    epoch === "" ? "" : `"epoch":${JSON.stringify(epoch)}`,
    sequence === 0 ? "" : `"sequence":"${sequence}"`,
  ];
  return inEnvelope(Buffer.from(`{"batch":{${list}"cursor":{${place.filter(Boolean).join()}}}}`));
}

/** A field that is 0 is left out, as protobuf's JSON form does; numbers of 64 bits are in quotes. */
function rowOf(tick: Tick, skipped: number, scale: number): string {
  let fields = tick.symbol === "" ? "" : `,"symbol":${JSON.stringify(tick.symbol)}`;
  if (!Object.is(tick.bid, 0)) fields += `,"bid":${tick.bid / scale}`;
  if (!Object.is(tick.ask, 0)) fields += `,"ask":${tick.ask / scale}`;
  if (!Object.is(tick.last, 0)) fields += `,"last":${tick.last / scale}`;
  if (!Object.is(tick.volume, 0)) fields += `,"volume":${tick.volume / LOT}`;
  if (tick.time !== 0) fields += `,"timeMs":"${tick.time}"`;
  if (tick.brokerTime !== 0) fields += `,"brokerTimeMs":"${tick.brokerTime}"`;
  if (tick.flags !== 0) fields += `,"flags":${tick.flags}`;
  if (tick.sequence !== 0) fields += `,"sequence":"${tick.sequence}"`;
  if (skipped !== 0) fields += `,"skipped":${skipped}`;
  return `{${fields.slice(1)}}`;
}
