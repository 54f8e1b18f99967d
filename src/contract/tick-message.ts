/** Ticks, bars and symbols as messages. */
import { create } from "@bufbuild/protobuf";
import {
  type Bar as BarMessage,
  BarSchema,
  SessionSchema,
  type SymbolSpec as SymbolMessage,
  SymbolSpecSchema,
  type TickBatch,
  TickBatchSchema,
  type Tick as TickMessage,
  TickSchema,
} from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import type { Bar } from "../core/model/bar.ts";
import { toLots, toPrice } from "../core/model/decimals.ts";
import type { SymbolSpec, WeekSessions } from "../core/model/symbol.ts";
import type { Tick } from "../core/model/tick.ts";
import { numbersIn } from "../core/model/unnamed.ts";
import type { Cursor } from "../core/streams/cursor.ts";
import { cursorOf } from "./streams.ts";
import { timestamp } from "./times.ts";
import { textOf, timeframes } from "./words.ts";

export type Symbols = ReadonlyMap<string, SymbolSpec>;

export function tickMessage(tick: Tick, symbols: Symbols, skipped = 0): TickMessage {
  const digits = symbols.get(tick.symbol)?.digits ?? 0;
  return create(TickSchema, {
    symbol: tick.symbol,
    bid: toPrice(tick.bid, digits),
    ask: toPrice(tick.ask, digits),
    last: toPrice(tick.last, digits),
    volume: toLots(tick.volume),
    timeMs: BigInt(tick.time),
    brokerTimeMs: BigInt(tick.brokerTime),
    flags: tick.flags,
    sequence: BigInt(tick.sequence),
    skipped,
  });
}

export function batchMessage(
  ticks: readonly Tick[],
  skips: readonly number[] | undefined,
  cursor: Cursor,
  symbols: Symbols,
): TickBatch {
  return create(TickBatchSchema, {
    ticks: ticks.map((tick, i) => tickMessage(tick, symbols, skips?.[i])),
    cursor: cursorOf(cursor),
  });
}

export function barMessage(bar: Bar, symbols: Symbols): BarMessage {
  const digits = symbols.get(bar.symbol)?.digits ?? 0;
  return create(BarSchema, {
    symbol: bar.symbol,
    timeframe: timeframes[bar.timeframe],
    time: timestamp(bar.time),
    brokerTimeMs: BigInt(bar.brokerTime),
    open: toPrice(bar.open, digits),
    high: toPrice(bar.high, digits),
    low: toPrice(bar.low, digits),
    close: toPrice(bar.close, digits),
    tickVolume: BigInt(bar.tickVolume),
    spread: bar.spread,
    realVolume: toLots(bar.realVolume),
    final: bar.final,
  });
}

export function symbolMessage(spec: SymbolSpec): SymbolMessage {
  const tickSize = toPrice(spec.tickSize, spec.digits);
  return create(SymbolSpecSchema, {
    name: spec.name,
    description: spec.description,
    path: spec.path,
    digits: spec.digits,
    point: 1 / 10 ** spec.digits,
    tickSize,
    tickValue: spec.tickValue,
    contractSize: spec.contractSize,
    currencyBase: spec.currencyBase,
    currencyProfit: spec.currencyProfit,
    currencyMargin: spec.currencyMargin,
    calcMode: textOf(spec.calcMode),
    tradeMode: textOf(spec.tradeMode),
    execution: textOf(spec.execution),
    gtcMode: textOf(spec.gtcMode),
    chartMode: textOf(spec.chartMode),
    orderModes: [...spec.orderModes],
    fillingModes: [...spec.fillingModes],
    expirationModes: [...spec.expirationModes],
    volumeMin: toLots(spec.volumeMin),
    volumeMax: toLots(spec.volumeMax),
    volumeStep: toLots(spec.volumeStep),
    volumeLimit: toLots(spec.volumeLimit),
    stopsLevel: spec.stopsLevel,
    freezeLevel: spec.freezeLevel,
    swapMode: textOf(spec.swapMode),
    swapLong: spec.swapLong,
    swapShort: spec.swapShort,
    swapRates: [...spec.swapRates],
    marginInitial: spec.marginInitial,
    marginMaintenance: spec.marginMaintenance,
    marginHedged: spec.marginHedged,
    marginRateBuy: spec.marginRates.buy.initial,
    marginRateSell: spec.marginRates.sell.initial,
    quoteSessions: sessions(spec.quoteSessions),
    tradeSessions: sessions(spec.tradeSessions),
    bookDepth: spec.bookDepth,
    mt5Numbers: numbersOf(spec),
  });
}

function numbersOf(spec: SymbolSpec): Record<string, number> {
  const { orderModes = 0, fillingModes = 0, expirationModes = 0 } = spec.unnamedModes ?? {};
  const bits = { order_modes: orderModes, filling_modes: fillingModes, expiration_modes: expirationModes };
  return {
    ...numbersIn({
      ...{ calc_mode: spec.calcMode, trade_mode: spec.tradeMode, execution: spec.execution },
      ...{ gtc_mode: spec.gtcMode, chart_mode: spec.chartMode, swap_mode: spec.swapMode },
    }),
    ...Object.fromEntries(Object.entries(bits).filter(([, sum]) => sum !== 0)),
  };
}

const sessions = (week: WeekSessions) =>
  week.flatMap((day, weekday) =>
    day.map(({ from, to }) => create(SessionSchema, { weekday, fromSecond: from, toSecond: to })),
  );
