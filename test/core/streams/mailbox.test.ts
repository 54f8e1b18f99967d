import { describe, expect, it } from "vitest";
import { BridgeError } from "../../../src/core/errors.ts";
import { EveryItem, Mailbox } from "../../../src/core/streams/mailbox.ts";
import { numbers } from "../../any-ticks.ts";
import { quiet } from "../desk.ts";

const box = (limit = 100) => new Mailbox<number>(new EveryItem(limit));

async function* itemsOf<T>(mailbox: Mailbox<T>): AsyncGenerator<T, void> {
  for (;;) {
    const item = mailbox.take();
    if (item !== undefined) yield item;
    else if (mailbox.ended) return;
    else await new Promise<void>((ready) => mailbox.whenReady(ready));
  }
}

async function readAll<T>(mailbox: Mailbox<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of itemsOf(mailbox)) items.push(item);
  return items;
}

describe("a mailbox", () => {
  it("gives everything in order, and ends when it is ended and empty", async () => {
    const mailbox = box();
    mailbox.post(1);
    mailbox.post(2);
    mailbox.end();
    expect(mailbox.post(3)).toBe(false);
    expect(await readAll(mailbox)).toEqual([1, 2]);
  });

  it("wakes a reader that waits", async () => {
    const mailbox = box();
    const reading = readAll(mailbox);
    for (const item of [1, 2, 3]) {
      await quiet();
      mailbox.post(item);
    }
    mailbox.end();
    expect(await reading).toEqual([1, 2, 3]);
  });

  it("that overflows ends as slow_consumer, and what was in it is cut off", async () => {
    const mailbox = box(2);
    expect([mailbox.post(1), mailbox.post(2), mailbox.post(3), mailbox.ended]).toEqual([true, true, false, true]);
    await expect(readAll(mailbox)).rejects.toMatchObject({ fault: "slow_consumer" });
  });

  it("keeps its first end", async () => {
    const mailbox = box();
    mailbox.end();
    mailbox.end(new BridgeError("slow_consumer", ""));
    expect(await readAll(mailbox)).toEqual([]);
  });

  it("rouses its reader once for all that one turn has posted, behind that turn", async () => {
    const mailbox = box();
    const seen: number[] = [];
    mailbox.whenReady(() => seen.push(mailbox.size));
    for (const item of [1, 2, 3]) mailbox.post(item);
    expect(seen).toEqual([]);
    await quiet();
    mailbox.post(4);
    await quiet();
    expect(seen).toEqual([3]);
  });

  it("takes one item that is heavier than the limit, when it is empty", () => {
    const mailbox = new Mailbox<number>(new EveryItem(10, (weight) => weight));
    expect([mailbox.post(50), mailbox.size, mailbox.post(1)]).toEqual([true, 50, false]);
  });

  it("has room when enough is taken, and at once when there is enough", async () => {
    const mailbox = box();
    await mailbox.room(0);
    for (let item = 0; item < 5; item++) mailbox.post(item);
    let room = false;
    const waiting = mailbox.room(3).then(() => {
      room = true;
    });
    mailbox.take();
    await quiet();
    expect(room).toBe(false);
    mailbox.take();
    await waiting;
    expect(mailbox.size).toBe(3);
  });

  it("lets nobody wait for room once it has ended", async () => {
    const mailbox = box();
    mailbox.post(1);
    const waiting = mailbox.room(0);
    mailbox.end();
    await Promise.all([waiting, mailbox.room(0)]);
    expect(mailbox.size).toBe(1);
  });

  it("gives every item once and in order, however posts and reads interleave", async () => {
    for (let seed = 0; seed < 100; seed++) {
      const below = numbers(seed);
      const mailbox = box(1 << 20);
      const read: number[] = [];
      const reading = (async () => {
        for await (const item of itemsOf(mailbox)) {
          read.push(item);
          if (below(50) === 0) await quiet();
        }
      })();
      let next = 0;
      for (let turn = 0; turn < 20; turn++) {
        for (let n = below(300); n > 0; n--) mailbox.post(next++);
        if (below(2)) await quiet();
      }
      mailbox.end();
      await reading;
      expect(read, `seed ${seed}`).toEqual(Array.from({ length: next }, (_, item) => item));
    }
  });
});
