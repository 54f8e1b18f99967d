import { describe, expect, it } from "vitest";
import type { Price } from "../../../src/core/model/decimals.ts";
import type { SourceTick } from "../../../src/core/model/tick.ts";
import type { Cursor } from "../../../src/core/streams/cursor.ts";
import type { Frame } from "../../../src/core/ticks/frame.ts";
import { TickHub } from "../../../src/core/ticks/hub.ts";
import type { TickReader } from "../../../src/core/ticks/tick-reader.ts";
import { tickAt, utc } from "../../any-ticks.ts";
import { eurusd, noon } from "../../terminals/paper/builders.ts";
import { quiet, TestClock } from "../desk.ts";

const names = ["A", "B", "A B", "C"];
const hubOf = () => new TickHub("e", new Map(names.map((name) => [name, { ...eurusd, name }])));
const at = (sequence: number, epoch = "e"): Cursor => ({ epoch, sequence });

let bid = 100_000;
function tick(symbol: string): SourceTick {
  bid += 1;
  const {
    sequence: _sequence,
    place: _place,
    ...source
  } = tickAt(utc("2025-01-07T10:00"), { symbol, bid: bid as Price });
  return source;
}
const ticks = (...symbols: string[]) => symbols.map(tick);
const open = (
  hub: TickHub,
  symbols: readonly string[],
  lossless = true,
  after?: Cursor,
  id = `${Math.imul(bid, 7)}${symbols}`,
) => hub.open(id, { symbols, lossless, owner: "alice" }, after);

/** What waits for a reader. */
function taken(reader: TickReader): Frame[] {
  const frames: Frame[] = [];
  for (let item = reader.mailbox.take(); item !== undefined; item = reader.mailbox.take()) {
    if (item.type === "frame") frames.push(item.frame);
  }
  return frames;
}
const places = (frames: Iterable<Frame>) => [...frames].flatMap((frame) => frame.ticks.map(({ place }) => place));

describe("the hub", () => {
  it("numbers ticks per symbol, and places them over all", () => {
    const hub = hubOf();
    const published = [...hub.publish(ticks("A", "B", "A")), ...hub.publish(ticks("B"))];
    expect(published.map(({ symbol, sequence, place }) => [symbol, sequence, place])).toEqual([
      ["A", 1, 1],
      ["B", 1, 2],
      ["A", 2, 3],
      ["B", 2, 4],
    ]);
    expect([hub.cursor, hub.latest("A")?.place, hub.newest?.place]).toEqual([at(4), 3, 4]);
  });

  it("gives the same frame to all who want the same", () => {
    const hub = hubOf();
    const readers = [["A", "B"], ["B", "A"], ["A"], ["A"]].map((symbols, n) =>
      open(hub, symbols, true, undefined, `${n}`),
    );
    hub.publish(ticks("A", "B"));
    const [one, two, three, four] = readers.map(({ reader }) => taken(reader)[0]);
    expect([one === two, three === four, one === three]).toEqual([true, true, false]);
    expect([places(one ? [one] : []), places(three ? [three] : [])]).toEqual([[1, 2], [1]]);
  });

  it("does not confuse a symbol with a space in its name with two symbols", () => {
    const hub = hubOf();
    const spaced = open(hub, ["A B"], true, undefined, "1").reader;
    const two = open(hub, ["A", "B"], true, undefined, "2").reader;
    hub.publish(ticks("A B", "A", "B"));
    expect([places(taken(spaced)), places(taken(two))]).toEqual([[1], [2, 3]]);
  });

  it("sends nothing to who wanted none of it", () => {
    const hub = hubOf();
    const { reader } = open(hub, ["A"]);
    hub.publish(ticks("B", "C"));
    expect(reader.mailbox.size).toBe(0);
  });

  it("tells of an unknown symbol, and serves the rest", () => {
    const { reader } = open(hubOf(), ["A", "NOPE"]);
    expect(reader.results.map(({ accepted, reason }) => [accepted, reason])).toEqual([
      [true, ""],
      [false, "UNKNOWN_SYMBOL"],
    ]);
    expect(reader.symbols).toEqual(["A"]);
  });

  it("splits what is too large for one frame, and loses nothing of it", () => {
    const hub = hubOf();
    const { reader } = open(hub, ["A"]);
    hub.publish(Array.from({ length: 2500 }, () => tick("A")));
    const frames = taken(reader);
    expect(frames.map((frame) => [frame.ticks.length, frame.sequence])).toEqual([
      [1000, 1000],
      [1000, 2000],
      [500, 2500],
    ]);
  });

  it("starts its source when the first reader comes", async () => {
    const hub = hubOf();
    let started = false;
    void hub.firstReader().then(() => {
      started = true;
    });
    await quiet();
    expect(started).toBe(false);
    open(hub, ["A"]);
    await quiet();
    expect(started).toBe(true);
    await hub.firstReader();
  });
});

