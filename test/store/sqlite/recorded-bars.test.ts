/** Recorded ticks, replayed into the history, against the bars that their vendors made of them. */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { Bar, Timeframe } from "../../../src/core/model/bar.ts";
import type { BrokerTime, Instant } from "../../../src/core/model/ids.ts";
import { TickHub } from "../../../src/core/ticks/hub.ts";
import { openTickHistory } from "../../../src/store/sqlite/history.ts";
import { utc } from "../../any-ticks.ts";
import { describeRecorded, recorded, recording } from "../../recorded.ts";
import { known, replay } from "../../terminals/paper/replaying.ts";

const HOUR = 3_600_000;
const { decompress } = createRequire(import.meta.url)("lzma1") as { decompress(packed: Uint8Array): Uint8Array };

type Prices = Pick<Bar, "time" | "open" | "high" | "low" | "close">;
const pricesOf = ({ time, open, high, low, close }: Prices) => ({ time, open, high, low, close });

/** What ListBars has of these files, on a broker's clock that is so far ahead of UTC. */
async function barsOf(files: readonly string[], timeframe: Timeframe, ahead: number): Promise<Prices[]> {
  const folder = mkdtempSync(join(tmpdir(), "recorded-bars-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const { ticks } = await replay(files.map((file) => `${recorded}/ticks/${file}`));
  const history = await openTickHistory({ folder, specs: known });
  const hub = new TickHub("e", new Map(known.map((spec) => [spec.name, spec])));
  history.record(hub.publish(ticks.map((tick) => ({ ...tick, brokerTime: (tick.time + ahead) as BrokerTime }))));
  const symbol = ticks[0]?.symbol ?? "";
  const all = {
    symbol,
    from: 0 as Instant,
    to: Number.MAX_SAFE_INTEGER as Instant,
    limit: 1e6,
    newest: false,
    skip: 0,
  };
  const bars = await history.bars(all, timeframe);
  await history.close();
  return bars.map(pricesOf);
}

/** Of bids. Minutes without a tick are in it too, with no volume. */
function dukascopyMinutes(path: string, day: Instant): Prices[] {
  const bytes = Buffer.from(decompress(recording(path)));
  const minutes = Array.from({ length: bytes.length / 24 }, (_, i) => bytes.subarray(i * 24, (i + 1) * 24));
  return minutes
    .filter((record) => record.readFloatBE(20) > 0)
    .map((record) => ({
      time: (day + record.readUInt32BE(0) * 1000) as Instant,
      open: record.readUInt32BE(4) as Bar["open"],
      close: record.readUInt32BE(8) as Bar["close"],
      low: record.readUInt32BE(12) as Bar["low"],
      high: record.readUInt32BE(16) as Bar["high"],
    }));
}

/** New York winter time; the day asked for lies in it. */
function histdataMinutes(path: string, day: string): Prices[] {
  const lines = recording(path).toString("latin1").split("\n");
  return lines
    .filter((line) => line.startsWith(day))
    .map((line) => {
      const [stamp = "", ...prices] = line.split(";");
      const [, year, month, day, hour, minute] = /^(\d{4})(\d\d)(\d\d) (\d\d)(\d\d)/.exec(stamp) ?? [];
      const [open, high, low, close] = prices.map((price) => Math.round(Number(price) * 1e5) as Bar["open"]);
      const time = (utc(`${year}-${month}-${day}T${hour}:${minute}`) + 5 * HOUR) as Instant;
      return { time, open, high, low, close } as Prices;
    });
}

describeRecorded("the bars of recorded ticks", () => {
  const day = utc("2019-02-04T00:00");

  it.each([0, 10, 23])("are those of two vendors in the hour from %i:00 on 2019-02-04", async (hour) => {
    const start = day + hour * HOUR;
    const inHour = ({ time }: Prices) => time >= start && time < start + HOUR;
    const bars = await barsOf([`eurusd-2019-02-04-${String(hour).padStart(2, "0")}h-dukascopy.bi5`], "M1", 2 * HOUR);
    const theirs = ["20190203", "20190204"].flatMap((day) =>
      histdataMinutes("bars/eurusd-2019-m1-histdata.csv.gz", day),
    );
    expect(bars.length).toBeGreaterThan(50);
    expect(bars).toEqual(dukascopyMinutes("bars/eurusd-2019-02-04-bid-m1-dukascopy.bi5", day).filter(inHour));
    expect(bars).toEqual(theirs.filter(inHour));
  });

  // Two brokers never have the same prices: here a few points lie between them, and no hour between their clocks.
  it("are, four hours each, near those of another broker on its clock", async () => {
    const lines = recording("bars/eurusd-1971-2026-h4-mt5.csv.gz").toString("latin1").trim().split("\n").slice(1);
    const theirs = new Map(
      lines.map((line) => {
        const [stamp = "", ...prices] = line.split(",");
        return [utc(stamp.replace(" ", "T")), prices.slice(0, 4).map((price) => Math.round(Number(price) * 1e5))];
      }),
    );
    const days = ["01", "02", "05", "06", "07", "08", "09", "12", "13", "14"];
    const files = days.map((day) => `eurusd-2014-05-${day}-oanda-lean.csv.gz`);
    const distance = async (ahead: number) => {
      const pairs = (await barsOf(files, "H4", ahead)).flatMap((bar) => {
        const other = theirs.get((bar.time + ahead) as Instant);
        return other === undefined ? [] : [[bar, other] as const];
      });
      expect(pairs.length).toBeGreaterThan(50);
      const apart = pairs.flatMap(([{ open, high, low, close }, other]) =>
        [open, high, low, close].map((price, i) => Math.abs(price - (other[i] ?? 0))),
      );
      return apart.sort((a, b) => a - b)[apart.length >> 1] ?? 0;
    };
    expect(await distance(2 * HOUR)).toBeLessThan(6);
    expect(await distance(3 * HOUR)).toBeGreaterThan(10);
  });
});
