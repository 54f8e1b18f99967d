/**
 * The journal in PostgreSQL: a schema for each account, whose one writer is whoever holds
 * its lock.
 *
 * All that has gathered is one statement, and so one transaction, one sync and one round
 * trip. The records are those of every other store: version, checksum, body.
 */
import { crc32 } from "node:zlib";
import type { Commit, DiskShelf, JournalDisk, LogState, OpenDisk, Page } from "../journal-disk.ts";
import { pageOf, type Row, rowOf } from "../journal-page.ts";
import { Connection } from "./connection.ts";

const PAGE_ROWS = 1024;
export const VERSION = 1;
const PREFIX = "mt5_bridge_";

export interface PostgresSettings {
  readonly url: string;
  /** Which account's journal: letters, digits and dashes. */
  readonly space: string;
}

export const schemaOf = (space: string): string => PREFIX + space.replaceAll("-", "_");

export const spaceOf = (schema: string): string => schema.slice(PREFIX.length).replaceAll("_", "-");

export const postgresDisk = ({ url, space }: PostgresSettings): JournalDisk => ({
  async open(lost) {
    const schema = schemaOf(space);
    const connection = await Connection.open(url, schema, lost);
    try {
      await prepare(connection, schema);
      return new PostgresDisk(connection, await logsOf(connection));
    } catch (error) {
      await connection.close();
      throw error;
    }
  },
});

/** Makes the tables when they are not there, and refuses those of another version. Writing to one shows that they can be written. */
async function prepare(connection: Connection, schema: string): Promise<void> {
  await connection.run(`
    CREATE SCHEMA IF NOT EXISTS ${schema};
    SET search_path = ${schema};
    CREATE TABLE IF NOT EXISTS format (one boolean PRIMARY KEY CHECK (one), version integer NOT NULL, opened bigint NOT NULL);
    INSERT INTO format VALUES (true, ${VERSION}, 1) ON CONFLICT (one) DO UPDATE SET opened = format.opened + 1;
    CREATE TABLE IF NOT EXISTS logs (id integer PRIMARY KEY, name text NOT NULL UNIQUE, epoch text NOT NULL);
    CREATE TABLE IF NOT EXISTS events (
      log integer NOT NULL, sequence bigint NOT NULL, format integer NOT NULL, checksum bigint NOT NULL,
      body text NOT NULL, PRIMARY KEY (log, sequence));
    CREATE TABLE IF NOT EXISTS shelf (
      log integer NOT NULL, name text NOT NULL, checksum bigint NOT NULL, body text NOT NULL, PRIMARY KEY (log, name))`);
  const [found] = await connection.rows<{ version: number }>("SELECT version FROM format");
  if (found?.version !== VERSION) {
    throw new Error(`the schema "${schema}" has format ${found?.version}; this version reads and writes ${VERSION}`);
  }
}

export async function logsOf(connection: Connection): Promise<LogState[]> {
  const logs = await connection.rows<Omit<LogState, "last"> & { readonly last: string | null }>(
    "SELECT id, name, epoch, (SELECT max(sequence) FROM events WHERE log = logs.id) AS last FROM logs ORDER BY id",
  );
  return logs.map((log) => ({ ...log, last: Number(log.last ?? 0) }));
}

/** What is kept, a page at most and unchecked. */
export async function rowsOf(connection: Connection, log: number, first: number, last: number): Promise<Row[]> {
  const rows = await connection.rows<Record<"sequence" | "checksum", string> & Pick<Row, "format" | "body">>(
    `SELECT sequence, format, checksum, body FROM events
      WHERE log = $1 AND sequence BETWEEN $2 AND $3 ORDER BY sequence LIMIT ${PAGE_ROWS}`,
    [log, first, last],
  );
  return rows.map((row) => ({ ...row, sequence: Number(row.sequence), checksum: Number(row.checksum) }));
}

export async function textsOf(
  connection: Connection,
  log: number,
  names: readonly string[],
): Promise<(string | undefined)[]> {
  const text = "SELECT name, checksum, body FROM shelf WHERE log = $1 AND name = ANY ($2::text[])";
  const rows = await connection.rows<Record<"name" | "checksum" | "body", string>>(text, [log, names]);
  const sound = rows.filter(({ body, checksum }) => crc32(body) === Number(checksum));
  const bodies = new Map(sound.map(({ name, body }) => [name, body]));
  return names.map((name) => bodies.get(name));
}

class PostgresDisk implements OpenDisk {
  readonly logs: readonly LogState[];
  /** PostgreSQL itself cuts what a crash has torn, and nobody was told of that. */
  readonly cuts: readonly string[] = [];
  readonly #connection: Connection;

  constructor(connection: Connection, logs: readonly LogState[]) {
    this.#connection = connection;
    this.logs = logs;
  }

  /** One statement: it happens as a whole or not at all. */
  async commit({ created, lines }: Commit): Promise<void> {
    const logs: number[] = [];
    const rows: Row[] = [];
    for (const { log, first, text } of lines) {
      let sequence = first;
      for (const body of text.split("\n")) {
        logs.push(log);
        rows.push(rowOf(sequence, body));
        sequence++;
      }
    }
    await this.#connection.rows(INSERT, [
      ...[created.map(({ id }) => id), created.map(({ name }) => name), created.map(({ epoch }) => epoch)],
      ...[logs, rows.map(({ sequence }) => sequence), rows.map(({ format }) => format)],
      ...[rows.map(({ checksum }) => checksum), rows.map(({ body }) => body)],
    ]);
  }

  async read(log: number, first: number, last: number): Promise<Page> {
    return pageOf(await rowsOf(this.#connection, log, first, last), first, last);
  }

  readonly shelf: DiskShelf = {
    get: (log, names) => textsOf(this.#connection, log, names),
    put: async (log, texts, drop) => {
      const bodies = texts.map(([, body]) => body);
      const names = texts.map(([name]) => name);
      await this.#connection.rows(PUT, [log, names, bodies.map((body) => crc32(body)), bodies, drop]);
    },
    names: async (log) => {
      const rows = await this.#connection.rows<{ name: string }>("SELECT name FROM shelf WHERE log = $1", [log]);
      return rows.map(({ name }) => name);
    },
  };

  close(): Promise<void> {
    return this.#connection.close();
  }
}

const INSERT = `
  WITH made AS (INSERT INTO logs SELECT * FROM unnest($1::integer[], $2::text[], $3::text[]))
  INSERT INTO events SELECT * FROM unnest($4::integer[], $5::bigint[], $6::integer[], $7::bigint[], $8::text[])`;

/** What is put is never among what is dropped. */
const PUT = `
  WITH dropped AS (DELETE FROM shelf WHERE log = $1 AND name = ANY ($5::text[]))
  INSERT INTO shelf SELECT $1, * FROM unnest($2::text[], $3::bigint[], $4::text[])
  ON CONFLICT (log, name) DO UPDATE SET checksum = excluded.checksum, body = excluded.body`;
