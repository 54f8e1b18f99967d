/** Where journals are kept, for whoever only looks at them: files in folders, or schemas of a database. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseError } from "pg";
import { DiskFailure, type LogState, type Page } from "../src/store/journal-disk.ts";
import type { Row } from "../src/store/journal-page.ts";
import { JournalView, spacesIn } from "../src/store/postgres/journal-view.ts";
import { FILE, JournalFile } from "../src/store/sqlite/journal-file.ts";

/** One account's journal. */
export interface KeptJournal {
  readonly logs: readonly LogState[];
  /** What the next start will cut off. */
  readonly cuts: readonly string[];
  /** Whole events from `first` on, as many as make a page; each is checked. */
  page(log: number, first: number, last: number): Page | Promise<Page>;
  /** What is kept, a page at most and unchecked. */
  records(log: number, first: number, last: number): Iterable<Row> | AsyncIterable<Row>;
  /** A text of the log's snapshot. */
  text(log: number, name: string): string | undefined | Promise<string | undefined>;
  close(): void | Promise<void>;
}

export interface JournalPlace {
  /** The accounts that have a journal here, at least one. */
  accounts(): Promise<readonly string[]>;
  open(account: string): Promise<KeptJournal>;
}

/** What was asked for cannot be done; the message says why. */
export class Refused extends Error {}

/** A folder for each account. */
export const inFolder = (data: string): JournalPlace => ({
  async accounts() {
    const all = existsSync(data) ? readdirSync(data) : [];
    const found = all.filter((name) => existsSync(join(data, name, FILE))).sort();
    if (found.length === 0) throw new Refused(`--data: there is no journal in ${data}`);
    return found;
  },
  async open(account) {
    const folder = join(data, account);
    try {
      return JournalFile.read(folder);
    } catch (error) {
      const message = messageOf(error);
      if (!message.includes("is in use")) throw error;
      throw new Refused(`The bridge is running with ${folder}: stop it first. (${message})`);
    }
  },
});

/** A schema for each account. The URL may hold a password: it is never told. */
export const inDatabase = (url: string): JournalPlace => ({
  async accounts() {
    const found = await spacesIn(url).catch(refused);
    if (found.length === 0) throw new Refused("DATABASE_URL: there is no journal in that database");
    return found;
  },
  open: (space) => JournalView.open({ url, space }).catch(refused),
});

/** Where PostgreSQL finds its own pages spoilt (class XX) that is damage; all else is about reaching it. */
function refused(error: unknown): never {
  const isDamage = error instanceof DatabaseError && error.code?.startsWith("XX");
  if (isDamage || !(error instanceof DatabaseError || error instanceof DiskFailure)) throw error;
  throw new Refused(`DATABASE_URL: ${error.message}`);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
