/** `npm run journal` as people run it. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AccountEvent } from "../../src/core/accounts/account-event.ts";
import { AccountRecord } from "../../src/core/accounts/record.ts";
import { checksum, decodeEvent } from "../../src/store/journal-record.ts";
import { worth } from "../core/scripted-terminal.ts";
import { ordersSession } from "../fixtures/journals/session.ts";
import { openJournalStore } from "../store/sqlite/opening.ts";

const script = new URL("../../scripts/journal.ts", import.meta.url).pathname;
const run = promisify(execFile);

let data: string;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "journals-"));
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

async function journal(...args: readonly string[]): Promise<Ran> {
  try {
    const { stdout, stderr } = await run(process.execPath, [script, ...args], {
      env: { ...process.env, DATA_DIR: data, DATABASE_URL: "" },
    });
    return { code: 0, out: stdout, error: stderr };
  } catch (error) {
    const { stdout, stderr, code } = error as { stdout: string; stderr: string; code: number };
    return { code, out: stdout, error: stderr };
  }
}

const event = (n: number) => ({ type: "deal", deal: { ticket: BigInt(n), time: 1_700_000_000_000 + n } });

async function written(account: string, count: number): Promise<string> {
  const folder = join(data, account);
  mkdirSync(folder);
  const store = await openJournalStore({ folder });
  for (let n = 1; n <= count; n++) store.journal("orders").append([event(n)]);
  store.journal("ledger").append(["opening"]);
  await store.close();
  return folder;
}

const parsed = (out: string) =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

const inFile = (folder: string, sql: string) => {
  const db = new DatabaseSync(join(folder, "journal.db"));
  db.exec(sql);
  db.close();
};

describe("verify", () => {
  it("counts what is sound, in every account", async () => {
    await written("one", 3000);
    await written("two", 5);
    const { code, out } = await journal("verify");
    expect(code).toBe(0);
    expect(out).toBe(
      [
        "one\n  orders: 3000 events, all as they were written\n  ledger: 1 events, all as they were written\n",
        "two\n  orders: 5 events, all as they were written\n  ledger: 1 events, all as they were written\n",
      ].join(""),
    );
  });

  it("names every place that is damaged, and goes on behind it", async () => {
    const folder = await written("one", 3000);
    inFile(
      folder,
      "UPDATE log_1 SET body = 'x' WHERE sequence IN (7, 2000); DELETE FROM log_1 WHERE sequence BETWEEN 100 AND 199",
    );
    const { code, out } = await journal("verify", "--json");
    expect(code).toBe(1);
    const [orders, ledger] = parsed(out);
    expect(orders).toMatchObject({ account: "one", log: "orders", sound: 3000 - 102 });
    expect(orders.damaged.map(({ first, last }: { first: number; last: number }) => [first, last])).toEqual([
      [7, 7],
      [100, 199],
      [2000, 2000],
    ]);
    expect(ledger).toMatchObject({ log: "ledger", sound: 1, damaged: [] });
  });

  it("leaves the files as they are, a record that the next start would cut included", async () => {
    const folder = await written("one", 20);
    inFile(folder, "UPDATE log_1 SET body = 'x' WHERE sequence = 20");
    const before = readFileSync(join(folder, "journal.db"));
    const { code, out } = await journal("verify");
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/orders: 19 events, 1 places damaged\n +event 20 .*checksum/),
    ]);
    expect(readFileSync(join(folder, "journal.db")).equals(before)).toBe(true);
  });
});

describe("verify of a snapshot", () => {
  it("holds it against the journal, and says when it comes to something else", async () => {
    const folder = join(data, "one");
    mkdirSync(folder);
    const store = await openJournalStore({ folder });
    const orders = store.journal<AccountEvent>("orders");
    await orders.append(await ordersSession()).durable;
    await AccountRecord.open(orders, worth(), undefined, 10);
    while ((await orders.shelf?.get(["head"]))?.[0] === undefined);
    await store.close();
    const good = await journal("verify");
    expect([good.code, good.out]).toEqual([0, expect.stringContaining("orders: its snapshot comes to the same")]);

    const db = new DatabaseSync(join(folder, "journal.db"));
    const rows = db.prepare("SELECT name, body FROM shelf WHERE name LIKE 'orders/%'").all() as Record<
      string,
      string
    >[];
    for (const { name = "", body: before = "" } of rows) {
      const body = before.replaceAll("EURUSD", "GBPUSD");
      db.prepare("UPDATE shelf SET body = ?, checksum = ? WHERE name = ?").run(body, crc32(body), name);
    }
    db.close();
    const bad = await journal("verify");
    expect([bad.code, bad.out]).toEqual([1, expect.stringContaining("orders: its snapshot comes to something else")]);
  });
});

describe("show", () => {
  it("shows the newest events, a line each", async () => {
    await written("one", 300);
    const { code, out } = await journal("show", "--log", "orders");
    const lines = out.trimEnd().split("\n");
    expect(code).toBe(0);
    expect(lines[0]).toMatch(/^orders, 300 events, epoch [0-9a-f-]{36}$/);
    expect(lines.length).toBe(101);
    expect(lines.at(-1)).toBe("  300  deal deal={ticket=300 time=2023-11-14T22:13:20.300Z}");
  });

  it("shows any part, for a program too", async () => {
    await written("one", 300);
    const { out } = await journal("show", "--log", "orders", "--from", "5", "--limit", "2", "--json");
    expect(parsed(out)).toEqual([
      { log: "orders", sequence: 5, event: { type: "deal", deal: { ticket: "5", time: 1_700_000_000_005 } } },
      { log: "orders", sequence: 6, event: { type: "deal", deal: { ticket: "6", time: 1_700_000_000_006 } } },
    ]);
  });

  it("stops where it cannot read on, and says so", async () => {
    const folder = await written("one", 30);
    inFile(folder, "UPDATE log_1 SET body = 'x' WHERE sequence = 7");
    const { code, out, error } = await journal("show", "--log", "orders");
    expect([code, out.trimEnd().split("\n").length]).toEqual([1, 7]);
    expect(error).toMatch(/event 7 cannot be read: .*checksum/);
  });
});

describe("export", () => {
  it("gives every record so that somebody else can check it", async () => {
    await written("one", 2500);
    const { code, out } = await journal("export");
    const lines = parsed(out);
    const records = lines.filter((line) => line.log === "orders" && "body" in line);
    expect(code).toBe(0);
    expect(lines.filter((line) => "epoch" in line).map(({ log, last }) => [log, last])).toEqual([
      ["orders", 2500],
      ["ledger", 1],
    ]);
    expect(records.length).toBe(2500);
    for (const { sequence, format, body, checksum: sum } of records) {
      expect(sum).toBe(checksum(format, sequence, body));
      expect(decodeEvent(body)).toEqual(event(sequence));
    }
  });
});

describe("the journal's tool", () => {
  it("says that the bridge is running, and reads nothing then", async () => {
    const folder = await written("one", 3);
    const store = await openJournalStore({ folder });
    for (const command of ["verify", "show", "export"]) {
      const { code, out, error } = await journal(command);
      expect([command, code, out]).toEqual([command, 2, ""]);
      expect(error).toMatch(/bridge is running with .*one: stop it first/);
    }
    await store.close();
    expect((await journal("verify")).code).toBe(0);
  });

  it("asks which account when there are several", async () => {
    await written("one", 1);
    await written("two", 1);
    expect(await journal("show")).toMatchObject({ code: 2, error: expect.stringMatching(/--account: .*one, two/) });
    expect((await journal("show", "--account", "two")).out).toMatch(/deal=\{ticket=1 /);
    expect((await journal("show", "--account", "three")).error).toMatch(/--account: must be one of one, two/);
  });

  it.each([
    ["nothing", [], /Usage/],
    ["an unknown command", ["repair"], /Usage/],
    ["an unknown option", ["show", "--all"], /--all[\s\S]*Usage/],
    ["a first event that is no number", ["show", "--from", "first"], /--from: a whole number from 1, not "first"/],
    ["a limit of 0", ["show", "--limit", "0"], /--limit: a whole number from 1, not "0"/],
    ["a folder without journals", ["verify", "--data", "/proc"], /--data: there is no journal in \/proc/],
  ])("refuses %s", async (_what, args, said) => {
    expect(await journal(...args)).toMatchObject({ code: 2, out: "", error: expect.stringMatching(said) });
  });

  it("explains itself", async () => {
    const { code, out } = await journal("--help");
    expect([code, out]).toEqual([0, expect.stringMatching(/^Usage: npm run journal/)]);
    expect(readdirSync(data)).toEqual([]);
  });
});
