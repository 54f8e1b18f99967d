import type { AccountInfo } from "../model/account.ts";
import type { SymbolSpec } from "../model/symbol.ts";
import type { Clock } from "../ports/clock.ts";
import type { SourceState } from "../streams/course.ts";
import type { StreamIds } from "../streams/stream-ids.ts";
import type { TickHub } from "./hub.ts";

/** What tick streams are made of: an account, or a copy of its prices in another thread. */
export interface Quotes {
  readonly info: AccountInfo;
  readonly symbols: ReadonlyMap<string, SymbolSpec>;
  readonly hub: TickHub;
  readonly streams: StreamIds;
  readonly clock: Clock;
  readonly sourceState: SourceState;
}
