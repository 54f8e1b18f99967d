/**
 * Everything the bridge has of one account: its terminal, its orders, its prices.
 */
import { DeadManSwitches } from "../control/dead-man.ts";
import type { AccountInfo, Valuation } from "../model/account.ts";
import type { SymbolSpec } from "../model/symbol.ts";
import type { OrderDesk } from "../orders/order-desk.ts";
import type { Clock } from "../ports/clock.ts";
import type { TickHistory } from "../ports/history.ts";
import type { SourceState } from "../streams/course.ts";
import type { StreamIds } from "../streams/stream-ids.ts";
import type { TickHub } from "../ticks/hub.ts";
import type { AccountRecord } from "./record.ts";

/** Without a new price for so long (ms) an open market counts as stale. */
const staleAfter = 60_000;

export class Account {
  readonly desk: OrderDesk;
  readonly hub: TickHub;
  readonly history: TickHistory;
  readonly streams: StreamIds;
  readonly clock: Clock;
  readonly deadMen: DeadManSwitches;
  /** Whether any symbol can have new prices now. */
  marketOpen = true;
  readonly #valuationWatchers = new Set<(valuation: Valuation) => void>();

  constructor(desk: OrderDesk, hub: TickHub, history: TickHistory, streams: StreamIds, clock: Clock) {
    this.desk = desk;
    this.hub = hub;
    this.history = history;
    this.streams = streams;
    this.clock = clock;
    this.deadMen = new DeadManSwitches(desk);
  }

  get info(): AccountInfo {
    return this.desk.terminal.account;
  }

  get record(): AccountRecord {
    return this.desk.record;
  }

  get symbols(): ReadonlyMap<string, SymbolSpec> {
    return this.desk.symbols;
  }

  get linkMessage(): string {
    return this.desk.linkMessage;
  }

  get sourceState(): SourceState {
    if (!this.desk.linkUp) return "terminal_offline";
    if (!this.marketOpen) return "market_closed";
    return this.clock.now() - this.desk.prices.heardAt > staleAfter ? "stale" : "live";
  }

  /** The terminal's symbols that were not known before. */
  learnSymbols(): void {
    const { desk, hub } = this;
    for (const spec of desk.terminal.symbols) {
      if (desk.symbols.has(spec.name)) continue;
      desk.learn(spec);
      hub.learn(spec);
    }
  }

  /** Prices have come. */
  ticked(): void {
    this.desk.prices.heard();
  }

  value(valuation: Valuation): void {
    this.record.holdings.valuation = valuation;
    for (const watcher of this.#valuationWatchers) watcher(valuation);
  }

  watchValuation(watcher: (valuation: Valuation) => void): () => void {
    this.#valuationWatchers.add(watcher);
    return () => this.#valuationWatchers.delete(watcher);
  }
}
