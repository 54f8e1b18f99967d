/**
 * What operators have decided, in a journal of its own: trading modes and risk limits.
 *
 * Not part of an account's journal: a decision may be about all of them, and is folded before any of them is.
 */
import { BridgeError } from "../errors.ts";
import { type LimitScope, LimitSets, type LimitsSet, type RiskLimits } from "../orders/risk-limits.ts";
import { type ModeEntry, type ModeScope, type TradingMode, TradingModes } from "../orders/trading-mode.ts";
import type { Clock } from "../ports/clock.ts";
import type { Journal } from "../ports/journal.ts";
import type { Observer } from "../ports/observer.ts";

/** An entry of the journal. */
export type ControlEvent =
  | { readonly type: "mode_set"; readonly entry: ModeEntry }
  | { readonly type: "limits_set"; readonly entry: LimitsSet };

/** Why something was decided, and by whom. */
export interface Decision {
  readonly reason: string;
  /** The principal's name. */
  readonly by: string;
}

export class ControlRecord {
  readonly modes = new TradingModes();
  readonly limits = new LimitSets();
  readonly #journal: Journal<ControlEvent>;
  readonly #clock: Clock;
  readonly #observer: Observer;
  readonly #watchers = new Set<() => void>();

  private constructor(journal: Journal<ControlEvent>, clock: Clock, observer: Observer) {
    this.#journal = journal;
    this.#clock = clock;
    this.#observer = observer;
  }

  /** Folds the journal. */
  static async open(journal: Journal<ControlEvent>, clock: Clock, observer: Observer): Promise<ControlRecord> {
    const record = new ControlRecord(journal, clock, observer);
    for await (const { event } of journal.entries()) record.#apply(event);
    return record;
  }

  /** Calls back when anything has changed. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Resolves when the mode is in force and on disk. Stricter than before, it is in force at once and whatever the disk does. */
  async setMode(scope: ModeScope, mode: TradingMode, { reason, by }: Decision): Promise<ModeEntry> {
    const entry: ModeEntry = { ...scope, mode, reason, setBy: by, setAt: this.#clock.now() };
    this.modes.ask(entry);
    const holds = this.modes.entries.includes(entry);
    const context = { ...scope, mode, reason, set_by: by };
    this.#observer.note("warn", "risk", holds ? "trading mode set" : "an easier trading mode is asked for", context);
    this.#changed();
    try {
      await this.#write({ type: "mode_set", entry });
    } catch (error) {
      const message = holds
        ? "the mode is in force, but the journal cannot be written: a restart would forget it"
        : "the journal cannot be written: the stricter mode stays in force";
      this.#observer.note("error", "risk", "a trading mode could not be journalled", { ...context, error });
      throw new BridgeError("journal_unavailable", message, { cause: error, retryAfterMs: 1000 });
    }
    if (!holds) this.#observer.note("warn", "risk", "trading mode set", context);
    return entry;
  }

  /** Resolves when the limits are in force, which is when they are on disk. Without `limits` it is the configuration's turn again. */
  async setLimits(scope: LimitScope, limits: RiskLimits | undefined, { reason, by }: Decision): Promise<LimitsSet> {
    const given = limits === undefined ? {} : { limits };
    const entry: LimitsSet = { ...scope, ...given, reason, setBy: by, setAt: this.#clock.now() };
    const context = { ...scope, limits: limits ?? "as configured", reason, set_by: by };
    try {
      await this.#write({ type: "limits_set", entry });
    } catch (error) {
      this.#observer.note("error", "risk", "risk limits could not be journalled", { ...context, error });
      const message = "the journal cannot be written: the limits are what they were";
      throw new BridgeError("journal_unavailable", message, { cause: error, retryAfterMs: 1000 });
    }
    this.#observer.note("warn", "risk", "risk limits set", context);
    return entry;
  }

  async #write(event: ControlEvent): Promise<void> {
    await this.#journal.append([event]).durable;
    this.#apply(event);
    this.#changed();
  }

  #apply(event: ControlEvent): void {
    if (event.type === "mode_set") this.modes.keep(event.entry);
    else this.limits.set(event.entry);
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher();
  }
}
