/**
 * The one connection that holds a journal in PostgreSQL, or one that only looks.
 *
 * An advisory lock of the session makes it the only writer: PostgreSQL lets go of the
 * lock when the session ends, however it ends. Every write goes through this same
 * session, so whoever has lost the lock can write nothing any more. Whoever only looks
 * asks for no lock, and PostgreSQL lets it write nothing.
 */
import { Client, DatabaseError } from "pg";
import { DiskFailure, type Trouble } from "../journal-disk.ts";

/** Milliseconds: a server that is gone without a word must not hold an order for ever. */
const patience = { connect: 10_000, answer: 30_000, goodbye: 2000 } as const;

/** Of a table that has only just grown the planner knows nothing, and would read and sort all of it for every page. */
const byIndex = "enable_bitmapscan = off";

/** A server that hears nothing from us for half a minute ends the session, and with it the lock. */
const session = `
  SET ${byIndex};
  SET synchronous_commit = on;
  SET idle_session_timeout = 0;
  SET tcp_keepalives_idle = 10;
  SET tcp_keepalives_interval = 5;
  SET tcp_keepalives_count = 4`;

export class Connection {
  readonly #client: Client;
  #over = false;

  /** `schema` is what the lock is for. */
  static open(url: string, schema: string, lost: (why: unknown) => void): Promise<Connection> {
    return Connection.#begun(new Connection(url, lost), (client) => takeHold(client, schema));
  }

  /** One transaction, which sees the database as it is at its first question. */
  static look(url: string): Promise<Connection> {
    const connection = new Connection(url, () => undefined); // the next question fails
    return Connection.#begun(connection, (client) =>
      client.query(`BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL ${byIndex}`),
    );
  }

  static async #begun(connection: Connection, begin: (client: Client) => Promise<unknown>): Promise<Connection> {
    try {
      await connection.#client.connect();
      await begin(connection.#client);
      return connection;
    } catch (error) {
      await connection.close();
      throw explained(error);
    }
  }

  private constructor(url: string, lost: (why: unknown) => void) {
    this.#client = new Client({
      connectionString: url,
      application_name: "mt5-bridge",
      connectionTimeoutMillis: patience.connect,
      query_timeout: patience.answer,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
    });
    const gone = (error?: Error) => {
      if (this.#over) return;
      this.#over = true;
      lost(new DiskFailure("connection_lost", error?.message ?? "the server has closed it", error));
    };
    this.#client.on("error", gone);
    this.#client.on("end", () => gone());
  }

  async rows<T>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    try {
      return (await this.#client.query(text, [...values])).rows as T[];
    } catch (error) {
      throw explained(error);
    }
  }

  /** Several statements without values. */
  async run(text: string): Promise<void> {
    try {
      await this.#client.query(text);
    } catch (error) {
      throw explained(error);
    }
  }

  /** Says goodbye, and hangs up on a server that does not answer. */
  async close(): Promise<void> {
    this.#over = true;
    const hangUp = setTimeout(() => this.#client.connection.stream.destroy(), patience.goodbye);
    await this.#client.end().catch(() => undefined);
    clearTimeout(hangUp);
  }
}

async function takeHold(client: Client, schema: string): Promise<void> {
  await client.query(session);
  const [server] = (
    await client.query<{ fsync: string; encoding: string }>(
      "SELECT current_setting('fsync') AS fsync, current_setting('server_encoding') AS encoding",
    )
  ).rows;
  if (server?.fsync !== "on") {
    throw new Error("its fsync is off: a power cut would lose orders that were acknowledged");
  }
  if (server.encoding !== "UTF8") throw new Error(`its encoding is ${server.encoding}; the journal needs UTF8`);
  const lock = "SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS held";
  const [answer] = (await client.query<{ held: boolean }>(lock, [schema])).rows;
  if (answer?.held !== true) {
    throw new DiskFailure("in_use", `another bridge holds the schema "${schema}"; a journal has one writer`);
  }
}

/** By SQLSTATE, or its class. */
const troubles: Readonly<Record<string, Trouble>> = {
  "53100": "disk_full",
  "58030": "io_error",
  "25006": "not_writable",
  "08": "connection_lost",
  "57": "connection_lost",
};

function explained(error: unknown): unknown {
  if (error instanceof DiskFailure || !(error instanceof Error)) return error;
  if (!(error instanceof DatabaseError)) {
    // Everything else that pg throws is about the connection; what we throw has no code.
    return "code" in error || /connection|timeout/i.test(error.message)
      ? new DiskFailure("connection_lost", error.message, error)
      : error;
  }
  const code = error.code ?? "";
  const trouble = troubles[code] ?? troubles[code.slice(0, 2)];
  return trouble === undefined ? error : new DiskFailure(trouble, error.message, error);
}
