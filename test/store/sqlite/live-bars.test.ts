/** What StreamBars tells while ticks come is what ListBars reads back, on the real store. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { Account } from "../../../src/core/accounts/account.ts";
import { type Bar, type Timeframe, timeframes } from "../../../src/core/model/bar.ts";
import { toBrokerTime } from "../../../src/core/model/broker-clock.ts";
import type { BrokerTime, Instant } from "../../../src/core/model/ids.ts";
import type { Tick } from "../../../src/core/model/tick.ts";
import { StreamIds } from "../../../src/core/streams/stream-ids.ts";
import { TickHub } from "../../../src/core/ticks/hub.ts";
import { streamBars } from "../../../src/core/ticks/stream-bars.ts";
import { openTickHistory } from "../../../src/store/sqlite/history.ts";
import { anyTicks, numbers, utc } from "../../any-ticks.ts";
import { openDesk } from "../../core/desk.ts";
import { eurusd } from "../../terminals/paper/builders.ts";

const HOUR = 3_600_000;

/** How far a broker's clock is ahead of UTC. */
const clocks: Readonly<Record<string, (time: Instant) => number>> = {
  "New York + 7": (time) => toBrokerTime(time) - time,
  UTC: () => 0,
  "UTC+2 all year": () => 2 * HOUR,
  "UTC+5:30": () => 5.5 * HOUR,
  "UTC-8": () => -8 * HOUR,
  Athens: (time) => (time >= utc("2024-03-31T01:00") && time < utc("2024-10-27T01:00") ? 3 : 2) * HOUR,
};

/** A market opens for the week; a month or a year ends; a clock is put forward, or back. */
const starts = {
  "a week's opening": "2024-01-07T20:00",
  "a month's end": "2024-02-29T20:00",
  "New York's clock put forward": "2024-03-09T23:00",
  "Athens' clock put forward": "2024-03-30T22:00",
  "Athens' clock put back": "2024-10-26T22:00",
  "New York's clock put back": "2024-11-02T23:00",
  "a year's end": "2024-12-31T20:00",
};

/** Each is a symbol of its own. */
const cases = Object.entries(clocks).flatMap(([clock, offset]) =>
  Object.entries(starts).map(([what, start]) => ({ symbol: `${what} on a clock of ${clock}`, offset, start })),
);
const symbols = cases.map(({ symbol }) => symbol);

const barsOf = (bars: Map<string, Bar[]>, symbol: string, timeframe: Timeframe): Bar[] => {
  const key = `${symbol} ${timeframe}`;
  const known = bars.get(key) ?? [];
  bars.set(key, known);
  return known;
};

interface Seen {
  readonly finals: Map<string, Bar[]>;
  readonly running: Map<string, Bar[]>;
}

/** One life of a bridge: what its streams tell of these ticks, which symbols take turns in. */
async function live(folder: string, ticks: Map<string, Tick[]>, below: (limit: number) => number, seen: Seen) {
  const history = await openTickHistory({ folder, specs: [] });
  const { desk, clock } = await openDesk();
  const hub = new TickHub("epoch", new Map(symbols.map((name) => [name, { ...eurusd, name }])));
  const account = new Account(desk, hub, history, new StreamIds("epoch"), clock);
  const leaving = new AbortController();
  const ends = { signal: new AbortController().signal, leaving: leaving.signal };
  const options = { symbols, minInterval: 0, after: undefined, heartbeat: 1000 };
  const streams = await Promise.all(
    timeframes.map(async (timeframe) => (await streamBars(account, { ...options, timeframe }, ends)).events),
  );
  for (let left = [...ticks.values()]; left.length > 0; left = left.filter(({ length }) => length > 0)) {
    const batch = [1, 2].flatMap(() => left[below(left.length)]?.splice(0, 1 + below(60)) ?? []);
    history.record(hub.publish(batch));
  }
  leaving.abort();
  for (const events of streams) {
    for await (const event of events) {
      if (event.type !== "bar") continue;
      const { symbol, timeframe, final } = event.bar;
      if (final) barsOf(seen.finals, symbol, timeframe).push(event.bar);
      else barsOf(seen.running, symbol, timeframe)[0] = event.bar;
    }
  }
  await history.close();
}

describe("bars of every timeframe, seen live and across restarts,", () => {
  it.each([1, 2, 3])("are those of the history, whatever the broker's clock does (seed %i)", async (seed) => {
    const folder = mkdtempSync(join(tmpdir(), "live-bars-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const below = numbers(seed);
    const ticks = new Map(
      cases.map(({ symbol, offset, start }, i) => [
        symbol,
        anyTicks(100 * seed + i, 200, symbol, utc(start)).map((tick) => ({
          ...tick,
          brokerTime: (tick.time + offset(tick.time)) as BrokerTime,
        })),
      ]),
    );
    const seen: Seen = { finals: new Map(), running: new Map() };
    for (let life = 1; life <= 3; life++) {
      const lived = [...ticks].map(([symbol, left]): [string, Tick[]] => {
        let cut = life === 3 ? left.length : below(120);
        while (cut > 0 && cut < left.length && left[cut]?.time === left[cut - 1]?.time) cut++; // a restart takes time
        return [symbol, left.splice(0, cut)];
      });
      await live(folder, new Map(lived), below, seen);
    }
    const history = await openTickHistory({ folder, specs: [] });
    for (const symbol of symbols) {
      const range = { symbol, from: 0 as Instant, to: Number.MAX_SAFE_INTEGER as Instant, limit: 1e6, skip: 0 };
      for (const timeframe of timeframes) {
        const what = `seed ${seed}, ${timeframe}, ${symbol}`;
        const recorded = await history.bars({ ...range, newest: false }, timeframe);
        const told = [...barsOf(seen.finals, symbol, timeframe), ...barsOf(seen.running, symbol, timeframe)];
        expect(told, what).toEqual(recorded);
        expect(await history.bars({ ...range, newest: true }, timeframe), what).toEqual(recorded);
        const from = ((recorded[below(recorded.length)]?.time ?? 0) + 1 + below(2 * HOUR)) as Instant;
        const later = recorded.filter((bar) => bar.time >= from);
        expect(await history.bars({ ...range, from, newest: false }, timeframe), what).toEqual(later);
      }
    }
    await history.close();
  });
});
