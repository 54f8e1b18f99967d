/** What waits for a reader of ticks. */
import type { Beat } from "../streams/heartbeat.ts";
import type { Frame } from "./frame.ts";

/** What became of one symbol of a wish. */
export interface SymbolResult {
  readonly symbol: string;
  readonly accepted: boolean;
  readonly reason: string;
  readonly message: string;
}

export interface Subscription {
  readonly symbols: readonly string[];
  readonly results: readonly SymbolResult[];
}

export type TickItem =
  | { readonly type: "frame"; readonly frame: Frame }
  | ({ readonly type: "subscription" } & Subscription)
  /** What the reader held back is due. */
  | { readonly type: "due" }
  | Beat;
