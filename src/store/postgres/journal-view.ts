/**
 * A journal in PostgreSQL as it was at one moment, for whoever only looks at it.
 *
 * The bridge may be running: nothing waits for a lock, the transaction is read-only, and
 * all that is read is of one moment, so that a snapshot and its events belong together.
 */
import { DatabaseError } from "pg";
import type { LogState, Page } from "../journal-disk.ts";
import { pageOf, type Row, Unreadable } from "../journal-page.ts";
import { Connection } from "./connection.ts";
import { logsOf, type PostgresSettings, rowsOf, schemaOf, spaceOf, textsOf, VERSION } from "./journal.ts";

/** The accounts that have a journal there. */
export async function spacesIn(url: string): Promise<string[]> {
  const connection = await Connection.look(url);
  try {
    const found = await connection.rows<{ schema: string }>(
      "SELECT schemaname AS schema FROM pg_tables WHERE tablename = 'format' AND schemaname ~ '^mt5_bridge_[a-z0-9_]+$'",
    );
    return found.map(({ schema }) => spaceOf(schema)).sort();
  } finally {
    await connection.close();
  }
}

export class JournalView {
  readonly logs: readonly LogState[];
  /** PostgreSQL itself cuts what a crash has torn. */
  readonly cuts: readonly string[] = [];
  readonly #connection: Connection;

  static async open({ url, space }: PostgresSettings): Promise<JournalView> {
    const connection = await Connection.look(url);
    try {
      const schema = schemaOf(space);
      await connection.run(`SET LOCAL search_path = ${schema}; SAVEPOINT sound`);
      const [found] = await connection.rows<{ version: number }>(`SELECT version FROM ${schema}.format`);
      if (found?.version !== VERSION) {
        throw new Error(`the schema "${schema}" has format ${found?.version}; this version reads ${VERSION}`);
      }
      return new JournalView(connection, await logsOf(connection));
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  private constructor(connection: Connection, logs: readonly LogState[]) {
    this.#connection = connection;
    this.logs = logs;
  }

  async page(log: number, first: number, last: number): Promise<Page> {
    return pageOf(await this.#rows(log, first, last), first, last);
  }

  /** What is kept, a page at most and unchecked. */
  async *records(log: number, first: number, last: number): AsyncGenerator<Row, void> {
    yield* await this.#rows(log, first, last);
  }

  async text(log: number, name: string): Promise<string | undefined> {
    const [text] = await textsOf(this.#connection, log, [name]);
    return text;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** What PostgreSQL cannot read of its own pages is damage; other logs may be whole. */
  async #rows(log: number, first: number, last: number): Promise<Row[]> {
    try {
      return await rowsOf(this.#connection, log, first, last);
    } catch (error) {
      if (!(error instanceof DatabaseError && error.code?.startsWith("XX"))) throw error;
      await this.#connection.run("ROLLBACK TO sound"); // else the transaction is over, and its moment
      throw new Unreadable(first, last + 1, error.message);
    }
  }
}
