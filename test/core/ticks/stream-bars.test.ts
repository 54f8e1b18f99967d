import { describe, expect, it } from "vitest";
import type { Bar } from "../../../src/core/model/bar.ts";
import type { Price } from "../../../src/core/model/decimals.ts";
import type { Instant } from "../../../src/core/model/ids.ts";
import type { SourceTick } from "../../../src/core/model/tick.ts";
import type { Cursor } from "../../../src/core/streams/cursor.ts";
import { type BarStreamOptions, streamBars } from "../../../src/core/ticks/stream-bars.ts";
import { anyTicks, barsOf, numbers, tickAt, utc } from "../../any-ticks.ts";
import { type Desk, openDesk, quiet } from "../desk.ts";
import { MemoryHistory } from "../memory-history.ts";

const start = utc("2025-01-07T10:00");

async function market() {
  const history = new MemoryHistory();
  const desk = await openDesk({ history });
  const publish = (...ticks: SourceTick[]) => history.record(desk.hub.publish(ticks));
  return { ...desk, history, publish };
}
const tick = (seconds: number, bid: number, symbol = "EURUSD"): SourceTick =>
  tickAt((start + seconds * 1000) as Instant, { symbol, bid: bid as Price });

async function opened({ account }: Desk, more: Partial<BarStreamOptions> = {}) {
  const [reader, bridge] = [new AbortController(), new AbortController()];
  const ends = { signal: reader.signal, leaving: bridge.signal };
  const basic = {
    symbols: ["EURUSD", "GBPUSD"],
    timeframe: "M1",
    minInterval: 0,
    after: undefined,
    heartbeat: 1000,
  } as const;
  const { events, results } = await streamBars(account, { ...basic, ...more }, ends);
  const next = async () => (await events.next()).value ?? undefined;
  return { events, results, next, bridge };
}

describe("a stream of bars", () => {
  it("begins with the running bars, as the history has them", async () => {
    const { publish, ...desk } = await market();
    publish(tick(0, 100), tick(10, 105));
    const { next } = await opened(desk, { symbols: ["EURUSD", "NOPE"] });
    expect(await next()).toMatchObject({ type: "opened" });
    expect(await next()).toMatchObject({ type: "snapshot", bar: { open: 100, close: 105, final: false } });
    expect(await next()).toMatchObject({ type: "snapshot_end" });
  });

  it("tells a bar whenever it changes, and once more when it is final", async () => {
    const { publish, ...desk } = await market();
    const { next } = await opened(desk);
    await next();
    await next();
    publish(tick(1, 100));
    expect(await next()).toMatchObject({ type: "bar", bar: { close: 100, final: false } });
    publish(tick(2, 101), tick(60, 102));
    expect(await next()).toMatchObject({ bar: { high: 101, close: 101, final: true } });
    expect(await next()).toMatchObject({ bar: { open: 102, final: false } });
  });

  it("thins running bars to min_interval, but not final ones", async () => {
    const { publish, clock, ...desk } = await market();
    const { next } = await opened({ ...desk, clock }, { minInterval: 100 });
    await next();
    await next();
    publish(tick(1, 100));
    expect(await next()).toMatchObject({ bar: { close: 100 } });
    publish(tick(2, 101));
    publish(tick(60, 102));
    expect(await next()).toMatchObject({ bar: { close: 101, final: true } });
    const running = next();
    await quiet();
    clock.advance(100);
    expect(await running).toMatchObject({ bar: { close: 102, final: false } });
  });

  it("gives each final bar the place of the tick that closed it", async () => {
    const { publish, ...desk } = await market();
    const { next } = await opened(desk);
    await next();
    await next();
    publish(tick(1, 100), tick(2, 200, "GBPUSD"), tick(60, 101), tick(61, 201, "GBPUSD"));
    expect(await next()).toMatchObject({ bar: { symbol: "EURUSD", final: true }, cursor: { sequence: 3 } });
    expect(await next()).toMatchObject({ bar: { symbol: "GBPUSD", final: true }, cursor: { sequence: 4 } });
  });

  it("does not lose the bar that a weekend kept open to a reader who came back after it", async () => {
    const { publish, ...desk } = await market();
    publish(tick(1, 100), tick(2, 101));
    const after = desk.hub.cursor;
    publish(tick(200_000, 102));
    const { next } = await opened(desk, { after });
    const said = [await next(), await next(), await next(), await next()];
    expect(said.map((event) => event?.type)).toEqual(["opened", "snapshot", "snapshot_end", "bar"]);
    expect(said[3]).toMatchObject({ bar: { open: 100, close: 101, final: true }, cursor: { sequence: 3 } });
  });

  it("leaves the hub when the history fails", async () => {
    const { history, ...desk } = await market();
    history.failure = new Error("no disk");
    await expect(opened(desk)).rejects.toThrow("no disk");
    expect(desk.hub.counts.readers).toBe(0);
  });
});

