/**
 * The history's tables: blocks of ticks, minutes, and where each symbol's ticks end.
 *
 * Everything since the last commit is one transaction, in which blocks, minutes and
 * ends agree: a killed process leaves the history as it was a few seconds before,
 * never half of something.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import type { Bar } from "../../core/model/bar.ts";
import type { BrokerTime } from "../../core/model/ids.ts";
import { periodEnd, periodStart } from "../../core/ticks/bars.ts";
import { openDatabase } from "./database.ts";
import { decodeBlock, type TickBlock, type TickColumns } from "./tick-block.ts";

const DAY = 86_400_000;

// A symbol's blocks follow each other in number and in time. `newest` is the time of its
// newest tick, `at_newest` how many ticks it has at that time.
const SCHEMA = `
CREATE TABLE symbols (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, newest INTEGER, at_newest INTEGER NOT NULL) STRICT;
CREATE TABLE blocks (symbol INTEGER NOT NULL, number INTEGER NOT NULL, first_time INTEGER NOT NULL,
  last_time INTEGER NOT NULL, bytes INTEGER NOT NULL, checksum INTEGER NOT NULL, ticks BLOB NOT NULL, PRIMARY KEY (symbol, number)) STRICT;
CREATE INDEX blocks_by_end ON blocks (symbol, last_time, number);
CREATE INDEX blocks_by_age ON blocks (last_time, bytes);
CREATE TABLE minutes (symbol INTEGER NOT NULL, time INTEGER NOT NULL, broker_time INTEGER NOT NULL,
  open INTEGER NOT NULL, high INTEGER NOT NULL, low INTEGER NOT NULL, close INTEGER NOT NULL,
  tick_volume INTEGER NOT NULL, spread INTEGER NOT NULL, real_volume INTEGER NOT NULL,
  PRIMARY KEY (symbol, time)) STRICT, WITHOUT ROWID`;

const NOT_NEWEST = "number < (SELECT max(number) FROM blocks AS own WHERE own.symbol = blocks.symbol)";
const MINUTE = `time, broker_time AS brokerTime, open, high, low, close, tick_volume AS tickVolume, spread,
  real_volume AS realVolume`;

export interface SymbolEnd {
  readonly id: number;
  readonly newest: number | null;
  readonly atNewest: number;
}

interface BlockRow {
  readonly number: number;
  readonly checksum: number;
  readonly ticks: Uint8Array;
}

export type Order = "ASC" | "DESC";

export class HistoryTables {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #agedUntil = Number.NEGATIVE_INFINITY;

  constructor(folder: string) {
    this.#db = openDatabase({ folder, file: "history.db", synchronous: "NORMAL", version: 1, schema: SCHEMA });
  }

  names(): readonly string[] {
    return this.#rows<{ name: string }>("SELECT name FROM symbols ORDER BY id").map((row) => row.name);
  }

  /** Where a symbol's ticks end; undefined for one that has none yet. */
  end(name: string): SymbolEnd | undefined {
    return this.#rows<SymbolEnd>("SELECT id, newest, at_newest AS atNewest FROM symbols WHERE name = ?", name)[0];
  }

  createSymbol(name: string): SymbolEnd {
    this.#run("INSERT INTO symbols (name, newest, at_newest) VALUES (?, NULL, 0)", name);
    return this.end(name) as SymbolEnd;
  }

  writeEnd(id: number, newest: number, atNewest: number): void {
    this.#run("UPDATE symbols SET newest = ?, at_newest = ? WHERE id = ?", newest, atNewest, id);
  }

  writeBlock(symbol: number, number: number, block: TickBlock): void {
    const ticks = block.encode();
    this.#run(
      "INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?)",
      ...[symbol, number, block.firstTime, block.lastTime, ticks.length, crc32(ticks, number), ticks],
    );
  }

  lastNumber(symbol: number): number {
    return this.#rows<{ n: number | null }>("SELECT max(number) AS n FROM blocks WHERE symbol = ?", symbol)[0]?.n ?? 0;
  }

  block(symbol: number, number: number): TickColumns {
    const sql = "SELECT number, checksum, ticks FROM blocks WHERE symbol = ? AND number = ?";
    const row = this.#rows<BlockRow>(sql, symbol, number)[0];
    if (row === undefined) throw new Error(`block ${number} is missing`);
    return columnsOf(row);
  }

  /** The blocks before number `below` that have ticks in the range. */
  *blocks(symbol: number, below: number, from: number, to: number, order: Order): Generator<TickColumns, void> {
    const rows = this.#each<BlockRow>(
      `SELECT number, checksum, ticks FROM blocks WHERE symbol = ? AND number < ? AND last_time >= ? AND first_time <= ?
       ORDER BY last_time ${order}, number ${order}`,
      ...[symbol, below, from, to],
    );
    for (const row of rows) yield columnsOf(row);
  }

  writeMinute(symbol: number, bar: Bar): void {
    this.#run(
      "INSERT OR REPLACE INTO minutes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      ...[symbol, bar.time, bar.brokerTime, bar.open, bar.high, bar.low, bar.close],
      ...[bar.tickVolume, bar.spread, bar.realVolume],
    );
  }

  lastMinute(symbol: number, name: string): Bar | undefined {
    const [row] = this.#rows<Bar>(`SELECT ${MINUTE} FROM minutes WHERE symbol = ? ORDER BY time DESC LIMIT 1`, symbol);
    return row && { ...row, symbol: name, timeframe: "M1", final: false };
  }

  *minutes(symbol: number, name: string, from: number, before: number, order: Order): Generator<Bar, void> {
    const sql = `SELECT ${MINUTE} FROM minutes WHERE symbol = ? AND time >= ? AND time < ? ORDER BY time ${order}`;
    for (const row of this.#each<Bar>(sql, symbol, from, before)) {
      yield { ...row, symbol: name, timeframe: "M1", final: true };
    }
  }

  commit(): void {
    if (this.#db.isTransaction) this.#db.exec("COMMIT");
  }

  /** Lets the oldest go. A symbol's newest block always stays: it says where the symbol ends. */
  retain(newest: number, maxBytes: number, maxDays: number): void {
    const oldest = newest - maxDays * DAY;
    if (oldest > this.#agedUntil + DAY / 24) {
      this.#agedUntil = oldest;
      this.#run(`DELETE FROM blocks WHERE last_time < ? AND ${NOT_NEWEST}`, oldest);
      this.#forgetMinutes(periodStart("MN1", oldest as BrokerTime)); // whole months, so that the oldest bars are whole
    }
    while (this.#bytesUsed() > maxBytes) {
      // Ticks go before minutes, until they have only half of the room.
      const gone =
        this.#bytesOfTicks() > maxBytes / 2
          ? this.#forgetBlocks() || this.#forgetOldestMonth()
          : this.#forgetOldestMonth() || this.#forgetBlocks();
      if (!gone) return;
    }
  }

  /** Gives up what was not committed. */
  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #forgetBlocks(): boolean {
    const oldest = `SELECT rowid FROM blocks WHERE ${NOT_NEWEST} ORDER BY last_time LIMIT 16`;
    return this.#run(`DELETE FROM blocks WHERE rowid IN (${oldest})`) > 0;
  }

  /** Of all symbols; never the month that the newest minute is in. */
  #forgetOldestMonth(): boolean {
    const ends = this.#rows<{ oldest: number | null; newest: number | null }>(
      `SELECT (SELECT broker_time FROM minutes WHERE symbol = id ORDER BY time LIMIT 1) AS oldest,
        (SELECT broker_time FROM minutes WHERE symbol = id ORDER BY time DESC LIMIT 1) AS newest FROM symbols`,
    );
    const oldest = Math.min(...ends.map((end) => end.oldest ?? Number.POSITIVE_INFINITY));
    const newest = Math.max(...ends.map((end) => end.newest ?? Number.NEGATIVE_INFINITY));
    if (!(oldest < newest)) return false;
    const next = periodEnd("MN1", oldest as BrokerTime);
    return next <= newest && this.#forgetMinutes(next) > 0;
  }

  /** By the broker's clock; the bound on the other one only keeps the search short. */
  #forgetMinutes(before: BrokerTime): number {
    const sql = `DELETE FROM minutes WHERE symbol IN (SELECT id FROM symbols) AND time < ? AND broker_time < ?`;
    return this.#run(sql, before + DAY, before);
  }

  #bytesOfTicks(): number {
    return (
      this.#rows<{ bytes: number }>("SELECT total(bytes) AS bytes FROM blocks INDEXED BY blocks_by_age")[0]?.bytes ?? 0
    );
  }

  #bytesUsed(): number {
    const sql = `SELECT (page_count - freelist_count) * page_size AS bytes
      FROM pragma_page_count, pragma_freelist_count, pragma_page_size`;
    return this.#rows<{ bytes: number }>(sql)[0]?.bytes ?? 0;
  }

  #run(sql: string, ...values: SQLInputValue[]): number {
    if (!this.#db.isTransaction) this.#db.exec("BEGIN");
    return Number(this.#prepared(sql).run(...values).changes);
  }

  #rows<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepared(sql).all(...values) as unknown[] as Row[];
  }

  /** A statement of its own: one that is being stepped through cannot be used a second time. */
  #each<Row>(sql: string, ...values: SQLInputValue[]): Iterable<Row> {
    return this.#db.prepare(sql).iterate(...values) as Iterable<unknown> as Iterable<Row>;
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function columnsOf({ number, checksum, ticks }: BlockRow): TickColumns {
  if (crc32(ticks, number) !== checksum) throw new Error(`block ${number} does not match its checksum`);
  return decodeBlock(ticks);
}
