import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { queueLimits } from "../../../src/store/journal-store.ts";
import { sqliteDisk } from "../../../src/store/sqlite/journal.ts";
import { entriesOf, journalSuite, numbered } from "../../suites/journal.ts";
import { journalFailureSuite } from "../../suites/journal-failures.ts";
import { openJournalStore } from "./opening.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "journal-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const unavailable = (what: RegExp) =>
  expect.objectContaining({ fault: "journal_unavailable", message: expect.stringMatching(what) });

describe("the journal in SQLite", () => {
  journalSuite(async () => async () => {
    const store = await openJournalStore({ folder });
    return { journal: store.journal("orders:paper"), close: () => store.close() };
  });

  journalFailureSuite(async () => sqliteDisk({ folder }));

  it("keeps logs apart, each with its own epoch and numbering", async () => {
    const store = await openJournalStore({ folder });
    const orders = store.journal<string>("orders:paper");
    const ledger = store.journal<string>("ledger:paper");
    expect(orders.append(["o1"]).sequence).toBe(1);
    expect(ledger.append(["l1", "l2"]).sequence).toBe(2);
    expect(orders.append(["o2"]).sequence).toBe(2);
    expect(store.journal("orders:paper")).toBe(orders);
    expect(orders.epoch).not.toBe(ledger.epoch);
    await store.close();

    const again = await openJournalStore({ folder });
    expect(again.journal("ledger:paper").epoch).toBe(ledger.epoch);
    expect(await entriesOf(again.journal("orders:paper"))).toEqual(numbered(["o1", "o2"]));
    expect(await entriesOf(again.journal("ledger:paper"))).toEqual(numbered(["l1", "l2"]));
    await again.close();
  });

  it("keeps an event as it was when it was appended", async () => {
    const store = await openJournalStore({ folder });
    const event = { stage: "sent" };
    const { durable } = store.journal("orders:paper").append([event]);
    event.stage = "filled";
    await durable;
    expect(await entriesOf(store.journal("orders:paper"))).toEqual(numbered([{ stage: "sent" }]));
    await store.close();
  });

  it.each([Number.NaN, [undefined], new Date(0), { at: new Map() }, undefined, () => 1])(
    "refuses what JSON would change: %s",
    async (event) => {
      const store = await openJournalStore({ folder });
      const journal = store.journal<unknown>("orders:paper");
      expect(() => journal.append([event])).toThrow(TypeError);
      expect(journal.append(["next"]).sequence).toBe(1);
      await store.close();
    },
  );

  it("moves its write-ahead log into the file while it is written", async () => {
    const store = await openJournalStore({ folder });
    const journal = store.journal<string>("orders:paper");
    const events = Array.from({ length: 160 }, (_, i) => `${i} ${"x".repeat(50_000)}`);
    for (const event of events) await journal.append([event]).durable;
    expect(statSync(join(folder, "journal.db-wal")).size).toBeLessThan(6 * 2 ** 20);
    expect(statSync(join(folder, "journal.db")).size).toBeGreaterThan(3 * 2 ** 20);
    expect(await entriesOf(journal)).toEqual(numbered(events));
    await store.close();
  });

  it("refuses a second opener, and says why", async () => {
    const store = await openJournalStore({ folder });
    await expect(openJournalStore({ folder })).rejects.toEqual(unavailable(/journal\.db is in use/));
    await store.journal("orders:paper").append(["unharmed"]).durable;
    await store.close();
    await (await openJournalStore({ folder })).close();
  });

  it("refuses an append beyond its queue, takes no number for it, and goes on", async () => {
    const store = await openJournalStore({ folder });
    const journal = store.journal<string>("orders:paper");
    for (let i = 0; i < queueLimits.events; i++) journal.append(["x"]);
    expect(() => journal.append(["one too many"])).toThrow(/queue is full/);
    await journal.flushed();
    expect(journal.append(["room again"]).sequence).toBe(queueLimits.events + 1);
    await journal.flushed();
    const large = "x".repeat(queueLimits.bytes / 2);
    journal.append([large]);
    expect(() => journal.append([large])).toThrow(unavailable(/queue is full/));
    await store.close();
  });
});

