/**
 * A database file that belongs to one process at a time.
 *
 * The exclusive lock is taken before anything is read and held until the file is
 * closed; the operating system lets go of it when the process dies, however it
 * dies. A second opener is refused at once: two writers would each number their
 * own events, and neither would be right.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const BUSY = 5;

interface Sheet {
  readonly folder: string;
  readonly file: string;
  /** FULL survives a power cut; NORMAL may lose the last commits then, and stays whole. */
  readonly synchronous: "FULL" | "NORMAL";
  /** The version of the tables; a file of another version is refused. */
  readonly version: number;
  /** Makes the tables of a new file. */
  readonly schema: string;
  /** The most the file may grow to. */
  readonly maxBytes?: number;
}

/** The file as it stands, for whoever only looks at it while nobody else has it open. */
export function readDatabase(path: string, version: number): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: 0, readOnly: true });
  try {
    db.exec("BEGIN");
    const found = numberOf(db, "user_version");
    if (found !== version) throw new Error(`${path} has format ${found}; this version reads ${version}`);
    return db;
  } catch (error) {
    db.close();
    throw isBusy(error) ? inUse(path) : error;
  }
}

export function openDatabase({ folder, file, synchronous, version, schema, maxBytes }: Sheet): DatabaseSync {
  const path = join(folder, file);
  mkdirSync(folder, { recursive: true });
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    db.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`);
    db.exec("BEGIN IMMEDIATE"); // takes the lock, for good
    const found = numberOf(db, "user_version");
    if (found === 0) db.exec(`${schema}; PRAGMA user_version = ${version}`);
    else if (found !== version)
      throw new Error(`${path} has format ${found}; this version reads and writes ${version}`);
    db.exec("COMMIT");
    if (maxBytes !== undefined) {
      db.exec(`PRAGMA max_page_count = ${Math.floor(maxBytes / numberOf(db, "page_size"))}`);
    }
    return db;
  } catch (error) {
    db.close();
    throw isBusy(error) ? inUse(path) : error;
  }
}

const numberOf = (db: DatabaseSync, pragma: string): number => Number(db.prepare(`PRAGMA ${pragma}`).get()?.[pragma]);

const inUse = (path: string): Error =>
  new Error(`${path} is in use: another process, or this one, has it open; stop that, or use another folder`);

const isBusy = (error: unknown): boolean => error instanceof Error && "errcode" in error && error.errcode === BUSY;
