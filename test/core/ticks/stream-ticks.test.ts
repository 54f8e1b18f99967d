import { describe, expect, it } from "vitest";
import type { Price } from "../../../src/core/model/decimals.ts";
import type { SourceTick } from "../../../src/core/model/tick.ts";
import type { Cursor } from "../../../src/core/streams/cursor.ts";
import { streamTicks, type TickEvent, type TickStreamOptions } from "../../../src/core/ticks/stream-ticks.ts";
import { numbers, tickAt, utc } from "../../any-ticks.ts";
import { type Desk, openDesk, quiet } from "../desk.ts";

const at = utc("2025-01-07T10:00");
const tick = (symbol = "EURUSD", bid = 100_000): SourceTick => {
  const { sequence: _sequence, place: _place, ...source } = tickAt(at, { symbol, bid: bid as Price });
  return source;
};
const many = (count: number, symbol?: string) => Array.from({ length: count }, () => tick(symbol));

function opened({ account }: Desk, more: Partial<TickStreamOptions> = {}) {
  const [reader, bridge] = [new AbortController(), new AbortController()];
  const options = {
    ...{ symbols: ["EURUSD"], lossless: true, minInterval: 0, maxBatch: 1000, linger: 0, snapshot: false },
    ...{ owner: "alice", after: undefined, heartbeat: 1000, ...more },
  };
  const { events, results } = streamTicks(account, options, { signal: reader.signal, leaving: bridge.signal });
  const next = async (): Promise<TickEvent | undefined> => (await events.next()).value ?? undefined;
  return { events, results, next, reader, bridge };
}
const placesOf = (event: TickEvent | undefined): number[] =>
  event?.type === "batch" ? event.frame.ticks.map(({ place }) => place) : [];

describe("a stream of ticks", () => {
  it("opens at once, then gives the newest prices and their end where they are wanted", async () => {
    const desk = await openDesk();
    desk.hub.publish([tick("EURUSD"), tick("GBPUSD"), tick("EURUSD")]);
    const { next } = opened(desk, { snapshot: true, symbols: ["EURUSD", "GBPUSD"] });
    expect(await next()).toMatchObject({ type: "opened", heartbeat: 1000, cursor: { sequence: 3 } });
    const snapshot = await next();
    expect(snapshot?.type === "snapshot" && snapshot.ticks.map(({ place }) => place)).toEqual([3, 2]);
    expect(await next()).toMatchObject({ type: "snapshot_end" });
  });

  it("gives one frame object to all who ask for nothing special", async () => {
    const desk = await openDesk();
    const streams = [opened(desk), opened(desk)];
    for (const { next } of streams) await next();
    desk.hub.publish(many(3));
    const frames = await Promise.all(streams.map(({ next }) => next()));
    const [one, two] = frames.map((event) => (event?.type === "batch" ? event.frame : undefined));
    expect([one !== undefined, one === two]).toEqual([true, true]);
  });

  it("keeps to the batch that was asked for, each part with its own cursor", async () => {
    const desk = await openDesk();
    const { next } = opened(desk, { maxBatch: 4 });
    await next();
    desk.hub.publish(many(10));
    const parts = [await next(), await next(), await next()];
    expect(parts.map((part) => [placesOf(part).length, part?.cursor?.sequence])).toEqual([
      [4, 4],
      [4, 8],
      [2, 10],
    ]);
  });

  it("waits for company as long as it was asked to", async () => {
    const desk = await openDesk();
    const { next } = opened(desk, { linger: 20 });
    await next();
    const batch = next();
    desk.hub.publish(many(1));
    await quiet();
    desk.hub.publish(many(2));
    await quiet();
    desk.clock.advance(20);
    expect(placesOf(await batch)).toEqual([1, 2, 3]);
  });

  it("leaves min_interval between two frames where the newest will do, and counts what it skipped", async () => {
    const desk = await openDesk();
    const { next } = opened(desk, { lossless: false, minInterval: 100 });
    await next();
    desk.hub.publish(many(2));
    expect(await next()).toMatchObject({ frame: { skips: [1] } });
    let told: TickEvent | undefined;
    const second = next().then((event) => {
      told = event;
    });
    for (let n = 0; n < 9; n++) {
      desk.hub.publish(many(1));
      await quiet();
      desk.clock.advance(10);
      await quiet();
    }
    expect(told).toBeUndefined();
    desk.clock.advance(10);
    await second;
    expect(told).toMatchObject({ frame: { ticks: [{ place: 11 }], skips: [8] } });
    const beat = next();
    for (let n = 0; n < 3; n++) {
      await quiet();
      desk.clock.advance(1000);
    }
    expect(await beat).toMatchObject({ type: "heartbeat", skipped: 9 });
  });

  it("tells of a change of its symbols where it takes effect", async () => {
    const desk = await openDesk();
    const { next } = opened(desk);
    const first = await next();
    desk.hub.publish([tick("EURUSD"), tick("GBPUSD")]);
    const reader = desk.hub.readerOf(first?.type === "opened" ? first.id : "", "alice");
    if (reader === undefined) throw new Error("no stream");
    desk.hub.update(reader, ["GBPUSD"], []);
    desk.hub.publish([tick("EURUSD"), tick("GBPUSD")]);
    expect(placesOf(await next())).toEqual([1]);
    expect(await next()).toMatchObject({ type: "subscription", symbols: ["EURUSD", "GBPUSD"] });
    expect(placesOf(await next())).toEqual([3, 4]);
  });

  it("closes with the place that it has come to when the bridge leaves, whatever pause it is in", async () => {
    for (const pause of [{ minInterval: 60_000, lossless: false }, { linger: 60_000 }]) {
      const desk = await openDesk();
      const { next, bridge } = opened(desk, pause);
      await next();
      desk.hub.publish(many(1));
      const waiting = "linger" in pause ? next() : next().then(() => next());
      await quiet();
      bridge.abort();
      let event = await waiting;
      if (event?.type === "batch") event = await next();
      expect(event).toEqual({ type: "closing", reason: "shutdown", cursor: { epoch: "ticks", sequence: 1 } });
    }
  });

  it("leaves the hub with its reader", async () => {
    const desk = await openDesk();
    const { events, next } = opened(desk);
    await next();
    expect(desk.hub.counts.readers).toBe(1);
    await events.return();
    expect(desk.hub.counts.readers).toBe(0);
  });

  it("that is too slow closes with a cursor from which it goes on without a gap", async () => {
    const desk = await openDesk();
    const { next, events } = opened(desk);
    await next();
    desk.hub.publish(many(500));
    expect(placesOf(await next())).toHaveLength(500);
    for (let n = 0; n < 132; n++) desk.hub.publish([...many(1000), ...many(900, "GBPUSD")]);
    const closing = await next();
    expect(closing).toEqual({ type: "closing", reason: "slow_consumer", cursor: { epoch: "ticks", sequence: 500 } });
    await expect(events.next()).rejects.toMatchObject({ fault: "slow_consumer" });
    const again = opened(desk, { after: closing?.cursor });
    again.bridge.abort();
    let read = 0;
    for await (const event of again.events) {
      expect(event.type).not.toBe("reset");
      read += placesOf(event).length;
    }
    expect(read).toBe(132_000);
  });
});