describe("a journal that can no longer be written", () => {
  it("fails that append and all after it, and keeps every event it acknowledged", async () => {
    const store = await openJournalStore({ folder, maxBytes: 128 * 1024 });
    const journal = store.journal<string>("orders:paper");
    const acknowledged: string[] = [];
    const event = (n: number) => `${n} ${"x".repeat(1000)}`;
    const fillUp = async () => {
      for (let n = 1; ; n++) {
        await journal.append([event(n)]).durable;
        acknowledged.push(event(n));
      }
    };
    await expect(fillUp()).rejects.toEqual(unavailable(/full/));
    expect(store.failure).toEqual(unavailable(/full/));
    await expect(journal.append(["later"]).durable).rejects.toEqual(unavailable(/disk is full/));
    await expect(journal.flushed()).rejects.toEqual(unavailable(/disk is full/));
    await store.close();

    const again = await openJournalStore({ folder });
    expect(acknowledged.length).toBeGreaterThan(10);
    expect(await entriesOf(again.journal("orders:paper"))).toEqual(numbered(acknowledged));
    await again.journal("orders:paper").append(["goes on"]).durable;
    await again.close();
  });

  it("fails what is pending when its thread dies", async () => {
    let thread: Worker | undefined;
    process.once("worker", (worker) => {
      thread = worker;
    });
    const store = await openJournalStore({ folder });
    const journal = store.journal<string>("orders:paper");
    await journal.append(["safe"]).durable;
    const pending = [journal.append(["a"]), journal.append(["b"])];
    const reading = entriesOf(journal);
    thread?.terminate();
    for (const { durable } of pending) await expect(durable).rejects.toEqual(unavailable(/thread ended/));
    await expect(reading).rejects.toEqual(unavailable(/thread ended/));
    await expect(journal.append(["c"]).durable).rejects.toEqual(unavailable(/thread ended/));
    await store.close();
  });

  it("takes nothing after it was closed", async () => {
    const store = await openJournalStore({ folder });
    const journal = store.journal<string>("orders:paper");
    const last = journal.append(["in time"]).durable;
    const closed = store.close();
    await expect(journal.append(["too late"]).durable).rejects.toEqual(unavailable(/closed/));
    await last;
    await closed;
    await expect(journal.append(["too late"]).durable).rejects.toEqual(unavailable(/closed/));
  });
});

describe("a process killed in the middle of its appends", () => {
  it("leaves every acknowledged event, and no hole", async () => {
    const acknowledged = { orders: 0, ledger: 0 };
    let epoch = "";
    for (let life = 1; life <= 3; life++) {
      const child = spawn(process.execPath, [join(import.meta.dirname, "appending.ts"), folder], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const told = await killedAfter(child, life * 700);
      expect(told.refused).toEqual(unavailable(/in use/));
      if (life > 1) expect(told.epoch).toBe(epoch);
      epoch = told.epoch;
      for (const name of ["orders", "ledger"] as const) {
        acknowledged[name] = Math.max(acknowledged[name], told[name]);
      }

      const store = await openJournalStore({ folder });
      for (const name of ["orders", "ledger"] as const) {
        const entries = await entriesOf(store.journal(`${name}:paper`));
        expect(entries.length).toBeGreaterThanOrEqual(acknowledged[name]);
        expect(entries.map((entry) => entry.sequence)).toEqual(entries.map((_, i) => i + 1));
        acknowledged[name] = entries.length;
      }
      expect(store.journal("orders:paper").epoch).toBe(epoch);
      await store.close();
    }
    expect(acknowledged.orders).toBeGreaterThan(900);
  });

  interface Told {
    orders: number;
    ledger: number;
    epoch: string;
    refused: unknown;
  }

  /** Tries to open the journal beside the child, then kills it after so many acknowledgements; every line it still wrote counts. */
  async function killedAfter(child: ChildProcessByStdio<null, Readable, null>, lines: number): Promise<Told> {
    const told: Told = { orders: 0, ledger: 0, epoch: "", refused: undefined };
    let seen = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      const [what, value] = line.split(" ");
      if (what === "epoch") {
        told.epoch = value ?? "";
        told.refused = await openJournalStore({ folder }).catch((error: unknown) => error);
      } else if (what === "orders" || what === "ledger") told[what] = Number(value);
      if (++seen === lines) child.kill("SIGKILL");
    }
    return told;
  }
});
