import { describe, expect, it } from "vitest";
import type { Cursor } from "../../../src/core/streams/cursor.ts";
import { Feed, type Reader } from "../../../src/core/streams/feed.ts";
import { numbers } from "../../any-ticks.ts";

const at = (sequence: number, epoch = "e"): Cursor => ({ epoch, sequence });

/** What waits in a reader's mailbox. */
function waiting(reader: Reader<string>): number[] {
  const found: number[] = [];
  for (let item = reader.mailbox.take(); item !== undefined; item = reader.mailbox.take()) {
    if ("sequence" in item) found.push(item.sequence);
  }
  return found;
}

function feedWith(...sequences: number[]): Feed<string> {
  const feed = new Feed<string>("e", 10, 100);
  for (const sequence of sequences) feed.publish(sequence, `fact ${sequence}`);
  return feed;
}

describe("a feed", () => {
  it("gives a new reader what comes from now on", () => {
    const feed = feedWith(1, 2);
    const reader = feed.read(undefined);
    feed.publish(5, "five");
    expect([reader.missed, reader.start, waiting(reader)]).toEqual([[], at(2), [5]]);
  });

  it("gives a reader that comes back what it missed, then the news", () => {
    const feed = feedWith(1, 4, 7);
    const reader = feed.read(at(3));
    feed.publish(9, "nine");
    expect(reader.missed.map(({ sequence }) => sequence)).toEqual([4, 7]);
    expect(waiting(reader)).toEqual([9]);
  });

  it("counts what is not its own fact, too: a cursor may stand there", () => {
    const feed = feedWith(1);
    feed.advance(6);
    expect(feed.cursor).toEqual(at(6));
    expect(feed.read(at(6))).toMatchObject({ missed: [], reset: undefined });
  });

  it("says why a cursor cannot be honoured", () => {
    const feed = feedWith(...Array.from({ length: 30 }, (_, n) => n + 1));
    expect(feed.read(at(3)).reset).toBe("too_old");
    expect(feed.read(at(31)).reset).toBe("in_the_future");
    expect(feed.read(at(30, "before")).reset).toBe("epoch_changed");
    expect(feed.read(at(30)).reset).toBeUndefined();
  });

  it("ends a reader that is too far behind, and no other", () => {
    const feed = new Feed<string>("e", 10, 3);
    const [slow, quick] = [feed.read(undefined), feed.read(undefined)];
    const read: number[] = [];
    for (let sequence = 1; sequence <= 5; sequence++) {
      feed.publish(sequence, "");
      read.push(...waiting(quick));
    }
    expect([slow.mailbox.ended, quick.mailbox.ended, read]).toEqual([true, false, [1, 2, 3, 4, 5]]);
  });

  it("lets readers go that have left, though nothing is published", () => {
    const feed = feedWith(1);
    const left = new WeakSet<object>();
    for (let n = 0; n < 1000; n++) {
      const { mailbox } = feed.read(undefined);
      left.add(mailbox);
      mailbox.end();
    }
    const reader = feed.read(undefined);
    feed.publish(2, "two");
    expect(waiting(reader)).toEqual([2]);
  });

  it("has no gap and no duplicate for a reader that leaves and comes back as it likes", () => {
    for (let seed = 0; seed < 300; seed++) {
      const below = numbers(seed);
      const feed = new Feed<string>("e", 20, 15);
      const facts: number[] = [];
      const read: number[] = [];
      let sequence = 0;
      let reader: Reader<string> | undefined;
      let cursor = at(0);
      const take = (items: readonly number[]) => {
        read.push(...items);
        cursor = at(items.at(-1) ?? cursor.sequence);
      };
      for (let turn = 0; turn < 60; turn++) {
        for (let n = below(4); n > 0; n--) {
          sequence += 1 + below(3);
          if (below(4) === 0) feed.advance(sequence);
          else {
            feed.publish(sequence, "");
            facts.push(sequence);
          }
        }
        if (reader === undefined) {
          reader = feed.read(cursor);
          if (reader.reset === "too_old") {
            const gap = facts.filter((fact) => fact > cursor.sequence);
            expect(gap.length, `seed ${seed}`).toBeGreaterThan(20);
            read.push(...gap); // told that it has missed something
            cursor = reader.start;
          } else take(reader.missed.map((fact) => fact.sequence));
        } else if (reader.mailbox.ended || below(5) === 0) {
          reader.mailbox.end();
          reader = undefined;
        } else if (below(2)) take(waiting(reader));
      }
      reader ??= feed.read(cursor);
      if (!reader.mailbox.ended) take(waiting(reader));
      expect(read, `seed ${seed}`).toEqual(facts.slice(0, read.length));
    }
  });
});
