import type { Config } from "../config.ts";
import type { AccountInfo } from "../core/model/account.ts";
import type { SymbolSpec } from "../core/model/symbol.ts";
import type { Attributes } from "../core/ports/witness.ts";
import type { Ports } from "./doors.ts";

/** What a thread of the edge is given to begin with. */
export interface EdgeSettings {
  readonly config: Pick<Config, "network" | "limits" | "access" | "logLevel">;
  /** From 1; names its streams apart from those of other threads. */
  readonly number: number;
  readonly mode: string;
  readonly ports: Ports;
  /** Of the ticks. */
  readonly epoch: string;
  readonly info: AccountInfo;
  readonly symbols: readonly SymbolSpec[];
  /** Who sends traces, and the variables that say where to. */
  readonly who: Attributes;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** How busy a thread is. */
export interface EdgeLoad {
  readonly streams: number;
  readonly webSockets: number;
}
