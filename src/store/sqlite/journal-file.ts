/**
 * The journal's file, read and written at once by whoever calls: `journal.db`.
 *
 * A commit is one transaction and one sync, whatever number of events and logs it
 * holds. Each log is a table of its own, so that its events lie side by side and
 * are always appended at the end.
 *
 * What opening makes of a file that was damaged:
 *   - The newest commit, half written: SQLite drops it, as nobody was told of it.
 *   - More than that missing behind a damaged place: the file is refused.
 *   - A log's last record, not as it was written: it is put aside in the table `cut`.
 *   - Anything else: the log is read up to there, and no further.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import type { Commit, LogState, NamedText, Page } from "../journal-disk.ts";
import { isTorn, pageOf, type Row, rowOf, Unreadable } from "../journal-page.ts";
import { openDatabase, readDatabase } from "./database.ts";
import { troubleOf, tryDisk } from "./disk-trouble.ts";
import type { JournalSettings } from "./journal-messages.ts";
import { inspectWal } from "./wal.ts";

export const FILE = "journal.db";
const VERSION = 1;
const PAGE_ROWS = 1024;
/**
 * So much of the write-ahead log moves into the file at a time, once a commit has been answered: it takes 8 ms, most of
 * which pass before the next commit comes. A fold that puts what is over on the shelf answers no commits: there it is
 * `CHECKPOINT_PAGES`, 16 MB, which take 35 ms. To look through as much takes an opening 60 ms.
 */
const CHECKPOINT_BYTES = 4 * 2 ** 20;
const CHECKPOINT_PAGES = 4096;
/** What a commit writes beyond its text: pages are written whole. */
const COMMIT_BYTES = 3 * 4096;

const SCHEMA = "CREATE TABLE logs (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, epoch TEXT NOT NULL) STRICT";

/** Beside the logs, and nothing that is not in them: a version that does not know it does without. */
const SHELF =
  "CREATE TABLE IF NOT EXISTS shelf (log INTEGER, name TEXT, checksum INTEGER, body TEXT, PRIMARY KEY (log, name)) STRICT";

export class JournalFile {
  readonly logs: readonly LogState[];
  /** What was cut off the end, for whoever runs the bridge. */
  readonly cuts: readonly string[];
  readonly #db: DatabaseSync;
  /** Files that nobody has written since there are shelves have none. */
  readonly #shelved: boolean;
  readonly #inserts = new Map<number, StatementSync>();
  /** About how much of the commits is in the write-ahead log only. */
  #ahead = 0;

  /** Takes hold of the file and makes it whole. */
  static open({ folder, maxBytes }: JournalSettings): JournalFile {
    const torn = tornBytes(folder);
    const limit = maxBytes === undefined ? {} : { maxBytes };
    const db = openDatabase({ folder, file: FILE, synchronous: "FULL", version: VERSION, schema: SCHEMA, ...limit });
    const cuts: string[] = [];
    try {
      if (torn > 0) {
        cuts.push(tornCommit(torn));
        db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      }
      tryDisk(join(folder, "journal.try"));
      db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
      db.exec(SHELF);
      return new JournalFile(db, cuts, (log, last) => cut(db, log, last, cuts));
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** Only looks at a file that nobody has open, and leaves it as it is; `cuts` is what opening would cut. */
  static read(folder: string): JournalFile {
    const torn = tornBytes(folder);
    return new JournalFile(readDatabase(join(folder, FILE), VERSION), torn > 0 ? [tornCommit(torn)] : [], () => {});
  }

  private constructor(db: DatabaseSync, cuts: readonly string[], cutOff: (log: Named, last: Row) => void) {
    this.#db = db;
    this.cuts = cuts;
    this.#shelved = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'shelf'").get() !== undefined;
    const logs = db.prepare("SELECT id, name, epoch FROM logs ORDER BY id").all() as unknown as Named[];
    this.logs = logs.map((log) => {
      try {
        const torn = tornRecord(db, log);
        if (torn !== undefined) cutOff(log, torn);
        const { last } = db.prepare(`SELECT max(sequence) AS last FROM ${table(log.id)}`).get() as { last: number };
        const missing = cutBehind(db, log, last ?? 0);
        return { ...log, last: last ?? 0, ...(missing === undefined ? {} : { cut: missing }) };
      } catch (error) {
        if (troubleOf(error) !== undefined) throw error;
        return { ...log, last: 0, damage: `it cannot be read: ${messageOf(error)}` };
      }
    });
  }

  commit({ created, lines }: Commit): void {
    this.#together(() => {
      for (const log of created) this.#create(log);
      for (const { log, first, text } of lines) {
        const insert = this.#insertInto(log);
        this.#ahead += text.length;
        let sequence = first;
        for (const body of text.split("\n")) {
          const { format, checksum } = rowOf(sequence, body);
          insert.run(sequence, format, checksum, body);
          sequence++;
        }
      }
    });
    this.#ahead += COMMIT_BYTES;
  }

