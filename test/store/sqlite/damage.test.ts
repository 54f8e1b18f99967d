/** Files that are not as they were written, and what the journal makes of them. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ControlEvent, ControlRecord } from "../../../src/core/control/control-record.ts";
import type { Instant } from "../../../src/core/model/ids.ts";
import { JournalFile } from "../../../src/store/sqlite/journal-file.ts";
import { inspectWal } from "../../../src/store/sqlite/wal.ts";
import { entriesOf, numbered } from "../../suites/journal.ts";
import { Notes, ScriptedClock } from "../../terminals/paper/scripted.ts";
import { openJournalStore } from "./opening.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "journal-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const unavailable = (what: RegExp) =>
  expect.objectContaining({ fault: "journal_unavailable", message: expect.stringMatching(what) });

describe("a damaged journal", () => {
  const write = async (count: number) => {
    const store = await openJournalStore({ folder });
    const journal = store.journal<{ mark: string }>("orders:paper");
    for (let n = 1; n <= count; n++) journal.append([{ mark: `event-${n}-` }]);
    await store.close();
  };
  const readAll = async () => {
    const store = await openJournalStore({ folder });
    try {
      return await entriesOf(store.journal("orders:paper"));
    } finally {
      await store.close();
    }
  };
  const damage = (find: string, replace: string) => {
    const file = join(folder, "journal.db");
    const bytes = readFileSync(file);
    const at = bytes.indexOf(find);
    expect(at).toBeGreaterThan(0);
    bytes.write(replace, at);
    writeFileSync(file, bytes);
  };

  it("names the log and the event whose bytes have changed", async () => {
    await write(3000);
    damage("event-2500-", "event-2510-");
    await expect(readAll()).rejects.toEqual(unavailable(/"orders:paper": event 2500 .*checksum/));
  });

  it("finds a single flipped bit anywhere in an event", async () => {
    await write(50);
    const file = join(folder, "journal.db");
    const whole = readFileSync(file);
    const body = Buffer.from(JSON.stringify({ mark: "event-25-" }));
    const at = whole.indexOf(body);
    for (let i = 0; i < body.length; i++) {
      const flipped = Buffer.from(whole);
      flipped[at + i] = (flipped[at + i] ?? 0) ^ (1 << (i % 8));
      writeFileSync(file, flipped);
      const opened = JournalFile.open({ folder });
      expect(() => opened.page(1, 25, 25), `byte ${i}`).toThrow(/event 25 .*checksum/);
      expect(opened.page(1, 1, 50).count, `byte ${i}`).toBe(24);
      opened.close();
    }
  });

  it("names the first event that is missing", async () => {
    await write(20);
    const db = new DatabaseSync(join(folder, "journal.db"));
    db.exec("DELETE FROM log_1 WHERE sequence = 7");
    db.close();
    await expect(readAll()).rejects.toEqual(unavailable(/event 7 .*missing/));
  });

  it("is refused when the file is something else", async () => {
    writeFileSync(
      join(folder, "journal.db"),
      "not a database, but long enough to be taken for one at first sight".repeat(100),
    );
    await expect(openJournalStore({ folder })).rejects.toEqual(unavailable(/not a database/));
  });

  it("says what was damaged and what to do, and leaves the other logs alone", async () => {
    const store = await openJournalStore({ folder });
    store.journal("orders").append(["o1", "o2", "o3"]);
    store.journal("ledger").append(["l1", "l2", "l3"]);
    await store.close();
    damage('"o2"', '"oX"');

    const again = await openJournalStore({ folder });
    await expect(entriesOf(again.journal("orders"))).rejects.toEqual(
      unavailable(/log "orders": event 2 .*checksum.*journal -- verify.*copy/),
    );
    await again.journal("ledger").append(["l4"]).durable;
    expect(await entriesOf(again.journal("ledger"))).toEqual(numbered(["l1", "l2", "l3", "l4"]));
    await again.close();
  });

  it("shuts a log whose table cannot be found, and leaves the other logs alone", async () => {
    const store = await openJournalStore({ folder });
    store.journal("orders").append(["o1"]);
    store.journal("ledger").append(["l1"]);
    await store.close();
    inFile("DROP TABLE log_1");

    const again = await openJournalStore({ folder });
    expect(() => again.journal("orders").append(["o2"])).toThrow(unavailable(/log "orders": .*no such table/));
    await expect(entriesOf(again.journal("orders"))).rejects.toEqual(unavailable(/log "orders"/));
    await again.journal("ledger").append(["l2"]).durable;
    await again.close();
  });

  it("cuts off a last record that is not as it was written, keeps it aside and says so", async () => {
    await write(20);
    damage("event-20-", "event-2X-");
    const told: string[] = [];
    const store = await openJournalStore({ folder }, told);
    expect(told).toEqual([expect.stringMatching(/log "orders:paper": its last event, 20, .*checksum/)]);
    const journal = store.journal<{ mark: string }>("orders:paper");
    expect((await entriesOf(journal)).length).toBe(19);
    expect(journal.append([{ mark: "instead" }]).sequence).toBe(20);
    await store.close();
    expect(inFile("SELECT log, sequence, body FROM cut")).toEqual([
      { log: "orders:paper", sequence: 20, body: '{"mark":"event-2X-"}' },
    ]);
    expect((await readAll()).length).toBe(20);
  });

  it("cuts off nothing when more than the last record is not as it was written", async () => {
    await write(20);
    damage("event-20-", "event-2X-");
    damage("event-19-", "event-1X-");
    for (let start = 1; start <= 3; start++)
      await expect(readAll()).rejects.toEqual(unavailable(/event 19 .*checksum/));
    expect(inFile("SELECT count(*) AS events FROM log_1")).toEqual([{ events: 20 }]);
  });

  it("has nothing on its shelf that is not as it was put", async () => {
    const store = await openJournalStore({ folder });
    const journal = store.journal("orders");
    await journal.append(["o1"]).durable;
    await journal.shelf?.put(
      [
        ["a", "kept"],
        ["b", "damaged"],
      ],
      [],
    );
    await store.close();
    inFile(`UPDATE shelf SET body = '"dAmaged"' WHERE name = 'b'`);
    const again = await openJournalStore({ folder });
    const { shelf } = again.journal("orders");
    expect(await shelf?.get(["a", "b"])).toEqual(["kept", undefined]);
    await again.close();
  });

  const inFile = (sql: string): unknown[] => {
    const db = new DatabaseSync(join(folder, "journal.db"));
    const rows = db
      .prepare(sql)
      .all()
      .map((row) => ({ ...row }));
    db.close();
    return rows;
  };
});

describe("a damaged decision", () => {
  const decision = (reason: string) => ({ reason, by: "operator" });
  const damage = (find: string) => {
    const db = new DatabaseSync(join(folder, "journal.db"));
    const changed = db.prepare("UPDATE log_1 SET body = replace(body, ?, 'damaged') WHERE body LIKE ?");
    expect(changed.run(find, `%${find}%`).changes).toBe(1);
    db.close();
  };
  const opened = async <T>(work: (control: ControlRecord) => T | Promise<T>): Promise<T> => {
    const store = await openJournalStore({ folder });
    try {
      const clock = new ScriptedClock(0 as Instant);
      return await work(await ControlRecord.open(store.journal<ControlEvent>("control"), clock, new Notes()));
    } finally {
      await store.close();
    }
  };
  const decided = () =>
    opened(async (control) => {
      await control.setMode({ symbol: "EURUSD" }, "reduce_only", decision("first"));
      await control.setMode({}, "halted", decision("kill"));
    });

  it("that was the newest halts trading, since it may have been the kill switch", async () => {
    await decided();
    damage("kill");
    const halted = { mode: "halted", setBy: "bridge", reason: expect.stringMatching(/damaged .*event, 2, .*checksum/) };
    for (let start = 1; start <= 2; start++) {
      expect(await opened(({ modes }) => modes.entries)).toMatchObject([
        halted,
        { symbol: "EURUSD", mode: "reduce_only", reason: "first" },
      ]);
    }
    await opened((control) => control.setMode({}, "active", decision("I have looked")));
    expect(await opened(({ modes }) => modes.at({})?.mode)).toBe("active");
  });

  it("halts trading also when the start that found it came to nothing", async () => {
    await decided();
    damage("kill");
    JournalFile.open({ folder }).close();
    expect(await opened(({ modes }) => modes.strictest)).toBe("halted");
  });

  it("that came before the newest refuses the start", async () => {
    await decided();
    damage("first");
    await expect(opened(() => undefined)).rejects.toEqual(unavailable(/log "control": event 1 .*checksum/));
  });
});

describe("a write-ahead log", () => {
  const log = { id: 1, name: "orders", epoch: "e", last: 0 };
  /** The sizes that the file had after each commit: the events up to there were acknowledged. */
  const written = (commits: number): { wal: Buffer; db: Buffer; acknowledged: number[] } => {
    const file = JournalFile.open({ folder });
    const acknowledged: number[] = [];
    for (let n = 1; n <= commits; n++) {
      // Every third is larger than a page, so that a commit is more than one frame.
      const text = JSON.stringify(`event-${n}-${"x".repeat(n % 3 === 0 ? 6000 : 10)}`);
      file.commit({ created: n === 1 ? [log] : [], lines: [{ log: 1, first: n, text }] });
      acknowledged.push(readFileSync(walFile()).length);
    }
    const copy = { wal: readFileSync(walFile()), db: readFileSync(join(folder, "journal.db")), acknowledged };
    file.close();
    return copy;
  };
  const walFile = (of = folder) => join(of, "journal.db-wal");

  /** Opens what is left after a mishap. */
  const opened = (db: Buffer, wal: Buffer): { last: number; cuts: readonly string[] } => {
    const where = mkdtempSync(join(tmpdir(), "journal-"));
    try {
      writeFileSync(join(where, "journal.db"), db);
      writeFileSync(walFile(where), wal);
      const file = JournalFile.open({ folder: where });
      const last = file.logs[0]?.last ?? 0;
      if (last > 0) expect(file.page(1, 1, last).count).toBe(last);
      file.close();
      return { last, cuts: file.cuts };
    } finally {
      rmSync(where, { recursive: true });
    }
  };

  it("that was cut at any byte keeps every commit before it, and says what it cut", () => {
    const { wal, db, acknowledged } = written(9);
    const frames = acknowledged.flatMap((size) => [size - 1, size, size + 1]);
    const places = new Set([...frames, ...Array.from({ length: wal.length / 211 }, (_, i) => i * 211)]);
    for (const length of places) {
      if (length > wal.length) continue;
      const { last, cuts } = opened(db, wal.subarray(0, length));
      expect(last, `cut at ${length}`).toBe(acknowledged.filter((size) => size <= length).length);
      const whole = length <= 32 || acknowledged.includes(length);
      expect(cuts.length, `cut at ${length}`).toBe(whole ? 0 : 1);
    }
  });

  it("whose last commit is torn in any place loses that one alone, and says so", () => {
    const { wal, db, acknowledged } = written(6);
    const start = acknowledged[4] as number;
    for (let at = start; at < wal.length; at += 97) {
      const torn = Buffer.from(wal);
      torn.fill(0x5a, at, Math.min(at + 512, wal.length));
      const { last, cuts } = opened(db, torn);
      expect([last, cuts.length], `torn at ${at}`).toEqual([5, 1]);
    }
  });

  it("is refused when more than the last commit would be passed over in silence", () => {
    const { wal, db, acknowledged } = written(6);
    for (let at = 32; at < (acknowledged[3] as number); at += 97) {
      const damaged = Buffer.from(wal);
      damaged[at] = (damaged[at] as number) ^ 0x10;
      expect(() => opened(db, damaged), `byte ${at}`).toThrow(/journal\.db-wal is damaged at byte \d+: [2-9] commits/);
    }
  });

  it("is whole again after its torn end was cut off", () => {
    const { wal, db } = written(6);
    const where = mkdtempSync(join(tmpdir(), "journal-"));
    writeFileSync(join(where, "journal.db"), db);
    writeFileSync(walFile(where), wal.subarray(0, wal.length - 100));
    const file = JournalFile.open({ folder: where });
    file.commit({ created: [], lines: [{ log: 1, first: 6, text: '"instead"' }] });
    expect(inspectWal(readFileSync(walFile(where)))).toEqual({ kind: "whole" });
    file.close();
    rmSync(where, { recursive: true });
  });

  it("of another life of the file is not taken for damage", () => {
    const file = JournalFile.open({ folder });
    const commit = (n: number) =>
      file.commit({
        created: n === 1 ? [log] : [],
        lines: [{ log: 1, first: n, text: JSON.stringify("x".repeat(5000)) }],
      });
    // Far enough for the file to be begun anew, over the frames of before.
    for (let n = 1; n <= 700; n++) commit(n);
    copyFileSync(walFile(), join(folder, "copy"));
    file.close();
    const copy = readFileSync(join(folder, "copy"));
    expect(inspectWal(copy)).toEqual({ kind: "whole" });
    expect(copy.length).toBeGreaterThan(4_000_000); // it never shrank: frames of before are still in it
  });
});
