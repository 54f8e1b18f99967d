/**
 * What operators have decided, in a journal of its own: trading modes, risk limits, dead-man switches.
 *
 * Not part of an account's journal: a decision may be about all of them, and is folded before any of them is.
 *
 * What could not be written may be on disk all the same, and what is in force may not be. Once the journal can be written
 * again, what is in force is written again.
 *
 * Where the newest decision is damaged, nobody knows what it was: it may have been the kill switch. Then trading is halted
 * until somebody has looked. Not starting at all would be as safe, and would leave a trader without prices, positions and
 * the reason; passing it over, as may be done with what the terminal's records tell again, could ease what was tightened.
 */
import { BridgeError } from "../errors.ts";
import type { Instant } from "../model/ids.ts";
import { type LimitScope, LimitSets, type LimitsSet, type RiskLimits } from "../orders/risk-limits.ts";
import { type ModeEntry, type ModeScope, type TradingMode, TradingModes } from "../orders/trading-mode.ts";
import type { Clock } from "../ports/clock.ts";
import type { Journal } from "../ports/journal.ts";
import type { Observer } from "../ports/observer.ts";
import { type Arming, Armings } from "./armings.ts";

/** An entry of the journal. */
export type ControlEvent =
  | { readonly type: "mode_set"; readonly entry: ModeEntry }
  | { readonly type: "limits_set"; readonly entry: LimitsSet }
  | { readonly type: "armed"; readonly arming: Arming }
  | { readonly type: "disarmed"; readonly arming: Arming; readonly why: string; readonly at: Instant };

/** Why something was decided, and by whom. */
export interface Decision {
  readonly reason: string;
  /** The principal's name. */
  readonly by: string;
}

/** Who has halted trading when nobody did. */
export const bridgeItself = "bridge";

/** Milliseconds before what is in force is written again when that has failed. */
const pause = 5000;

export class ControlRecord {
  readonly modes = new TradingModes();
  readonly limits = new LimitSets();
  readonly armings = new Armings();
  readonly #journal: Journal<ControlEvent>;
  readonly #clock: Clock;
  readonly #observer: Observer;
  readonly #watchers = new Set<() => void>();
  /** Of what the disk may say something else than what is in force, by their names; what is on its way there is none of it. */
  readonly #unsure = { modes: new Map<string, ModeScope>(), limits: new Map<string, LimitScope>() };
  #resuming = false;

  private constructor(journal: Journal<ControlEvent>, clock: Clock, observer: Observer) {
    this.#journal = journal;
    this.#clock = clock;
    this.#observer = observer;
  }

  /** Folds the journal. */
  static async open(journal: Journal<ControlEvent>, clock: Clock, observer: Observer): Promise<ControlRecord> {
    const record = new ControlRecord(journal, clock, observer);
    for await (const page of journal.pages()) for (const { event } of page) record.#apply(event);
    journal.onFailure(() => void record.#resume());
    await record.#haltWhereCut();
    return record;
  }

  /** In force whatever the disk does. While it is not on disk the next start finds the same. */
  async #haltWhereCut(): Promise<void> {
    const { cut } = this.#journal;
    if (cut === undefined) return;
    const reason = `the newest decision is damaged (${cut}); look at modes, risk limits and dead-man switches, then set the mode`;
    await this.setMode({}, "halted", { reason, by: bridgeItself }).catch(() => undefined); // told by `setMode`
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
    const holds = this.modes.holds(entry);
    const context = { ...scope, mode, reason, set_by: by };
    this.#observer.note("warn", "risk", holds ? "trading mode set" : "an easier trading mode is asked for", context);
    this.#changed();
    try {
      await this.#writeMode(scope, entry);
    } catch (error) {
      this.modes.fail(entry);
      const message = holds
        ? "the mode is in force, but the journal cannot be written: a restart before it can would forget it"
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
      await this.#writeLimits(scope, entry);
    } catch (error) {
      this.#observer.note("error", "risk", "risk limits could not be journalled", { ...context, error });
      const message = "the journal cannot be written: the limits are what they were";
      throw new BridgeError("journal_unavailable", message, { cause: error, retryAfterMs: 1000 });
    }
    this.#observer.note("warn", "risk", "risk limits set", context);
    return entry;
  }

