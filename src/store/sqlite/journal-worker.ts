/**
 * The journal's thread: here, and only here, something waits for the disk.
 *
 * A commit is one transaction and one sync, whatever number of events and logs it
 * holds. Each log is a table of its own, so that its events lie side by side and
 * are always appended at the end.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { Commit, LogState, Page } from "../journal-disk.ts";
import { checksum, recordFormat } from "../journal-record.ts";
import { openDatabase } from "./database.ts";
import type { JournalSettings, Read, Reply, Request } from "./journal-messages.ts";

const PAGE_ROWS = 1024;
const PAGE_CHARACTERS = 1 << 20;

const port = parentPort;
if (port === null) throw new Error("journal-worker runs in a thread of its own");
const reply = (message: Reply) => port.postMessage(message);

const SCHEMA = "CREATE TABLE logs (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, epoch TEXT NOT NULL) STRICT";

function table(log: number): string {
  return `log_${log}`;
}

function create(db: DatabaseSync, { id, name, epoch }: LogState): void {
  db.prepare("INSERT INTO logs (id, name, epoch) VALUES (?, ?, ?)").run(id, name, epoch);
  db.exec(`CREATE TABLE ${table(id)} (sequence INTEGER PRIMARY KEY, format INTEGER NOT NULL,
    checksum INTEGER NOT NULL, body TEXT NOT NULL) STRICT`);
}

function logsOf(db: DatabaseSync): LogState[] {
  const rows = db.prepare("SELECT id, name, epoch FROM logs ORDER BY id").all() as unknown as Omit<LogState, "last">[];
  return rows.map((log) => {
    const newest = db.prepare(`SELECT max(sequence) AS last FROM ${table(log.id)}`).get() as { last: number | null };
    return { ...log, last: newest.last ?? 0 };
  });
}

interface Row {
  readonly sequence: number;
  readonly format: number;
  readonly checksum: number;
  readonly body: string;
}

class Logs {
  readonly #db: DatabaseSync;
  readonly #inserts = new Map<number, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  commit({ created, lines }: Commit): void {
    this.#db.exec("BEGIN");
    try {
      for (const log of created) create(this.#db, log);
      for (const { log, first, text } of lines) {
        const insert = this.#insertInto(log);
        let sequence = first;
        for (const body of text.split("\n")) {
          insert.run(sequence, recordFormat, checksum(recordFormat, sequence, body), body);
          sequence++;
        }
      }
      this.#db.exec("COMMIT");
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  /** Whole events from `first` on, as many as make a page; each is checked before it leaves. */
  page({ log, first, last }: Read): Page {
    const rows = this.#db.prepare(
      `SELECT sequence, format, checksum, body FROM ${table(log)} WHERE sequence BETWEEN ? AND ? ORDER BY sequence LIMIT ?`,
    );
    const bodies: string[] = [];
    let sequence = first;
    let characters = 0;
    try {
      for (const row of rows.iterate(first, last, PAGE_ROWS) as Iterable<unknown> as Iterable<Row>) {
        const { format, body } = row;
        if (row.sequence !== sequence) throw new Error(`it is missing, the next one there is ${row.sequence}`);
        if (checksum(format, sequence, body) !== row.checksum) throw new Error("it does not match its checksum");
        if (format !== recordFormat) throw new Error(`it has format ${format}, this version reads ${recordFormat}`);
        bodies.push(body);
        sequence++;
        characters += body.length;
        if (characters >= PAGE_CHARACTERS) break;
      }
      if (bodies.length === 0) throw new Error("it is missing, and so are all after it");
    } catch (error) {
      throw new Error(`event ${sequence} cannot be read: ${messageOf(error)}`);
    }
    return { text: bodies.join("\n"), count: bodies.length };
  }

  #insertInto(log: number): StatementSync {
    let insert = this.#inserts.get(log);
    if (insert === undefined) {
      insert = this.#db.prepare(`INSERT INTO ${table(log)} (sequence, format, checksum, body) VALUES (?, ?, ?, ?)`);
      this.#inserts.set(log, insert);
    }
    return insert;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function serve(db: DatabaseSync): void {
  const logs = new Logs(db);
  port?.on("message", (request: Request) => {
    switch (request.kind) {
      case "commit":
        try {
          logs.commit(request.commit);
          reply({ kind: "committed" });
        } catch (error) {
          reply({ kind: "failed", why: messageOf(error) });
        }
        break;
      case "read":
        try {
          reply({ kind: "page", id: request.id, page: logs.page(request) });
        } catch (error) {
          reply({ kind: "damaged", id: request.id, why: messageOf(error) });
        }
        break;
      case "close":
        db.close(); // moves what the write-ahead log holds into the file
        port?.close();
    }
  });
}

try {
  const { folder, maxBytes }: JournalSettings = workerData;
  const limit = maxBytes === undefined ? {} : { maxBytes };
  const db = openDatabase({ folder, file: "journal.db", synchronous: "FULL", version: 1, schema: SCHEMA, ...limit });
  const logs = logsOf(db);
  serve(db);
  reply({ kind: "opened", logs });
} catch (error) {
  reply({ kind: "refused", why: messageOf(error) });
  port.close();
}
