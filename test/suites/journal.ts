import { isDeepStrictEqual } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Journal, JournalEntry } from "../../src/core/ports/journal.ts";

export interface OpenJournal {
  readonly journal: Journal<unknown>;
  close(): Promise<void>;
}

/** What every journal promises. `fresh` starts from nothing and gives a function that opens the journal, and opens it again. */
export function journalSuite(fresh: () => Promise<() => Promise<OpenJournal>>): void {
  describe("a journal", () => {
    let open: () => Promise<OpenJournal>;
    let current: OpenJournal;

    beforeEach(async () => {
      open = await fresh();
      current = await open();
    });
    afterEach(() => current.close());

    const restart = async () => {
      await current.close();
      current = await open();
    };

    it("is empty when it is new", async () => {
      expect(await entriesOf(current.journal)).toEqual([]);
      await current.journal.flushed();
    });

    it("numbers events 1, 2, 3 … at once", async () => {
      expect(current.journal.append(["a"]).sequence).toBe(1);
      expect(current.journal.append(["b", "c"]).sequence).toBe(3);
      expect(current.journal.append(["d"]).sequence).toBe(4);
    });

    it("takes no number for nothing", async () => {
      current.journal.append(["a"]);
      const nothing = current.journal.append([]);
      expect(nothing.sequence).toBe(1);
      await nothing.durable;
      expect(current.journal.append(["b"]).sequence).toBe(2);
    });

    it("gives back what was appended, oldest first, the newest included", async () => {
      current.journal.append(["a", "b"]);
      await current.journal.append(["c"]).durable;
      current.journal.append(["d"]);
      expect(await entriesOf(current.journal)).toEqual(numbered(["a", "b", "c", "d"]));
    });

    it("makes appends durable in the order in which they were made", async () => {
      const order: number[] = [];
      const appends = Array.from({ length: 100 }, (_, i) =>
        current.journal.append([i]).durable.then(() => order.push(i)),
      );
      await Promise.all(appends);
      expect(order).toEqual(Array.from({ length: 100 }, (_, i) => i));
    });

    it("is flushed once all that was appended before is durable", async () => {
      let durable = 0;
      for (let i = 0; i < 10; i++) current.journal.append([i]).durable.then(() => durable++);
      await current.journal.flushed();
      expect(durable).toBe(10);
    });

    it("is the same after a restart: its epoch, its events, its numbering", async () => {
      const { epoch } = current.journal;
      current.journal.append([{ type: "sent" }]);
      await current.journal.append([{ type: "placed", ticket: 5n }]).durable;
      await restart();
      expect(current.journal.epoch).toBe(epoch);
      expect(current.journal.append([{ type: "filled" }]).sequence).toBe(3);
      const events = [{ type: "sent" }, { type: "placed", ticket: 5n }, { type: "filled" }];
      expect(await entriesOf(current.journal)).toEqual(numbered(events));
    });

    it("keeps what is appended right before it is closed", async () => {
      current.journal.append(["last words"]);
      await restart();
      expect(await entriesOf(current.journal)).toEqual(numbered(["last words"]));
    });

    it("can be left in the middle of its entries", async () => {
      current.journal.append(Array.from({ length: 5000 }, (_, i) => i));
      for await (const [entry] of current.journal.pages()) if (entry !== undefined) break;
      expect(current.journal.append(["still here"]).sequence).toBe(5001);
    });

    it("has a shelf, if it has one, that keeps values by name, and drops them together with what it puts", async () => {
      const values = { one: { sequence: 1, of: [5n, "$n:1"] }, two: "€ and a line\nbreak", three: null };
      await current.journal.append(["a"]).durable;
      await current.journal.shelf?.put(Object.entries(values), []);
      await current.journal.shelf?.put([["two", ["other"]]], ["three", "never there"]);
      await restart();
      const { shelf } = current.journal;
      if (shelf === undefined) return;
      expect([...(await shelf.names())].sort()).toEqual(["one", "two"]);
      expect(await shelf.get(["one", "two", "three"])).toEqual([values.one, ["other"], undefined]);
    });

    it("can be read from any place on", async () => {
      await current.journal.append(["a", "b", "c"]).durable;
      const behind = async (after: number) => {
        const entries = await entriesOf(current.journal, after);
        return entries.flatMap(({ sequence, event }) => [sequence, event]);
      };
      expect(await behind(1)).toEqual([2, "b", 3, "c"]);
      expect(await behind(3)).toEqual([]);
    });

    it("gives back any plain data exactly, bigints and all", async () => {
      const events = Array.from({ length: 300 }, (_, seed) => anyPlainData(numbers(seed), 4));
      current.journal.append(events);
      await restart();
      const found = await entriesOf(current.journal);
      for (const [seed, { event }] of found.entries()) {
        expect(isDeepStrictEqual(event, events[seed]), `seed ${seed}`).toBe(true);
      }
      expect(found.length).toBe(events.length);
    });
  });
}

export async function entriesOf<E>(journal: Journal<E>, after?: number): Promise<JournalEntry<E>[]> {
  const entries: JournalEntry<E>[] = [];
  for await (const page of journal.pages(after)) entries.push(...page);
  return entries;
}

export const numbered = <E>(events: readonly E[]): JournalEntry<E>[] =>
  events.map((event, i) => ({ sequence: i + 1, event }));

/** Whole numbers below `limit`, the same for the same seed. */
function numbers(seed: number): (limit: number) => number {
  let state = (seed + 1) * 2_654_435_769;
  return (limit) => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 3_266_489_917) >>> 0;
    return state % limit;
  };
}

const texts = [
  "",
  "$",
  "$$",
  "$n:1",
  "$s:",
  "$s:$n:5",
  "$x:",
  "$n:abc",
  '"$',
  "a\nb",
  "\u2028",
  "\ud800",
  "€",
  "\\",
  "\0",
];
const keys = ["a", "$n:1", "$", "", "__proto__", "constructor", "toJSON", "1"];

function anyPlainData(below: (limit: number) => number, depth: number): unknown {
  switch (below(depth > 0 ? 9 : 6)) {
    case 0:
      return texts[below(texts.length)];
    case 1:
      return BigInt(below(1 << 30)) ** BigInt(below(5)) * (below(2) === 0 ? 1n : -1n);
    case 2:
      return (below(1 << 30) - (1 << 29)) / 10 ** below(12);
    case 3:
      return below(2) === 0;
    case 4:
      return null;
    case 5:
      return 2 ** below(53);
    case 6:
      return Array.from({ length: below(4) }, () => anyPlainData(below, depth - 1));
    default: {
      const fields = Array.from({ length: below(6) }, () => [keys[below(keys.length)], anyPlainData(below, depth - 1)]);
      return Object.fromEntries(fields);
    }
  }
}