  /** Resolves when the switch is armed and on disk; at once when it is as it should be already. */
  async arm(wish: Pick<Arming, "account" | "strategyId" | "action" | "timeout">, by: string): Promise<void> {
    const { account, strategyId, action, timeout } = wish;
    const before = this.armings.of(account, strategyId);
    if (before?.action === action && before.timeout === timeout) return;
    const number = this.armings.next;
    this.armings.take(number);
    const arming: Arming = { account, strategyId, action, timeout, number, armedBy: by, armedAt: this.#clock.now() };
    await this.#decide({ type: "armed", arming }, "the journal cannot be written: the dead-man switch is not armed");
    const context = { account, strategy_id: strategyId, action, timeout_ms: timeout, armed_by: by, arming: number };
    this.#observer.note("info", "risk", "dead-man switch armed", context);
  }

  /** Counts at once, so that who arms it now arms it anew; resolves when it is on disk. */
  async disarm(arming: Arming, why: string): Promise<void> {
    const event = { type: "disarmed", arming, why, at: this.#clock.now() } as const;
    this.armings.disarm(arming);
    try {
      await this.#decide(event, "the journal cannot be written: the dead-man switch stays armed");
    } catch (error) {
      if (this.armings.of(arming.account, arming.strategyId) === undefined) this.armings.arm(arming);
      throw error;
    }
    const { account, strategyId, number } = arming;
    const context = { account, strategy_id: strategyId, arming: number, why };
    this.#observer.note("info", "risk", "dead-man switch disarmed", context);
  }

  async #decide(event: ControlEvent, otherwise: string): Promise<void> {
    try {
      await this.#write(event);
    } catch (cause) {
      throw new BridgeError("journal_unavailable", otherwise, { cause, retryAfterMs: 1000 });
    }
  }

  /** Never throws: it ends with the journal. */
  async #resume(): Promise<void> {
    if (this.#resuming) return;
    this.#resuming = true;
    try {
      for (let written = false; !written; ) {
        await this.#journal.reopened(); // fails only when the journal is closed for good
        await this.#haltWhereCut();
        written = await this.#rewrite();
        if (!written) await this.#clock.sleep(pause);
      }
    } catch {
      // nothing more will be written
    } finally {
      this.#resuming = false;
    }
  }

  async #rewrite(): Promise<boolean> {
    try {
      for (const [name, scope] of this.#unsure.modes) {
        const entry = this.modes.at(scope);
        if (entry === undefined) this.#unsure.modes.delete(name);
        else await this.#writeMode(scope, entry);
      }
      for (const scope of this.#unsure.limits.values()) {
        const never = {
          ...scope,
          reason: "what was set could not be written",
          setBy: bridgeItself,
          setAt: this.#clock.now(),
        };
        await this.#writeLimits(scope, this.limits.setOf(scope) ?? never);
      }
      return true;
    } catch (error) {
      this.#observer.note("error", "risk", "what is in force could not be journalled; tried again later", { error });
      return false;
    }
  }

  async #writeMode(scope: ModeScope, entry: ModeEntry): Promise<void> {
    const name = `${scope.account ?? ""}\n${scope.symbol ?? ""}`;
    this.#unsure.modes.delete(name); // whatever the disk says, this comes behind it
    try {
      await this.#write({ type: "mode_set", entry });
    } catch (error) {
      this.#unsure.modes.set(name, scope);
      throw error;
    }
  }

  async #writeLimits(scope: LimitScope, entry: LimitsSet): Promise<void> {
    const name = `${scope.account}\n${scope.strategyId ?? ""}`;
    this.#unsure.limits.delete(name);
    try {
      await this.#write({ type: "limits_set", entry });
    } catch (error) {
      this.#unsure.limits.set(name, scope);
      throw error;
    }
  }

  async #write(event: ControlEvent): Promise<void> {
    await this.#journal.append([event]).durable;
    this.#apply(event);
    this.#changed();
  }

  #apply(event: ControlEvent): void {
    switch (event.type) {
      case "mode_set":
        this.modes.keep(event.entry);
        break;
      case "limits_set":
        this.limits.set(event.entry);
        break;
      case "armed":
        this.armings.arm(event.arming);
        break;
      case "disarmed":
        this.armings.disarm(event.arming);
        break;
    }
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher();
  }
}
