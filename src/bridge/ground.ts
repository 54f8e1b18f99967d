/** What everything in the bridge stands on: its settings, its clock, and who watches. */
import type { Config } from "../config.ts";
import type { StrategyId } from "../core/model/ids.ts";
import type { SymbolSpec } from "../core/model/symbol.ts";
import { type ConfiguredLimits, readLimits } from "../core/orders/risk-limits.ts";
import type { Clock } from "../core/ports/clock.ts";
import type { StreamIds } from "../core/streams/stream-ids.ts";
import type { CommitCounts } from "../telemetry/counts.ts";
import type { Log } from "../telemetry/log.ts";
import type { Watch } from "../telemetry/watch.ts";

export interface Ground {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly watch: Watch;
  readonly commits: CommitCounts;
  /** Of this run of the bridge: cursors of ticks are of one epoch. */
  readonly epoch: string;
  readonly ids: StreamIds;
}

/** What the configuration limits to symbols that are not among these is refused; absent: they are not known yet. */
export function configuredLimits({ risk }: Config, symbols?: readonly SymbolSpec[]): ConfiguredLimits {
  const isSymbol = (name: string) => symbols?.some((spec) => spec.name === name) ?? true;
  const strategies = [...risk.strategies].map(
    ([id, draft]) => [id as StrategyId, readLimits(draft, isSymbol)] as const,
  );
  return { account: readLimits(risk.account, isSymbol), strategies: new Map(strategies) };
}