describe("ticks, however readers stall, change and come back,", () => {
  it("reach a lossless reader each once and in order, also across resumptions", async () => {
    for (let seed = 0; seed < 60; seed++) {
      const below = numbers(seed);
      const desk = await openDesk();
      const symbols = ["EURUSD", "GBPUSD"].slice(0, 1 + below(2));
      const wanted: number[] = [];
      const read: number[] = [];
      let cursor: Cursor = desk.hub.cursor;
      const options = { symbols, maxBatch: 1 + below(5), ...(below(3) === 0 ? { linger: 1 } : {}) };
      let stream = opened(desk, { ...options, after: cursor });
      for (let turn = 0; turn < 40; turn++) {
        const batch = Array.from({ length: below(7) }, () => tick(below(2) ? "EURUSD" : "GBPUSD"));
        for (const { symbol, place } of desk.hub.publish(batch)) if (symbols.includes(symbol)) wanted.push(place);
        for (let n = below(5); n > 0; n--) {
          const next = stream.next();
          let over = false;
          void next.then(() => {
            over = true;
          });
          for (let ms = 0; ms < 2000 && !over; ms += 500) {
            await quiet();
            desk.clock.advance(500);
            await quiet();
          }
          const event = await next;
          read.push(...placesOf(event));
          if (event?.cursor !== undefined) cursor = event.cursor;
        }
        if (below(6) === 0) {
          await stream.events.return();
          stream = opened(desk, { ...options, after: cursor });
        }
      }
      await stream.events.return();
      stream = opened(desk, { symbols, after: cursor });
      stream.bridge.abort();
      for await (const event of stream.events) read.push(...placesOf(event));
      expect(read, `seed ${seed}`).toEqual(wanted);
    }
  });

  it("reach a reader of the newest in order, and what is skipped adds up", async () => {
    for (let seed = 0; seed < 60; seed++) {
      const below = numbers(seed);
      const desk = await openDesk();
      const stream = opened(desk, { symbols: ["EURUSD", "GBPUSD"], lossless: false, maxBatch: 1 + below(2) });
      await stream.next();
      const totals = new Map<string, number>();
      let published = 0;
      let cursor = 0;
      const take = (event: TickEvent | undefined) => {
        if (event?.type !== "batch") return;
        for (const [i, one] of event.frame.ticks.entries()) {
          const total = (totals.get(one.symbol) ?? 0) + 1 + (event.frame.skips?.[i] ?? 0);
          totals.set(one.symbol, total);
          expect(one.sequence, `seed ${seed}`).toBe(total);
        }
        expect(event.cursor.sequence, `seed ${seed}`).toBeGreaterThanOrEqual(cursor);
        cursor = event.cursor.sequence;
      };
      for (let turn = 0; turn < 40; turn++) {
        const batch = Array.from({ length: 1 + below(7) }, () => tick(below(2) ? "EURUSD" : "GBPUSD"));
        published += desk.hub.publish(batch).length;
        if (below(3) === 0) take(await stream.next());
      }
      stream.bridge.abort();
      for await (const event of stream.events) take(event);
      expect(
        [...totals.values()].reduce((sum, n) => sum + n, 0),
        `seed ${seed}`,
      ).toBe(published);
    }
  });
});
