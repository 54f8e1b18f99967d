/** The journal in a real PostgreSQL, which is ended and brought back under it. */
import { randomUUID } from "node:crypto";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { JournalStore } from "../../../src/store/journal-store.ts";
import { postgresDisk } from "../../../src/store/postgres/journal.ts";
import { machineClock } from "../../../src/telemetry/machine-clock.ts";
import { entriesOf, journalSuite, numbered } from "../../suites/journal.ts";
import { journalFailureSuite } from "../../suites/journal-failures.ts";
import { Notes } from "../../terminals/paper/scripted.ts";
import { Cluster, postgresPrograms } from "./cluster.ts";

const here = postgresPrograms() !== undefined;
const inContinuousIntegration = process.env["CI"] !== undefined;

describe.skipIf(!here && !inContinuousIntegration)(
  `the journal in PostgreSQL${here ? "" : " [SKIPPED: PostgreSQL is not here]"}`,
  () => {
    let cluster: Cluster;
    let space: string;
    let spaces = 0;

    beforeAll(async () => {
      cluster = await Cluster.start();
    });
    afterAll(() => cluster.stop());
    beforeEach(() => {
      space = `test-${++spaces}`;
    });

    const disk = () => postgresDisk({ url: cluster.url, space });
    const open = (notes = new Notes()) =>
      JournalStore.open(disk(), {
        ...{ clock: machineClock(), observer: notes, stopwatch: () => performance.now(), newEpoch: () => randomUUID() },
      });
    const sql = async (text: string): Promise<Record<string, unknown>[]> => {
      const client = new Client({ connectionString: cluster.url });
      await client.connect();
      try {
        await client.query(`SET search_path = mt5_bridge_${space.replaceAll("-", "_")}`);
        return (await client.query(text)).rows;
      } finally {
        await client.end();
      }
    };
    const unavailable = (what: RegExp) =>
      expect.objectContaining({ fault: "journal_unavailable", message: expect.stringMatching(what) });

    journalSuite(async () => {
      space = `suite-${++spaces}`;
      return async () => {
        const store = await open();
        return { journal: store.journal("orders"), close: () => store.close() };
      };
    });

    journalFailureSuite(async () => {
      space = `failing-${++spaces}`;
      return disk();
    });

    it("keeps logs apart, and accounts", async () => {
      const store = await open();
      await Promise.all([
        store.journal("orders").append(["o1"]).durable,
        store.journal("ledger").append(["l1", "l2"]).durable,
      ]);
      await store.close();
      const again = await open();
      expect(await entriesOf(again.journal("orders"))).toEqual(numbered(["o1"]));
      expect(await entriesOf(again.journal("ledger"))).toEqual(numbered(["l1", "l2"]));
      await again.close();
      space = `other-${++spaces}`;
      const other = await open();
      expect(await entriesOf(other.journal("orders"))).toEqual([]);
      await other.close();
    });

    it("has one writer: a second is refused, and says why, until the first has gone", async () => {
      const store = await open();
      await expect(open()).rejects.toEqual(
        unavailable(/in use \(another bridge holds the schema "mt5_bridge_test_\d+"/),
      );
      await store.journal("orders").append(["unharmed"]).durable;
      await store.close();
      await (await open()).close();
    });

    it("syncs every commit, though the database would rather not", async () => {
      const store = await open();
      const [row] = await sql("SELECT setting FROM pg_settings WHERE name = 'synchronous_commit'");
      expect(row).toEqual({ setting: "off" }); // what the others get
      const [ours] = await sql(
        "SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()",
      );
      expect(ours?.["n"]).toBeGreaterThan(0);
      const before = await written();
      await store.journal("orders").append(["x"]).durable;
      expect(await written()).toBeGreaterThan(before);
      await store.close();
    });

    /** How far the write-ahead log is on disk. */
    const written = async () => {
      const [row] = await sql("SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint AS bytes");
      return Number(row?.["bytes"]);
    };

    it("names the log and the event whose bytes have changed", async () => {
      const store = await open();
      const journal = store.journal<string>("orders");
      await journal.append(["one", "two", "three"]).durable;
      await sql(`UPDATE events SET body = '"tWo"' WHERE sequence = 2`);
      await expect(entriesOf(journal)).rejects.toEqual(unavailable(/log "orders": event 2 .*checksum/));
      await store.close();
    });

    it("refuses tables of another version", async () => {
      await (await open()).close();
      await sql("UPDATE format SET version = 2");
      await expect(open()).rejects.toEqual(unavailable(/has format 2; this version reads and writes 1/));
    });

    it("goes on by itself after its session was ended, though it had nothing to do just then", async () => {
      const notes = new Notes();
      const store = await open(notes);
      const journal = store.journal<string>("orders");
      await journal.append(["before"]).durable;
      const failed = new Promise((resolve) => journal.onFailure(resolve));
      await sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'");
      expect(await failed).toEqual(unavailable(/connection to the database is lost/));
      await journal.reopened();
      expect(await entriesOf(journal)).toEqual(numbered(["before"]));
      await journal.append(["after"]).durable;
      expect(await entriesOf(journal)).toEqual(numbered(["before", "after"]));
      await store.close();
    });

    it("keeps what it acknowledged, without a hole, when PostgreSQL crashes in the middle of its appends", async () => {
      const store = await open();
      const journal = store.journal<number>("orders");
      let acknowledged = 0;
      const failed = new Promise<void>((resolve) => journal.onFailure(() => resolve()));
      const writing = (async () => {
        for (let n = 1; ; n++) {
          await journal.append([n]).durable;
          acknowledged = n;
          if (n === 200) void cluster.pause("SIGQUIT");
        }
      })();
      await expect(writing).rejects.toEqual(unavailable(/connection to the database is lost/));
      await failed;
      await cluster.pause();
      await cluster.resume();
      await journal.reopened();
      const events = (await entriesOf(journal)).map(({ event }) => event);
      expect(acknowledged).toBeGreaterThanOrEqual(200);
      expect(events.length).toBeGreaterThanOrEqual(acknowledged);
      expect(events).toEqual(events.map((_, i) => i + 1));
      await journal.append([events.length + 1]).durable;
      await store.close();
    });

    it("refuses a database that does not sync", async () => {
      await cluster.pause();
      await cluster.resume("fsync=off");
      await expect(open()).rejects.toEqual(unavailable(/fsync is off/));
      await cluster.pause();
      await cluster.resume();
    });

    it("says why it cannot be reached, and never with the password", async () => {
      const { url } = cluster;
      const wrong = url.replace("user=trader", "user=nobody-here&password=hush");
      for (const bad of [wrong, "postgresql://trader:hush@127.0.0.1:1/postgres"]) {
        const failure = await JournalStore.open(postgresDisk({ url: bad, space }), {
          ...{ clock: machineClock(), observer: new Notes(), stopwatch: () => 0, newEpoch: () => "" },
        }).catch((error: unknown) => error);
        expect(failure).toEqual(unavailable(/nobody-here|ECONNREFUSED/));
        expect(String((failure as Error).stack)).not.toContain("hush");
      }
    });
  },
);
