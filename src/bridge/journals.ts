/** Where journals are kept: in a folder of their own, or in a space of the database. */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { JournalStore } from "../store/journal-store.ts";
import { sqliteDisk } from "../store/sqlite/journal.ts";
import { FILE as journalFile } from "../store/sqlite/journal-file.ts";
import type { Ground } from "./ground.ts";

/** `space`: the name in the database. */
export async function openJournals({ config, clock, log, commits }: Ground, folder: string, space: string) {
  mkdirSync(folder, { recursive: true });
  const around = { clock, observer: log, stopwatch: () => performance.now(), newEpoch: () => randomUUID() };
  const { databaseUrl: url } = config;
  let store: JournalStore;
  if (url === undefined) store = await JournalStore.open(sqliteDisk({ folder }), around);
  else {
    if (existsSync(join(folder, journalFile))) {
      const message = `the journal is in PostgreSQL; what ${journalFile} holds is not read`;
      log.note("warn", "journal", message, { folder });
    }
    const { postgresDisk } = await import("../store/postgres/journal.ts"); // its memory is for those who use it
    store = await JournalStore.open(postgresDisk({ url, space }), around);
  }
  store.onCommit = (events, ms) => commits.add(events, ms);
  return store;
}
