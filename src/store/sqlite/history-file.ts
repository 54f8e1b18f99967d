/** The history from one opening of `history.db` to the next: its symbols, and what came since the last commit. */
import { ROW } from "../../core/model/tick-rows.ts";
import type { HistorySettings, Request } from "./history-messages.ts";
import { Series } from "./history-series.ts";
import { HistoryTables } from "./history-tables.ts";

const COMMIT_BLOCKS = 256;

export class HistoryFile {
  readonly #tables: HistoryTables;
  readonly #settings: HistorySettings;
  readonly #damaged: (why: string) => void;
  readonly #byName = new Map<string, Series>();
  /** In the order in which the sender numbered them, as far as they have occurred. */
  readonly #numbered: Series[] = [];
  #filled = 0;
  #newest = Number.NEGATIVE_INFINITY;

  constructor(settings: HistorySettings, damaged: (why: string) => void) {
    this.#settings = settings;
    this.#damaged = damaged;
    this.#tables = new HistoryTables(settings.folder);
    for (const name of this.#tables.names()) this.#series(name);
  }

  /** Whether so much has come that it should be committed. */
  get full(): boolean {
    return this.#filled >= COMMIT_BLOCKS;
  }

  /** `names`: of all symbols, by the sender's numbers. */
  record(names: readonly string[], rows: Float64Array, count: number): void {
    for (let at = this.#numbered.length; at < names.length; at++)
      this.#numbered.push(this.#series(names[at] as string));
    const filled = () => {
      this.#filled++;
    };
    for (let at = 0; at < count * ROW; at += ROW) {
      this.#numbered[rows[at] as number]?.add(rows, at + 1, filled);
    }
  }

  commit(): void {
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

  /** The rows asked for, and with `latest` the symbol of each. */
  read(request: Extract<Request, { kind: "ticks" | "bars" | "latest" }>): { rows: Float64Array; names?: string[] } {
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

  /** Gives up what came since the last commit. */
  close(): void {
    this.#tables.close();
  }

  #series(name: string): Series {
    let series = this.#byName.get(name);
    if (series === undefined) {
      const chart = this.#settings.lastCharts.includes(name) ? "last" : "bid";
      series = new Series(this.#tables, name, chart, this.#damaged);
      this.#byName.set(name, series);
    }
    return series;
  }
}
