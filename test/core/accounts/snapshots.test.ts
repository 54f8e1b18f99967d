import { describe, expect, it } from "vitest";
import type { AccountEvent } from "../../../src/core/accounts/account-event.ts";
import { AccountRecord } from "../../../src/core/accounts/record.ts";
import { toBrokerTime } from "../../../src/core/model/broker-clock.ts";
import type { Instant, StrategyId } from "../../../src/core/model/ids.ts";
import { seeded } from "../../../src/terminals/paper/seeded.ts";
import { ordersSession } from "../../fixtures/journals/session.ts";
import { accountState } from "../../fixtures/journals/state.ts";
import { MemoryJournal, MemoryShelf } from "../../memory-journal.ts";
import { quiet } from "../desk.ts";
import { worth } from "../scripted-terminal.ts";

const session = await ordersSession();

/** A journal that ends after so many events of the session. */
const journalOf = (events: number, shelf?: MemoryShelf) => {
  const journal = new MemoryJournal<AccountEvent>(session.slice(0, events));
  if (shelf !== undefined) journal.shelf = shelf;
  return journal;
};

const open = (journal: MemoryJournal<AccountEvent>, every: number) =>
  AccountRecord.open(journal, worth(), undefined, every);

const settle = async () => {
  for (let turns = 0; turns < 5; turns++) await quiet();
};

