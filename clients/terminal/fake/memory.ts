/** The newest ticks of each symbol: what the terminal's history of ticks and bars is made of. */
import { create } from "@bufbuild/protobuf";
import { type Bars, BarsSchema, type Ticks, TicksSchema } from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";

interface Tick {
  readonly time: number;
  readonly bid: number;
  readonly ask: number;
  readonly last: number;
  readonly volume: number;
  readonly flags: number;
}

const mostOfASymbol = 20_000;
const MINUTE = 60_000;

export class TickMemory {
  readonly #ticks = new Map<string, Tick[]>();

  note(ticks: Ticks): void {
    let time = 0;
    for (const [i, index] of ticks.symbol.entries()) {
      const symbol = ticks.symbols[index] as string;
      time += Number(ticks.timeMs[i]);
      const known = this.#ticks.get(symbol) ?? [];
      const { bid, ask, last, volume, flags } = ticks;
      known.push({
        time,
        bid: bid[i] ?? 0,
        ask: ask[i] ?? 0,
        last: last[i] ?? 0,
        volume: volume[i] ?? 0,
        flags: flags[i] ?? 0,
      });
      if (known.length > 2 * mostOfASymbol) known.splice(0, mostOfASymbol);
      this.#ticks.set(symbol, known);
    }
  }

  /** Both ends included; undefined when there are none. */
  ticks(symbol: string, from: number, to: number, most: number): Ticks | undefined {
    const found = this.#between(symbol, from, to).slice(0, most);
    if (found.length === 0) return undefined;
    return create(TicksSchema, {
      symbols: [symbol],
      symbol: found.map(() => 0),
      timeMs: found.map(({ time }, i) => BigInt(time - (found[i - 1]?.time ?? 0))),
      bid: found.map(({ bid }) => bid),
      ask: found.map(({ ask }) => ask),
      last: found.map(({ last }) => last),
      volume: found.map(({ volume }) => volume),
      flags: found.map(({ flags }) => flags),
    });
  }

  /** Of their bids; undefined when MetaTrader has bars of that length and this side has not. */
  bars(symbol: string, timeframe: number, from: number, to: number, most: number): Bars | undefined {
    const length = lengthOf(timeframe);
    if (length === undefined) return undefined;
    const bars = create(BarsSchema, { symbol, timeframe });
    let opened = Number.NaN;
    for (const { time, bid, volume } of this.#between(symbol, from, to + length - 1)) {
      const opening = Math.floor(time / length) * length;
      if (opening < from || opening > to) continue;
      if (opening !== opened) {
        if (bars.open.length === most) break;
        opened = opening;
        bars.timeMs.push(BigInt(opening));
        for (const column of [bars.open, bars.high, bars.low, bars.close]) column.push(bid);
        bars.tickVolume.push(0n);
        bars.realVolume.push(0);
        bars.spread.push(0);
      }
      const at = bars.open.length - 1;
      bars.high[at] = Math.max(bars.high[at] ?? bid, bid);
      bars.low[at] = Math.min(bars.low[at] ?? bid, bid);
      bars.close[at] = bid;
      bars.tickVolume[at] = (bars.tickVolume[at] ?? 0n) + 1n;
      bars.realVolume[at] = (bars.realVolume[at] ?? 0) + volume;
    }
    return bars;
  }

  #between(symbol: string, from: number, to: number): Tick[] {
    return (this.#ticks.get(symbol) ?? []).filter(({ time }) => time >= from && time <= to);
  }
}

/** ENUM_TIMEFRAMES: minutes as they are, hours with 0x4000; weeks and months have no length of their own here. */
function lengthOf(timeframe: number): number | undefined {
  if (timeframe >= 1 && timeframe <= 30) return timeframe * MINUTE;
  const hours = timeframe - 0x4000;
  return hours >= 1 && hours <= 24 ? hours * 60 * MINUTE : undefined;
}
