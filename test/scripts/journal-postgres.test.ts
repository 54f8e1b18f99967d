/** `npm run journal` on a real PostgreSQL, beside whoever holds the journal there. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { AccountEvent } from "../../src/core/accounts/account-event.ts";
import { AccountRecord } from "../../src/core/accounts/record.ts";
import type { JournalDisk } from "../../src/store/journal-disk.ts";
import { JournalStore } from "../../src/store/journal-store.ts";
import { postgresDisk } from "../../src/store/postgres/journal.ts";
import { JournalView } from "../../src/store/postgres/journal-view.ts";
import { sqliteDisk } from "../../src/store/sqlite/journal.ts";
import { machineClock } from "../../src/telemetry/machine-clock.ts";
import { worth } from "../core/scripted-terminal.ts";
import { ordersSession } from "../fixtures/journals/session.ts";
import { Cluster, postgresPrograms } from "../store/postgres/cluster.ts";
import { Notes } from "../terminals/paper/scripted.ts";

const script = new URL("../../scripts/journal.ts", import.meta.url).pathname;
const run = promisify(execFile);
const here = postgresPrograms() !== undefined;
const inContinuousIntegration = process.env["CI"] !== undefined;

describe.skipIf(!here && !inContinuousIntegration)(
  `the journal's tool on PostgreSQL${here ? "" : " [SKIPPED: PostgreSQL is not here]"}`,
  () => {
    let cluster: Cluster;
    let database: string;
    let databases = 0;
    let data: string;

    beforeAll(async () => {
      cluster = await Cluster.start();
      data = mkdtempSync(join(tmpdir(), "journals-"));
      await sql("CREATE ROLE onlooker LOGIN; CREATE ROLE stranger LOGIN", "postgres");
    });
    afterAll(async () => {
      await cluster.stop();
      rmSync(data, { recursive: true, force: true });
    });
    beforeEach(async () => {
      database = `db${++databases}`;
      await sql(`CREATE DATABASE ${database}`, "postgres");
    });

    const urlOf = (name: string, user = "trader") =>
      cluster.url.replace("/postgres?", `/${name}?`).replace("user=trader", `user=${user}`);
    const sql = async (text: string, name = database): Promise<Record<string, unknown>[]> => {
      const client = new Client({ connectionString: urlOf(name) });
      await client.connect();
      try {
        return (await client.query(text)).rows;
      } finally {
        await client.end();
      }
    };
    const store = (disk: JournalDisk) =>
      JournalStore.open(disk, {
        ...{ clock: machineClock(), observer: new Notes(), stopwatch: () => 0, newEpoch: () => "the-same" },
      });
    const open = (space: string) => store(postgresDisk({ url: urlOf(database), space }));
    const append = async (journals: JournalStore, count: number) => {
      for (let n = 1; n <= count; n++) {
        journals.journal("orders").append([{ type: "deal", deal: { ticket: BigInt(n), time: 1_700_000_000_000 + n } }]);
      }
      await journals.journal("ledger").append(["opening"]).durable;
    };
    /** A journal in the database that nobody holds. */
    const written = async (space: string, count: number) => {
      const journals = await open(space);
      await append(journals, count);
      await journals.close();
    };

    const journal = async (args: readonly string[], url = urlOf(database)) => {
      const env = { ...process.env, DATA_DIR: data, DATABASE_URL: url };
      try {
        const { stdout, stderr } = await run(process.execPath, [script, ...args], { env, maxBuffer: 2 ** 26 });
        return { code: 0, out: stdout, error: stderr };
      } catch (error) {
        const { stdout, stderr, code } = error as { stdout: string; stderr: string; code: number };
        return { code, out: stdout, error: stderr };
      }
    };

    /** The same events in a file and in the database, and the same done to both. */
    const inBoth = async (spoil?: string) => {
      const folder = join(data, database, "one-usd");
      mkdirSync(folder, { recursive: true });
      const file = await store(sqliteDisk({ folder }));
      await append(file, 2500);
      await file.close();
      await written("one-usd", 2500);
      if (spoil === undefined) return;
      const db = new DatabaseSync(join(folder, "journal.db"));
      db.exec(spoil.replaceAll("EVENTS", "log_1").replaceAll("OF", ""));
      db.close();
      await sql(spoil.replaceAll("EVENTS", "mt5_bridge_one_usd.events").replaceAll("OF", "log = 1 AND "));
    };

    it.each([
      ["sound", undefined, 0],
      ["damaged", "UPDATE EVENTS SET body = 'x' WHERE OF sequence IN (7, 2000, 2500)", 1],
      ["incomplete", "DELETE FROM EVENTS WHERE OF sequence BETWEEN 100 AND 199", 1],
    ])(
      "says of a %s journal what it would say of one in a file",
      async (_what, spoil, verified) => {
        await inBoth(spoil);
        const show = ["show", "--from", "5", "--limit", "1300", "--json"];
        for (const args of [["verify"], ["verify", "--log", "orders", "--json"], ["show"], show, ["export"]]) {
          const [inFile, inDatabase] = await Promise.all([
            journal([...args, "--data", join(data, database)]),
            journal(args),
          ]);
          expect(inDatabase, args.join(" ")).toEqual(inFile);
          expect(inFile.out.length, args.join(" ")).toBeGreaterThan(0);
          if (args[0] === "verify") expect(inFile.code).toBe(verified);
        }
      },
      60_000,
    );

    it("reads beside the bridge that holds the journal, with leave to do no more", async () => {
      const holder = await open("one");
      await append(holder, 20);
      await sql(`GRANT USAGE ON SCHEMA mt5_bridge_one TO onlooker; GRANT SELECT ON ALL TABLES IN SCHEMA mt5_bridge_one TO onlooker;
        REVOKE EXECUTE ON FUNCTION pg_try_advisory_lock(bigint), pg_advisory_lock(bigint) FROM public`);
      for (const command of ["verify", "show", "export"]) {
        const { code, error } = await journal([command], urlOf(database, "onlooker"));
        expect([command, code, error]).toEqual([command, 0, ""]);
      }
      const orders = holder.journal("orders");
      await orders.append(["goes on"]).durable;
      expect(holder.failure).toBeUndefined();
      await holder.close();
      expect(await sql("SELECT opened::int FROM mt5_bridge_one.format")).toEqual([{ opened: 1 }]);
    });

    it("sees all of it as it was at one moment, whatever the bridge puts there meanwhile", async () => {
      const holder = await open("one");
      const orders = holder.journal("orders");
      await orders.append(["first"]).durable;
      await orders.shelf?.put([["head", "before"]], []);
      const view = await JournalView.open({ url: urlOf(database), space: "one" });
      await orders.append(["second"]).durable;
      await orders.shelf?.put([["head", "after"]], []);
      expect(await view.text(1, "head")).toBe('"before"');
      expect(await view.page(1, 1, 2)).toEqual({ text: '"first"', count: 1 });
      await view.close();
      await holder.close();
    });

    it("holds a snapshot against the journal, and says when it comes to something else", async () => {
      const journals = await open("one");
      const orders = journals.journal<AccountEvent>("orders");
      await orders.append(await ordersSession()).durable;
      await AccountRecord.open(orders, worth(), undefined, 10);
      while ((await orders.shelf?.get(["head"]))?.[0] === undefined);
      const good = await journal(["verify"]);
      expect([good.code, good.out]).toEqual([0, expect.stringContaining("orders: its snapshot comes to the same")]);

      const [row] = await sql("SELECT name, body FROM mt5_bridge_one.shelf WHERE name LIKE 'orders/%' LIMIT 1");
      const body = String(row?.["body"]).replaceAll("EURUSD", "GBPUSD");
      await sql(`UPDATE mt5_bridge_one.shelf SET body = '${body.replaceAll("'", "''")}', checksum = ${crc32(body)}
        WHERE name = '${row?.["name"]}'`);
      const bad = await journal(["verify"]);
      expect([bad.code, bad.out]).toEqual([1, expect.stringContaining("orders: its snapshot comes to something else")]);
      await journals.close();
    });

    it("tells what PostgreSQL itself cannot read, and goes on with the other logs", async () => {
      await written("one", 2000);
      const place = "current_setting('data_directory') || '/' || pg_relation_filepath('mt5_bridge_one.events')";
      const [table] = await sql(`SELECT ${place} AS path`);
      await cluster.pause();
      const path = String(table?.["path"]);
      writeFileSync(path, readFileSync(path).fill(0xff, 8192, 8192 + 24)); // the head of its second page
      await cluster.resume();
      const { code, out } = await journal(["verify", "--json"]);
      const lines = out
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(code).toBe(1);
      expect(lines).toMatchObject([
        { log: "orders", damaged: [{ why: expect.stringMatching(/invalid page in block 1/) }] },
        { log: "ledger", sound: 1, damaged: [] },
      ]);
    });

    it("asks which account when there are several, and has verify look at each", async () => {
      await written("one-usd", 3);
      await written("two-usd", 5);
      expect(await journal(["show"])).toMatchObject({
        code: 2,
        error: "--account: must say which: one-usd, two-usd\n",
      });
      expect((await journal(["show", "--account", "two-usd"])).out).toMatch(/^orders, 5 events/);
      expect((await journal(["show", "--account", "three"])).error).toMatch(/must be one of one-usd, two-usd/);
      expect((await journal(["verify"])).out).toMatch(
        /^one-usd\n {2}orders: 3 events[\s\S]*two-usd\n {2}orders: 5 events/,
      );
    });

    it("says of tables of another version that it does not read them", async () => {
      await written("one", 1);
      await sql("UPDATE mt5_bridge_one.format SET version = 2");
      expect(await journal(["verify"])).toMatchObject({
        code: 1,
        out: expect.stringMatching(/has format 2; this .* 1/),
      });
    });

    it("says why it cannot read, and never with the password", async () => {
      expect(await journal(["verify"])).toMatchObject({ code: 2, error: expect.stringMatching(/there is no journal/) });
      await written("one", 1);
      for (const [url, said] of [
        [urlOf(database, "stranger"), /DATABASE_URL: permission denied for schema mt5_bridge_one/],
        [`${urlOf("nowhere")}&password=hush`, /"nowhere" does not exist/],
        ["postgresql://trader:hush@127.0.0.1:1/postgres", /DATABASE_URL: .*ECONNREFUSED/],
        ["mysql://trader:hush@localhost/db", /DATABASE_URL: a URL that starts with postgresql:/],
      ] as const) {
        const ran = await journal(["verify"], url);
        expect(ran).toMatchObject({ code: 2, out: "", error: expect.stringMatching(said) });
        expect(ran.error).not.toContain("hush");
      }
    });
  },
);