  /** Moves what the write-ahead log holds into the file, if that is much. It is durable in either. */
  checkpoint(): void {
    if (this.#ahead < CHECKPOINT_BYTES) return;
    this.#ahead = 0;
    try {
      this.#db.exec("PRAGMA wal_checkpoint(PASSIVE)");
    } catch {
      // What is wrong with the disk is for the next commit to find; the log stays as it is.
    }
  }

  /** Whole events from `first` on, as many as make a page; each is checked before it leaves. */
  page(log: number, first: number, last: number): Page {
    return pageOf(this.records(log, first, last), first, last);
  }

  /** What is kept, a page at most and unchecked. */
  *records(log: number, first: number, last: number): Generator<Row, void> {
    const rows = this.#db.prepare(
      `SELECT sequence, format, checksum, body FROM ${table(log)} WHERE sequence BETWEEN ? AND ? ORDER BY sequence LIMIT ?`,
    );
    rows.setReturnArrays(true); // rows as objects are read half as fast
    let next = first;
    try {
      const read = rows.iterate(first, last, PAGE_ROWS) as Iterable<unknown> as Iterable<
        [number, number, number, string]
      >;
      for (const [sequence, format, checksum, body] of read) {
        next = sequence + 1;
        yield { sequence, format, checksum, body };
      }
    } catch (error) {
      throw troubleOf(error) === undefined ? new Unreadable(next, last + 1, messageOf(error)) : error;
    }
  }

  text(log: number, name: string): string | undefined {
    if (!this.#shelved) return undefined;
    const row = this.#db.prepare("SELECT checksum, body FROM shelf WHERE log = ? AND name = ?").get(log, name) as
      | { checksum: number; body: string }
      | undefined;
    return row !== undefined && checksumOfText(row.body) === row.checksum ? row.body : undefined;
  }

  /** Not synced: a power cut leaves what was kept before, and the next sync of events takes it along. */
  keep(log: number, texts: readonly NamedText[], drop: readonly string[]): void {
    this.#db.exec("PRAGMA synchronous = NORMAL");
    try {
      this.#keep(log, texts, drop);
    } finally {
      this.#db.exec("PRAGMA synchronous = FULL");
    }
  }

  #keep(log: number, texts: readonly NamedText[], drop: readonly string[]): void {
    this.#together(() => {
      const put = this.#db.prepare("INSERT OR REPLACE INTO shelf (log, name, checksum, body) VALUES (?, ?, ?, ?)");
      for (const [name, text] of texts) put.run(log, name, checksumOfText(text), text);
      const remove = this.#db.prepare("DELETE FROM shelf WHERE log = ? AND name = ?");
      for (const name of drop) remove.run(log, name);
    });
  }

  names(log: number): string[] {
    const rows = this.#db.prepare("SELECT name FROM shelf WHERE log = ? ORDER BY name").all(log);
    return rows.map(({ name }) => String(name));
  }

  /** Moves what the write-ahead log holds into the file, and lets go of it. */
  close(): void {
    this.#db.close();
  }

  #create({ id, name, epoch }: LogState): void {
    this.#db.prepare("INSERT INTO logs (id, name, epoch) VALUES (?, ?, ?)").run(id, name, epoch);
    this.#db.exec(`CREATE TABLE ${table(id)} (sequence INTEGER PRIMARY KEY, format INTEGER NOT NULL,
      checksum INTEGER NOT NULL, body TEXT NOT NULL) STRICT`);
  }

  #insertInto(log: number): StatementSync {
    let insert = this.#inserts.get(log);
    if (insert === undefined) {
      insert = this.#db.prepare(`INSERT INTO ${table(log)} (sequence, format, checksum, body) VALUES (?, ?, ?, ?)`);
      this.#inserts.set(log, insert);
    }
    return insert;
  }

  #together(write: () => void): void {
    together(this.#db, write);
  }
}

type Named = Omit<LogState, "last">;

const table = (log: number): string => `log_${log}`;

function tornBytes(folder: string): number {
  const wal = join(folder, `${FILE}-wal`);
  const tail = inspectWal(existsSync(wal) ? readFileSync(wal) : Buffer.alloc(0));
  if (tail.kind !== "damaged") return tail.kind === "torn" ? tail.bytes : 0;
  throw new Error(
    `${wal} is damaged at byte ${tail.at}: ${tail.commits} commits behind it cannot be read; put the folder back from a copy, or move this file away to go on without them`,
  );
}

const tornCommit = (bytes: number): string =>
  `the last commit was not complete: ${bytes} bytes of it, of which nobody was told`;

function tornRecord(db: DatabaseSync, { id }: Named): Row | undefined {
  const newest = `SELECT sequence, format, checksum, body FROM ${table(id)} ORDER BY sequence DESC LIMIT 2`;
  const [last, before] = db.prepare(newest).all() as unknown as (Row | undefined)[];
  return last !== undefined && isTorn(last, before) ? last : undefined;
}

const checksumOfText = (text: string): number => crc32(text);

/** Puts a log's last record aside. */
function cut(db: DatabaseSync, { id, name }: Named, { sequence }: Row, cuts: string[]): void {
  together(db, () => {
    db.exec("CREATE TABLE IF NOT EXISTS cut (log TEXT, sequence INTEGER, format INTEGER, checksum INTEGER, body TEXT)");
    const keep = `INSERT INTO cut SELECT ?, sequence, format, checksum, body FROM ${table(id)} WHERE sequence = ?`;
    db.prepare(keep).run(name, sequence);
    db.prepare(`DELETE FROM ${table(id)} WHERE sequence = ?`).run(sequence);
  });
  cuts.push(`log "${name}": ${cutEvent(sequence)}`);
}

const cutEvent = (sequence: number): string =>
  `its last event, ${sequence}, does not match its checksum; kept in the table "cut"`;

/** What was cut off its end, now or at an earlier opening, and has nothing in its place yet. */
function cutBehind(db: DatabaseSync, { name }: Named, last: number): string | undefined {
  if (db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'cut'").get() === undefined) return undefined;
  const row = db.prepare("SELECT sequence FROM cut WHERE log = ? AND sequence > ?").get(name, last);
  return row === undefined ? undefined : cutEvent(Number(row["sequence"]));
}

function together(db: DatabaseSync, write: () => void): void {
  db.exec("BEGIN");
  try {
    write();
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
