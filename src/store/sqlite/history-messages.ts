/** What passes between the history and its thread. Ticks and bars travel as rows of numbers in one array, which is handed over, not copied. */
import type { Timeframe } from "../../core/model/bar.ts";
import type { HistoryRange } from "../../core/ports/history.ts";

/** Rows in one message to the thread. */
export const CHUNK_ROWS = 4096;
/** Time, broker time, open, high, low, close, tick volume, spread, real volume, final. */
export const BAR_FIELDS = 10;

export interface HistorySettings {
  readonly folder: string;
  /** What the file may hold before the oldest ticks go. */
  readonly maxBytes: number;
  /** How long before its newest tick the history may reach back. */
  readonly maxDays: number;
  /** The symbols whose bars are drawn from the last price; grows. */
  readonly lastCharts: readonly string[];
}

export type Request =
  /** `names` continues the numbering of symbols; `lastCharts`: those of them whose bars are drawn from the last price. */
  | {
      readonly kind: "record";
      readonly names: readonly string[];
      readonly lastCharts: readonly string[];
      readonly rows: Float64Array;
      readonly count: number;
    }
  | { readonly kind: "ticks"; readonly id: number; readonly range: HistoryRange }
  | { readonly kind: "bars"; readonly id: number; readonly range: HistoryRange; readonly timeframe: Timeframe }
  | { readonly kind: "latest"; readonly id: number }
  | { readonly kind: "close" };

export type Reply =
  | { readonly kind: "opened" }
  | { readonly kind: "refused"; readonly why: string }
  /** The chunk's array, for use again. */
  | { readonly kind: "recorded"; readonly rows: Float64Array }
  /** `names`: the symbols of the rows, by their number, where there are several. */
  | { readonly kind: "rows"; readonly id: number; readonly rows: Float64Array; readonly names?: readonly string[] }
  | { readonly kind: "unreadable"; readonly id: number; readonly why: string }
  /** Something to know; the history goes on. */
  | { readonly kind: "damage"; readonly why: string }
  /** Nothing is recorded until `left_out` says that it is again, or that the history was closed before: without so many ticks. */
  | { readonly kind: "failed"; readonly why: string }
  | { readonly kind: "left_out"; readonly ticks: number };