/** What the events come to, the feeds for readers that come back included. */
async function stateOf(journal: MemoryJournal<AccountEvent>): Promise<unknown> {
  const record = await open(journal, Number.POSITIVE_INFINITY);
  const after = { epoch: journal.epoch, sequence: 0 };
  const [orders, facts] = [record.orderFeed.read(after), record.accountFeed.read(after)];
  const { holdings, changes } = record;
  const deals = await record.listDeals({}, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const day = toBrokerTime(deals[0]?.deal.time ?? (0 as Instant));
  return {
    state: await accountState(journal),
    exposures: [...holdings.exposures()],
    results: [holdings.realised(undefined, day), holdings.realised(7 as StrategyId, day)],
    cancelers: deals.map(({ deal }) => deal.order && changes.cancelerOf(deal.order)),
    canceling: [...changes.canceling],
    orders: [orders.missed, orders.reset, orders.start],
    facts: [facts.missed, facts.reset, facts.start],
  };
}

/** The whole session written with a snapshot every so many events; what was kept of it. */
async function written(every: number): Promise<MemoryShelf> {
  const shelf = new MemoryShelf();
  const record = await open(journalOf(0, shelf), every);
  for (const event of session) {
    await record.write([event]);
    await settle();
  }
  return shelf;
}

/** The first that begins so. */
const nameIn = (shelf: MemoryShelf, start: string): string => {
  const name = [...shelf.values.keys()].find((one) => one.startsWith(start));
  if (name === undefined) throw new Error(`nothing on the shelf begins with ${start}`);
  return name;
};

const headOf = (shelf: MemoryShelf) => shelf.values.get("head") as { sequence: number; version: number } | undefined;

describe("a snapshot of an account", () => {
  it("and what came after it come to the same as all the events, wherever it was taken", async () => {
    for (const every of [1, 2, 3, 7, 20, session.length - 1]) {
      const shelf = await written(every);
      expect(headOf(shelf)?.sequence, `every ${every}`).toBeGreaterThan(session.length - every - 1);
      const expected = await stateOf(journalOf(session.length));
      expect(await stateOf(journalOf(session.length, shelf)), `every ${every}`).toEqual(expected);
    }
  });

  it("holds everything also when it falls due in the midst of many writes, however long each takes", async () => {
    const expected = await stateOf(journalOf(session.length));
    for (let seed = 0; seed < 60; seed++) {
      const chance = seeded(`snapshots ${seed}`);
      const below = (limit: number) => Math.floor(chance.next() * limit);
      const shelf = new MemoryShelf();
      const { put } = shelf;
      shelf.put = async (...what) => {
        for (let turns = below(3); turns > 0; turns--) await quiet();
        return put.call(shelf, ...what);
      };
      const record = await open(journalOf(0, shelf), 1 + below(8));
      for (let from = 0; from < session.length; ) {
        const upTo = from + 1 + below(4);
        await Promise.all(session.slice(from, upTo).map((event) => record.write([event])));
        for (let turns = below(10); turns > 0; turns--) await quiet();
        from = upTo;
      }
      for (let turns = 0; turns < 50; turns++) await quiet();
      expect(await stateOf(journalOf(session.length, shelf)), `seed ${seed}`).toEqual(expected);
    }
  });

  it("spares a start the events before it", async () => {
    const shelf = await written(10);
    const journal = journalOf(session.length, shelf);
    let read = 0;
    const { pages } = journal;
    journal.pages = async function* (after) {
      for await (const page of pages.call(journal, after)) {
        read += page.length;
        yield page;
      }
    };
    await open(journal, 10);
    expect(read).toBe(session.length - (headOf(shelf)?.sequence ?? 0));
  });

  it("is taken at once after a start that had to read a lot", async () => {
    const shelf = new MemoryShelf();
    await open(journalOf(session.length, shelf), 10);
    await settle();
    expect(headOf(shelf)?.sequence).toBe(session.length);
    expect(await stateOf(journalOf(session.length, shelf))).toEqual(await stateOf(journalOf(session.length)));
  });

  it.each<[string, (shelf: MemoryShelf) => void]>([
    ["a part of it is missing", (shelf) => shelf.values.delete(nameIn(shelf, "rest/"))],
    ["the names of a box are missing", (shelf) => shelf.values.delete(nameIn(shelf, "orders-names/"))],
    ["another version wrote it", (shelf) => shelf.values.set("head", { ...headOf(shelf), version: 99 })],
    ["it cannot be made sense of", (shelf) => shelf.values.set("head", { ...headOf(shelf), places: 7 })],
  ])("counts as none when %s", async (_what, damage) => {
    const shelf = await written(10);
    damage(shelf);
    expect(await stateOf(journalOf(session.length, shelf))).toEqual(await stateOf(journalOf(session.length)));
  });

  it("counts as none when it is ahead of its journal", async () => {
    const shelf = await written(10);
    const short = (headOf(shelf)?.sequence ?? 0) - 1;
    expect(await stateOf(journalOf(short, shelf))).toEqual(await stateOf(journalOf(short)));
  });

  it("that could not be kept leaves the one before it as it is, and is taken again", async () => {
    for (let good = 0; good < 30; good++) {
      const shelf = new MemoryShelf();
      const record = await open(journalOf(0, shelf), 10);
      const write = async (events: readonly AccountEvent[]) => {
        for (const event of events) {
          await record.write([event]);
          await settle();
        }
      };
      await write(session.slice(0, 25));
      shelf.good = good;
      await write(session.slice(25, 40));
      expect(await stateOf(journalOf(40, shelf)), `broken off after ${good}`).toEqual(await stateOf(journalOf(40)));
      shelf.good = Number.POSITIVE_INFINITY;
      await write(session.slice(40));
      expect(headOf(shelf)?.sequence, `broken off after ${good}`).toBeGreaterThan(session.length - 11);
      const again = await stateOf(journalOf(session.length, shelf));
      expect(again, `broken off after ${good}`).toEqual(await stateOf(journalOf(session.length)));
    }
  });

  it("writes only what has changed, and drops what it replaces", async () => {
    const shelf = new MemoryShelf();
    const many = (when: string) =>
      Array.from({ length: 1000 }, (_, i) => [
        { type: "asked", key: `k${i} ${when}` as never, content: "c" } as const,
        { type: "answered", key: `k${i} ${when}` as never, answer: { kind: "done" } } as const,
      ]).flat();
    const record = await open(journalOf(0, shelf), 1000);
    await record.write(many("first"));
    await settle();
    shelf.puts.length = 0;
    await record.write(many("later"));
    await settle();
    const boxes = (names: Iterable<string>) => [...names].filter((name) => name.startsWith("changes/"));
    expect(boxes(shelf.puts).map((name) => name.split("@")[0])).toEqual([3, 4, 5, 6, 7].map((n) => `changes/${n}`));
    expect(boxes(shelf.values.keys()).length).toBe(8);
    expect([...shelf.values.keys()].filter((name) => name.startsWith("rest/")).length).toBe(1);
  });

  it("is of the events that are on disk, not of those on their way", async () => {
    const shelf = new MemoryShelf();
    const journal = journalOf(0, shelf);
    const record = await open(journal, 10);
    journal.hold();
    const writes = session.slice(0, 12).map((event) => record.write([event]));
    await settle();
    expect(headOf(shelf)).toBeUndefined();
    journal.release();
    await Promise.all(writes);
    await settle();
    expect(headOf(shelf)?.sequence).toBe(10);
    expect(await stateOf(journalOf(12, shelf))).toEqual(await stateOf(journalOf(12)));
  });
});