describe("live bars, however readers stall and come back,", () => {
  it("are those of the history: each final one once and in order, and the newest running one", async () => {
    for (let seed = 0; seed < 60; seed++) {
      const below = numbers(seed);
      const { publish, history, ...desk } = await market();
      const timeframe = (["M1", "M5", "H1"] as const)[below(3)] ?? "M1";
      const ticks = [...anyTicks(seed, 150), ...anyTicks(seed + 1, 150, "GBPUSD")].sort((a, b) => a.time - b.time);
      publish(...ticks.splice(0, below(100)));
      const known = finalsOf(history, timeframe).length;
      const finals: Bar[] = [];
      const running = new Map<string, Bar>();
      let cursor: Cursor = desk.hub.cursor;
      const take = (event: Awaited<ReturnType<Awaited<ReturnType<typeof opened>>["next"]>>) => {
        if (event?.cursor !== undefined && event.type !== "snapshot" && event.type !== "snapshot_end")
          cursor = event.cursor;
        if (event?.type === "snapshot") running.set(event.bar.symbol, event.bar);
        if (event?.type !== "bar") return;
        if (event.bar.final) finals.push(event.bar);
        else running.set(event.bar.symbol, event.bar);
      };
      let stream = await opened(desk, { timeframe });
      const read = async () => {
        let over = false;
        const next = stream.next().then((event) => {
          take(event);
          over = true;
        });
        for (await quiet(); !over; await quiet()) desk.clock.advance(1000); // a heartbeat, when there is no news
        await next;
      };
      while (ticks.length > 0) {
        publish(...ticks.splice(0, 1 + below(20)));
        for (let n = below(6); n > 0; n--) await read();
        if (below(4) === 0) {
          await stream.events.return();
          stream = await opened(desk, { timeframe, after: cursor });
        }
      }
      stream.bridge.abort();
      for await (const event of stream.events) take(event);
      const all = finalsOf(history, timeframe);
      for (const symbol of ["EURUSD", "GBPUSD"]) {
        const mine = finals.filter((bar) => bar.symbol === symbol);
        const theirs = all.filter((bar) => bar.symbol === symbol);
        expect(mine, `seed ${seed} ${symbol}`).toEqual(theirs.slice(theirs.length - mine.length));
        const last = running.get(symbol);
        const ticksOf = history.recorded.filter((one) => one.symbol === symbol);
        if (last !== undefined) expect(last, `seed ${seed} ${symbol}`).toEqual(barsOf(ticksOf, timeframe).at(-1));
      }
      expect(finals.length, `seed ${seed}`).toBe(all.length - known);
    }
  });
});

const finalsOf = ({ recorded }: MemoryHistory, timeframe: "M1" | "M5" | "H1"): Bar[] =>
  ["EURUSD", "GBPUSD"].flatMap((symbol) => {
    const ticks = recorded.filter((one) => one.symbol === symbol);
    return barsOf(ticks, timeframe).filter((bar) => bar.final);
  });
