/**
 * The history's thread. Messages are worked through in order, so whoever reads sees
 * everything recorded before.
 *
 * What comes in is committed every few seconds, sooner when much comes in: that bounds
 * the transaction, and with it what a killed process loses. After an error of the disk
 * nothing more is recorded; arrays still go back, so that the sender never waits in vain.
 */
import { parentPort, workerData } from "node:worker_threads";
import { ROW } from "../../core/model/tick-rows.ts";
import type { HistorySettings, Reply, Request } from "./history-messages.ts";
import { Series } from "./history-series.ts";
import { HistoryTables } from "./history-tables.ts";

const COMMIT_EVERY_MS = 5000;
const COMMIT_BLOCKS = 256;

const port = parentPort;
if (port === null) throw new Error("history-worker runs in a thread of its own");
const reply = (message: Reply, handedOver: ArrayBuffer[] = []) => port.postMessage(message, handedOver);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

class History {
  readonly #tables: HistoryTables;
  readonly #settings: HistorySettings;
  readonly #lastCharts: ReadonlySet<string>;
  readonly #byName = new Map<string, Series>();
  /** In the order in which the sender numbered them. */
  readonly #numbered: Series[] = [];
  #filled = 0;
  #newest = Number.NEGATIVE_INFINITY;
  #failed = false;

  constructor(settings: HistorySettings) {
    this.#settings = settings;
    this.#lastCharts = new Set(settings.lastCharts);
    this.#tables = new HistoryTables(settings.folder);
    for (const name of this.#tables.names()) this.#series(name);
  }

  record(names: readonly string[], rows: Float64Array, count: number): void {
    if (this.#failed) return;
    this.#guarded(() => {
      for (const name of names) this.#numbered.push(this.#series(name));
      const filled = () => {
        this.#filled++;
      };
      for (let at = 0; at < count * ROW; at += ROW) {
        this.#numbered[rows[at] as number]?.add(rows, at + 1, filled);
      }
      if (this.#filled >= COMMIT_BLOCKS) this.#commit();
    });
  }

  commit(): void {
    if (!this.#failed) this.#guarded(() => this.#commit());
  }

  /** The rows asked for, and with `latest` the symbol of each. */
  read(request: Extract<Request, { kind: "ticks" | "bars" | "latest" }>): { rows: Float64Array; names?: string[] } {
    if (this.#failed) throw new Error("it could not be written and needs to be opened anew");
    if (request.kind === "latest") {
      const known = [...this.#byName.values()].filter((series) => Number.isFinite(series.newest));
      const rows = new Float64Array(known.length * ROW);
      for (const [i, series] of known.entries()) {
        rows.set(series.latest(), i * ROW);
        rows[i * ROW] = i;
      }
      return { rows, names: known.map((series) => series.name) };
    }
    const series = this.#byName.get(request.range.symbol);
    if (series === undefined) return { rows: new Float64Array(0) };
    const rows = request.kind === "ticks" ? series.ticks(request.range) : series.bars(request.range, request.timeframe);
    return { rows };
  }

  close(): void {
    this.commit();
    this.#tables.close();
  }

  #commit(): void {
    this.#filled = 0;
    for (const series of this.#byName.values()) {
      series.write();
      if (series.newest > this.#newest) this.#newest = series.newest;
    }
    if (Number.isFinite(this.#newest)) {
      this.#tables.retain(this.#newest, this.#settings.maxBytes, this.#settings.maxDays);
    }
    this.#tables.commit();
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failed = true;
      this.#tables.rollback();
      reply({ kind: "failed", why: messageOf(error) });
    }
  }

  #series(name: string): Series {
    let series = this.#byName.get(name);
    if (series === undefined) {
      const chart = this.#lastCharts.has(name) ? "last" : "bid";
      series = new Series(this.#tables, name, chart, (why) => reply({ kind: "damage", why }));
      this.#byName.set(name, series);
    }
    return series;
  }
}

function serve(history: History): void {
  const commits = setInterval(() => history.commit(), COMMIT_EVERY_MS);
  port?.on("message", (request: Request) => {
    switch (request.kind) {
      case "record":
        history.record(request.names, request.rows, request.count);
        reply({ kind: "recorded", rows: request.rows }, [request.rows.buffer as ArrayBuffer]);
        break;
      case "close":
        clearInterval(commits);
        history.close();
        port?.close();
        break;
      default:
        try {
          const { rows, names } = history.read(request);
          reply({ kind: "rows", id: request.id, rows, ...(names && { names }) }, [rows.buffer as ArrayBuffer]);
        } catch (error) {
          reply({ kind: "unreadable", id: request.id, why: messageOf(error) });
        }
    }
  });
}

try {
  serve(new History(workerData as HistorySettings));
  reply({ kind: "opened" });
} catch (error) {
  reply({ kind: "refused", why: messageOf(error) });
  port.close();
}