describe("a reader that comes back", () => {
  it("gets what it missed of its symbols, also from the middle of a frame, and the news", () => {
    const hub = hubOf();
    hub.publish(ticks("A", "B", "A", "B"));
    hub.publish(ticks("B", "A"));
    const { reader, missed } = open(hub, ["A"], true, at(2));
    hub.publish(ticks("A"));
    expect([places(missed), places(taken(reader))]).toEqual([[3, 6], [7]]);
  });

  it("may want other symbols than before", () => {
    const hub = hubOf();
    hub.publish(ticks("A", "B", "C", "B"));
    expect(places(open(hub, ["B", "C"], true, at(1)).missed)).toEqual([2, 3, 4]);
  });

  it("hears why when it cannot go on", () => {
    const hub = hubOf();
    const early = Array.from({ length: 300 }, () => Array.from({ length: 1000 }, () => tick("A"))).flat();
    for (let n = 0; n < 300; n++) hub.publish(early.slice(1000 * n, 1000 * (n + 1)));
    const later = Array.from({ length: 8192 }, () => ({ ...tick("B"), time: utc("2025-01-07T10:02") }));
    for (let n = 0; n < 5; n++) hub.publish(later);
    expect(open(hub, ["A"], true, at(1)).reset).toBe("too_old");
    expect(open(hub, ["B"], true, at(1)).reset).toBeUndefined();
    expect(open(hub, ["A"], true, at(400_001)).reset).toBe("in_the_future");
    expect(open(hub, ["A"], true, at(300_000, "before")).reset).toBe("epoch_changed");
    const { reset, missed } = open(hub, ["A"], true, at(100_000));
    expect([reset, places(missed).length]).toEqual([undefined, 200_000]);
  });
});

describe("a reader for whom the newest will do", () => {
  it("gets the newest of each symbol, and how many it skipped", () => {
    const hub = hubOf();
    const { reader } = open(hub, ["A", "B"], false);
    hub.publish(ticks("A", "A", "B"));
    hub.publish(ticks("A", "C"));
    const frames = taken(reader);
    expect(frames).toMatchObject([{ sequence: 5, skips: [0, 2] }]);
    expect(places(frames)).toEqual([3, 4]);
  });

  it("never ends for being slow", () => {
    const hub = hubOf();
    const { reader } = open(hub, ["A"], false);
    for (let n = 0; n < 300; n++) hub.publish(Array.from({ length: 1000 }, () => tick("A")));
    expect([reader.mailbox.ended, reader.mailbox.size]).toEqual([false, 1]);
    expect(taken(reader)[0]).toMatchObject({ skips: [299_999] });
  });

  it("gets the prices of before a change of its symbols before it hears of the change", () => {
    const hub = hubOf();
    const { reader } = open(hub, ["A"], false, undefined, "r");
    hub.publish(ticks("A", "A"));
    hub.update(reader, ["B"], ["A"]);
    hub.publish(ticks("A", "B"));
    const kinds: string[] = [];
    for (let item = reader.mailbox.take(); item !== undefined; item = reader.mailbox.take()) {
      kinds.push(item.type === "frame" ? item.frame.ticks.map(({ symbol }) => symbol).join() : item.type);
    }
    expect(kinds).toEqual(["A", "subscription", "B"]);
  });
});

