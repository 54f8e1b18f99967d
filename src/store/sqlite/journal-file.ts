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
import type { Commit, LogState, Page } from "../journal-disk.ts";
import { checksum, recordFormat } from "../journal-record.ts";
import { openDatabase } from "./database.ts";
import type { JournalSettings } from "./journal-messages.ts";
import { inspectWal } from "./wal.ts";

const FILE = "journal.db";
const PAGE_ROWS = 1024;
const PAGE_CHARACTERS = 1 << 20;

const SCHEMA = "CREATE TABLE logs (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, epoch TEXT NOT NULL) STRICT";

interface Row {
  readonly sequence: number;
  readonly format: number;
  readonly checksum: number;
  readonly body: string;
}

export class JournalFile {
  readonly logs: readonly LogState[];
  /** What was cut off the end, for whoever runs the bridge. */
  readonly cuts: readonly string[];
  readonly #db: DatabaseSync;
  readonly #inserts = new Map<number, StatementSync>();

  constructor({ folder, maxBytes }: JournalSettings) {
    const cuts: string[] = [];
    const wal = join(folder, `${FILE}-wal`);
    const tail = inspectWal(existsSync(wal) ? readFileSync(wal) : Buffer.alloc(0));
    if (tail.kind === "damaged") {
      throw new Error(
        `${wal} is damaged at byte ${tail.at}: ${tail.commits} commits behind it cannot be read; put the folder back from a copy, or move this file away to go on without them`,
      );
    }
    const limit = maxBytes === undefined ? {} : { maxBytes };
    this.#db = openDatabase({ folder, file: FILE, synchronous: "FULL", version: 1, schema: SCHEMA, ...limit });
    try {
      if (tail.kind === "torn") {
        cuts.push(`the last commit was not complete: ${tail.bytes} bytes of it, of which nobody was told`);
        this.#db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      }
      this.logs = this.#find(cuts);
    } catch (error) {
      this.#db.close();
      throw error;
    }
    this.cuts = cuts;
  }

  commit({ created, lines }: Commit): void {
    this.#together(() => {
      for (const log of created) this.#create(log);
      for (const { log, first, text } of lines) {
        const insert = this.#insertInto(log);
        let sequence = first;
        for (const body of text.split("\n")) {
          insert.run(sequence, recordFormat, checksum(recordFormat, sequence, body), body);
          sequence++;
        }
      }
    });
  }

  /** Whole events from `first` on, as many as make a page; each is checked before it leaves. */
  page(log: number, first: number, last: number): Page {
    const rows = this.#db.prepare(
      `SELECT sequence, format, checksum, body FROM ${table(log)} WHERE sequence BETWEEN ? AND ? ORDER BY sequence LIMIT ?`,
    );
    const bodies: string[] = [];
    let sequence = first;
    let characters = 0;
    try {
      for (const row of rows.iterate(first, last, PAGE_ROWS) as Iterable<unknown> as Iterable<Row>) {
        if (row.sequence !== sequence) throw new Error(`it is missing, the next one there is ${row.sequence}`);
        const why = whyUnreadable(row);
        if (why !== undefined) throw new Error(why);
        bodies.push(row.body);
        sequence++;
        characters += row.body.length;
        if (characters >= PAGE_CHARACTERS) break;
      }
      if (bodies.length === 0) throw new Error("it is missing, and so are all after it");
    } catch (error) {
      // What comes before it is sound, and given.
      if (bodies.length === 0) throw new Error(`event ${sequence} cannot be read: ${messageOf(error)}`);
    }
    return { text: bodies.join("\n"), count: bodies.length };
  }

  /** Moves what the write-ahead log holds into the file, and lets go of it. */
  close(): void {
    this.#db.close();
  }

  #find(cuts: string[]): LogState[] {
    const logs = this.#db.prepare("SELECT id, name, epoch FROM logs ORDER BY id").all();
    return (logs as unknown as Omit<LogState, "last">[]).map((log) => {
      try {
        return { ...log, last: this.#lastOf(log, cuts) };
      } catch (error) {
        return { ...log, last: 0, damage: `it cannot be read: ${messageOf(error)}` };
      }
    });
  }

  #lastOf({ id, name }: Omit<LogState, "last">, cuts: string[]): number {
    const newest = `SELECT sequence, format, checksum, body FROM ${table(id)} ORDER BY sequence DESC LIMIT 2`;
    const [last, before] = this.#db.prepare(newest).all() as unknown as (Row | undefined)[];
    if (last === undefined) return 0;
    // Only the very last one can be a write that was cut short. Two of them are damage, and stay for everyone to see.
    if (isSound(last) || (before !== undefined && !isSound(before))) return last.sequence;
    this.#together(() => {
      this.#db.exec(
        "CREATE TABLE IF NOT EXISTS cut (log TEXT, sequence INTEGER, format INTEGER, checksum INTEGER, body TEXT)",
      );
      this.#db
        .prepare(`INSERT INTO cut SELECT ?, sequence, format, checksum, body FROM ${table(id)} WHERE sequence = ?`)
        .run(name, last.sequence);
      this.#db.prepare(`DELETE FROM ${table(id)} WHERE sequence = ?`).run(last.sequence);
    });
    cuts.push(`log "${name}": its last event, ${last.sequence}, does not match its checksum; kept in the table "cut"`);
    return last.sequence - 1;
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
    this.#db.exec("BEGIN");
    try {
      write();
      this.#db.exec("COMMIT");
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }
}

const table = (log: number): string => `log_${log}`;

function whyUnreadable({ sequence, format, checksum: sum, body }: Row): string | undefined {
  if (checksum(format, sequence, body) !== sum) return "it does not match its checksum";
  if (format !== recordFormat) return `it has format ${format}, this version reads ${recordFormat}`;
  return undefined;
}

const isSound = ({ sequence, format, checksum: sum, body }: Row): boolean => checksum(format, sequence, body) === sum;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
