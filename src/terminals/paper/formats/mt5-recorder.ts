/**
 * Ticks recorded by an Expert Advisor into one JSON object: `metadata`, `ticks[]` and more.
 *
 * `time_msc` is the server's wall clock written as if it were UTC, as MetaTrader gives it.
 */
import { lots } from "../../../core/model/decimals.ts";
import { tickFlags } from "../../../core/model/tick.ts";
import { flaw, points, type Row, type WholeFormat } from "./format.ts";

interface RecordedTick {
  readonly time_msc?: unknown;
  readonly bid?: unknown;
  readonly ask?: unknown;
  readonly last?: unknown;
  readonly real_volume?: unknown;
  readonly tick_flags?: unknown;
}

export const mt5Recorder: WholeFormat = {
  kind: "whole",
  name: "mt5-recorder",
  fits: ({ head }) => /^\s*\{/.test(head.toString("latin1")) && /"time_msc"\s*:/.test(head.toString("latin1")),
  zone: () => "broker",
  symbol: ({ head }) => /"symbol"\s*:\s*"([^"]+)"/.exec(head.toString("utf8"))?.[1],
  starts: ({ head }) => Number(/"time_msc"\s*:\s*(\d+)/.exec(head.toString("latin1"))?.[1]),
  *rows(_sample, bytes, { digits }, row) {
    const file: unknown = JSON.parse(bytes.toString("utf8"));
    const ticks = (file as { ticks?: unknown } | null)?.ticks;
    if (!Array.isArray(ticks)) throw new Error('it has no list "ticks"');
    for (const tick of ticks as unknown[]) {
      yield typeof tick === "object" && tick !== null ? read(tick, digits, row) : "it is no object";
    }
  },
};

function read(tick: RecordedTick, digits: number, row: Row): string | undefined {
  const { time_msc, bid, ask, last = 0, real_volume = 0, tick_flags = "" } = tick;
  if (typeof time_msc !== "number" || !Number.isSafeInteger(time_msc)) return "time_msc is not a whole number";
  if (typeof bid !== "number" || typeof ask !== "number") return "the bid or the ask is not a number";
  if (typeof last !== "number" || typeof real_volume !== "number") return "last or real_volume is not a number";
  row.time = time_msc;
  row.bid = points(bid, digits, row);
  row.ask = points(ask, digits, row);
  row.last = points(last, digits, row);
  row.volume = lots(real_volume);
  row.flags = flagsOf(String(tick_flags));
  return flaw(row);
}

/** "BID ASK" and the like; -1 when it names none. */
function flagsOf(words: string): number {
  let flags = 0;
  for (const word of words.toLowerCase().split(" ")) {
    if (Object.hasOwn(tickFlags, word)) flags |= tickFlags[word as keyof typeof tickFlags];
  }
  return flags === 0 ? -1 : flags;
}