describe("a change of a subscription", () => {
  it("takes effect at its place in the stream, and nowhere else", () => {
    const hub = hubOf();
    const { reader } = open(hub, ["A"], true, undefined, "r");
    const other = open(hub, ["A"], true, undefined, "other").reader;
    hub.publish(ticks("A", "B"));
    expect(hub.update(reader, ["B", "NOPE"], ["A", "C"])).toMatchObject({
      symbols: ["B"],
      results: [{ accepted: true }, { reason: "UNKNOWN_SYMBOL" }, { accepted: true }, { reason: "NOT_SUBSCRIBED" }],
    });
    hub.publish(ticks("A", "B"));
    const items = [1, 2, 3].map(() => reader.mailbox.take());
    expect(items.map((item) => item?.type)).toEqual(["frame", "subscription", "frame"]);
    expect(places(items.flatMap((item) => (item?.type === "frame" ? [item.frame] : [])))).toEqual([1, 4]);
    expect(places(taken(other))).toEqual([1, 3]);
  });

  it("is for whoever opened the stream, as long as it is open", () => {
    const hub = hubOf();
    const { reader } = open(hub, ["A"], true, undefined, "r");
    const slow = open(hub, ["A"], true, undefined, "slow").reader;
    const { reader: unowned } = hub.open("bars", { symbols: ["A"], lossless: true }, undefined);
    expect(hub.readerOf("r", "alice")).toBe(reader);
    expect(hub.readerOf("r", "bob")).toBeUndefined();
    expect(hub.readerOf(unowned.id, "alice")).toBeUndefined();
    slow.fallBehind();
    hub.close(reader);
    expect([hub.readerOf("slow", "alice"), hub.readerOf("r", "alice"), reader.mailbox.ended]).toEqual([
      undefined,
      undefined,
      true,
    ]);
  });
});

describe("a slow reader", () => {
  it("loses its stream when it owes too much, and nobody else does", () => {
    const hub = hubOf();
    const slow = open(hub, ["A"], true, undefined, "slow").reader;
    const quick = open(hub, ["A"], true, undefined, "quick").reader;
    let read = 0;
    for (let n = 0; n < 132; n++) {
      hub.publish(Array.from({ length: 1000 }, () => tick("A")));
      read += places(taken(quick)).length;
    }
    expect([slow.mailbox.ended, quick.mailbox.ended, read]).toEqual([true, false, 132_000]);
  });

  it("is waited for by a source that can wait", async () => {
    const [hub, clock] = [hubOf(), new TestClock(noon)];
    const { reader } = open(hub, ["A"]);
    await hub.room(clock);
    for (let n = 0; n < 20; n++) hub.publish(Array.from({ length: 1000 }, () => tick("A")));
    let room = false;
    const waiting = hub.room(clock).then(() => {
      room = true;
    });
    for (let n = 0; n < 3; n++) reader.mailbox.take();
    await quiet();
    expect(room).toBe(false);
    reader.mailbox.take();
    await waiting;
    expect([reader.mailbox.ended, clock.sleeping]).toEqual([false, 0]);
  });

  it("is waited for as long as it takes anything at all, and not longer", async () => {
    const [hub, clock] = [hubOf(), new TestClock(noon)];
    const { reader } = open(hub, ["A"]);
    for (let n = 0; n < 20; n++) hub.publish(Array.from({ length: 1000 }, () => tick("A")));
    const waiting = hub.room(clock);
    for (const takes of [true, true, false]) {
      await quiet();
      expect(reader.mailbox.ended).toBe(false);
      if (takes) reader.mailbox.take();
      clock.advance(10_000);
    }
    await waiting;
    expect(reader.mailbox.ended).toBe(true);
  });
});
