/** Where journals are kept: in a folder of their own, or in a space of the database. */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { BridgeError } from "../core/errors.ts";
import { JournalStore } from "../store/journal-store.ts";
import { sqliteDisk } from "../store/sqlite/journal.ts";
import { FILE as journalFile } from "../store/sqlite/journal-file.ts";
import type { Ground } from "./ground.ts";

/** `space`: the name in the database. What cannot be opened is told by the setting that says where it is. */
export async function openJournals({ config, clock, log, commits }: Ground, folder: string, space: string) {
  const around = { clock, observer: log, stopwatch: () => performance.now(), newEpoch: () => randomUUID() };
  const { databaseUrl: url, dataDir } = config;
  await named(`DATA_DIR=${dataDir}`, () => mkdirSync(folder, { recursive: true }));
  let store: JournalStore;
  if (url === undefined) {
    store = await named(`DATA_DIR=${dataDir}`, () => JournalStore.open(sqliteDisk({ folder }), around));
  } else {
    if (existsSync(join(folder, journalFile))) {
      const message = `the journal is in PostgreSQL; what ${journalFile} holds is not read`;
      log.note("warn", "journal", message, { folder });
    }
    const { postgresDisk } = await import("../store/postgres/journal.ts"); // its memory is for those who use it
    store = await named("DATABASE_URL", () => JournalStore.open(postgresDisk({ url, space }), around));
  }
  store.onCommit = (events, ms) => commits.add(events, ms);
  return store;
}

async function named<T>(setting: string, open: () => T | Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BridgeError("journal_unavailable", `${setting}: ${why}`, { cause: error });
  }
}
