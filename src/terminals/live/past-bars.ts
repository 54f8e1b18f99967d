/** Bars that a terminal keeps of the past. */
import { create } from "@bufbuild/protobuf";
import { BarHistoryRequestSchema, type Bars, CommandStatus } from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { Bar, Timeframe } from "../../core/model/bar.ts";
import type { BrokerTime, Instant } from "../../core/model/ids.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import type { BarsAsked } from "../../core/ports/terminal.ts";
import { periodEnd } from "../../core/ticks/bars.ts";
import { brokerMoment, priceOf, volumeOf } from "./amounts.ts";
import type { BrokerZone } from "./broker-zone.ts";
import { unanswered } from "./commands.ts";
import type { Ask } from "./link.ts";
import type { Traded } from "./requests.ts";

/** ENUM_TIMEFRAMES. */
// biome-ignore format: one family a line
const numbers: Readonly<Record<Timeframe, number>> = {
  M1: 1, M2: 2, M3: 3, M4: 4, M5: 5, M6: 6, M10: 10, M12: 12, M15: 15, M20: 20, M30: 30,
  H1: 0x4001, H2: 0x4002, H3: 0x4003, H4: 0x4004, H6: 0x4006, H8: 0x4008, H12: 0x400c,
  D1: 0x4018, W1: 0x8001, MN1: 0xc001,
};

export async function pastBars(
  { timeframe, from, to, most }: BarsAsked,
  { spec, name }: Traded,
  zone: BrokerZone,
  now: Instant,
  ask: Ask,
): Promise<readonly Bar[]> {
  const bars: Bar[] = [];
  const [fromMs, toMs] = [from, to].map((moment) => BigInt(Math.max(0, Math.floor(zone.toBroker(moment)))));
  const request = { symbol: name, timeframe: numbers[timeframe], fromMs: fromMs ?? 0n, toMs: toMs ?? 0n };
  const value = create(BarHistoryRequestSchema, { ...request, maxCount: most });
  const { result } = await ask({ case: "bars", value }, ({ answer }) => {
    if (answer.case === "bars" && bars.length < most) bars.push(...barsOf(answer.value, spec, timeframe, zone));
  });
  if (result.status !== CommandStatus.ANSWERED) throw unanswered("its bars were not read", result.message);
  const brokerNow = zone.toBroker(now);
  return bars
    .filter(({ time }) => time >= from && time <= to)
    .map((bar, i, { length }) => ({
      ...bar,
      final: i < length - 1 || periodEnd(timeframe, bar.brokerTime) <= brokerNow,
    }));
}

/** Those that have a moment and prices. */
function barsOf(told: Bars, { name, digits }: SymbolSpec, timeframe: Timeframe, zone: BrokerZone): Bar[] {
  return told.timeMs.flatMap((timeMs, i) => {
    const brokerTime = brokerMoment(Number(timeMs)) as BrokerTime | undefined;
    const level = (column: readonly number[]) => priceOf(column[i] ?? 0, digits);
    if (brokerTime === undefined || level(told.open) === 0) return [];
    return {
      ...{ symbol: name, timeframe, time: zone.toUtc(brokerTime), brokerTime },
      ...{ open: level(told.open), high: level(told.high), low: level(told.low), close: level(told.close) },
      tickVolume: Number(told.tickVolume[i] ?? 0n),
      spread: told.spread[i] ?? 0,
      realVolume: volumeOf(Number(told.realVolume[i] ?? 0n)),
      final: true,
    };
  });
}
