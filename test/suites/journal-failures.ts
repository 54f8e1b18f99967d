import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Instant } from "../../src/core/model/ids.ts";
import type { JournalDisk } from "../../src/store/journal-disk.ts";
import { JournalStore, pauses } from "../../src/store/journal-store.ts";
import { FaultyDisk } from "../faulty-disk.ts";
import { Notes, quiet, ScriptedClock } from "../terminals/paper/scripted.ts";
import { entriesOf, numbered } from "./journal.ts";

/** A clock that the test moves; a sleep of nothing is a turn. */
class TestClock extends ScriptedClock {
  readonly slept: number[] = [];

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= 0) return quiet();
    this.slept.push(ms);
    return super.sleep(ms, signal);
  }
}

const unavailable = (what: RegExp, trouble: string) =>
  expect.objectContaining({
    fault: "journal_unavailable",
    message: expect.stringMatching(what),
    metadata: { journal: trouble },
    retryAfterMs: pauses.first,
  });

/** What every disk's journal promises when the disk fails. `fresh` gives a disk with nothing on it. */
export function journalFailureSuite(fresh: () => Promise<JournalDisk>): void {
  describe("a journal whose disk fails", () => {
    let disk: FaultyDisk;
    let clock: TestClock;
    let notes: Notes;
    let store: JournalStore;

    beforeEach(async () => {
      disk = new FaultyDisk(await fresh());
      clock = new TestClock(0 as Instant);
      notes = new Notes();
      let epochs = 0;
      const newEpoch = () => `epoch ${++epochs}`;
      store = await JournalStore.open(disk, { clock, observer: notes, stopwatch: () => 0, newEpoch });
    });
    afterEach(() => store.close());

    /** Moves the clock past every pause until the disk is open again. */
    const recovered = async (...logs: readonly { reopened(): Promise<void> }[]): Promise<void> => {
      let done = false;
      const all = Promise.all(logs.map((log) => log.reopened())).then(() => {
        done = true;
      });
      while (!done) {
        clock.advance(pauses.longest);
        await quiet();
      }
      await all;
    };

    it("refuses what it could not write and all after it, and names the cause", async () => {
      const journal = store.journal<string>("orders");
      await journal.append(["kept"]).durable;
      disk.fail("full");
      const why = unavailable(/cannot be written: the disk is full/, "disk_full");
      await expect(journal.append(["refused"]).durable).rejects.toEqual(why);
      await expect(journal.append(["too"]).durable).rejects.toEqual(why);
      await expect(journal.flushed()).rejects.toEqual(why);
      expect(store.failure).toEqual(why);
    });

    it("goes on behind what is on disk when it can be written, and never writes what it has refused", async () => {
      const journal = store.journal<string>("orders");
      await journal.append(["kept"]).durable;
      const { epoch } = journal;
      disk.fail("full");
      const refused = [journal.append(["lost"]).durable, journal.append(["lost, too"]).durable];
      await Promise.allSettled(refused);
      await recovered(journal);
      expect(store.failure).toBeUndefined();
      expect(await entriesOf(journal)).toEqual(numbered(["kept"]));
      const { sequence, durable } = journal.append(["later"]);
      await durable;
      expect([sequence, journal.epoch]).toEqual([2, epoch]);
      expect(await entriesOf(journal)).toEqual(numbered(["kept", "later"]));
    });

    it("shows what a late failure has kept", async () => {
      const journal = store.journal<string>("orders");
      disk.fail("late");
      await expect(journal.append(["kept", "kept, too"]).durable).rejects.toMatchObject({
        fault: "journal_unavailable",
      });
      await recovered(journal);
      expect(await entriesOf(journal)).toEqual(numbered(["kept", "kept, too"]));
      expect(journal.append(["later"]).sequence).toBe(3);
    });

    it("keeps each log shut until its owner has looked at it", async () => {
      const orders = store.journal<string>("orders");
      const ledger = store.journal<string>("ledger");
      await Promise.all([orders.append(["o1"]).durable, ledger.append(["l1"]).durable]);
      disk.fail("late");
      const failed = [orders.append(["o2"]).durable, ledger.append(["l2"]).durable];
      await Promise.allSettled(failed);
      await recovered(orders);
      await orders.append(["o3"]).durable;
      await expect(ledger.append(["not so fast"]).durable).rejects.toMatchObject({ fault: "journal_unavailable" });
      await expect(ledger.flushed()).rejects.toMatchObject({ fault: "journal_unavailable" });
      await ledger.reopened();
      await ledger.append(["l3"]).durable;
      expect(await entriesOf(orders)).toEqual(numbered(["o1", "o2", "o3"]));
      expect(await entriesOf(ledger)).toEqual(numbered(["l1", "l2", "l3"]));
    });

    it("makes a log again that was lost before its first event", async () => {
      const journal = store.journal<string>("orders");
      const { epoch } = journal;
      disk.fail("full");
      await expect(journal.append(["lost"]).durable).rejects.toMatchObject({ fault: "journal_unavailable" });
      await recovered(journal);
      await journal.append(["first"]).durable;
      expect(journal.epoch).toBe(epoch);
      expect(await entriesOf(journal)).toEqual(numbered(["first"]));
    });

    it("tries again after 1, 2, 4 … seconds, 30 at most, until it succeeds", async () => {
      const journal = store.journal<string>("orders");
      disk.fail("full", 7);
      await expect(journal.append(["x"]).durable).rejects.toMatchObject({ fault: "journal_unavailable" });
      await recovered(journal);
      expect(clock.slept).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
      expect(disk.refused).toBe(7);
    });

    it("does not begin at 1 second again before a commit has succeeded", async () => {
      const journal = store.journal<string>("orders");
      for (let round = 0; round < 3; round++) {
        disk.fail("full");
        await expect(journal.append(["x"]).durable).rejects.toMatchObject({ fault: "journal_unavailable" });
        await recovered(journal);
      }
      await journal.append(["kept"]).durable;
      disk.fail("full");
      await expect(journal.append(["x"]).durable).rejects.toMatchObject({ fault: "journal_unavailable" });
      await recovered(journal);
      expect(clock.slept).toEqual([1000, 2000, 4000, 1000]);
    });

    it("notices the loss of its disk at once, though nothing is being written", async () => {
      const journal = store.journal<string>("orders");
      await journal.append(["kept"]).durable;
      const told: unknown[] = [];
      journal.onFailure((why) => told.push(why));
      disk.lose();
      expect(told).toEqual([unavailable(/connection to the database is lost/, "connection_lost")]);
      await recovered(journal);
      await journal.append(["later"]).durable;
      expect(await entriesOf(journal)).toEqual(numbered(["kept", "later"]));
    });

    it("fails what is under way when its disk is lost, and does not take its late success for one", async () => {
      const journal = store.journal<string>("orders");
      await journal.append(["kept"]).durable;
      disk.hold();
      const underWay = journal.append(["under way"]).durable;
      await quiet();
      disk.lose();
      await expect(underWay).rejects.toMatchObject({ fault: "journal_unavailable" });
      disk.release();
      await recovered(journal);
      const entries = await entriesOf(journal);
      const { sequence, durable } = journal.append(["later"]);
      await durable;
      expect(sequence).toBe(entries.length + 1);
      expect(await entriesOf(journal)).toEqual(numbered([...entries.map(({ event }) => event), "later"]));
    });

    it("says when it fails and when it is well again", async () => {
      const journal = store.journal<string>("orders");
      disk.fail("full", 1);
      await expect(journal.append(["x"]).durable).rejects.toMatchObject({ fault: "journal_unavailable" });
      await recovered(journal);
      expect(notes.lines).toEqual([
        "error journal: the journal cannot be written: the disk is full (full, on purpose)",
        "warn journal: the journal cannot be written: the disk reports an I/O error (broken on purpose); tried again later",
        "info journal: the journal can be written again",
      ]);
    });

    it("can be closed while its disk is broken", async () => {
      const journal = store.journal<string>("orders");
      disk.fail("full", 1000);
      await expect(journal.append(["x"]).durable).rejects.toMatchObject({ fault: "journal_unavailable" });
      const waiting = journal.reopened();
      waiting.catch(() => undefined);
      await store.close();
      await expect(waiting).rejects.toMatchObject({ fault: "journal_unavailable" });
    });
  });
}
