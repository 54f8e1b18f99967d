/**
 * What trading is allowed: everywhere, on one account, on one symbol. The strictest that applies counts.
 *
 * Always true:
 *   - A mode that is stricter than the one before is in force from the moment in which it is asked for; one that is
 *     easier only when it is on disk. So what counts of each scope is the strictest of what is on disk and what is on
 *     its way there, and no crash can ease what was tightened.
 */
import type { AccountAlias, Instant } from "../model/ids.ts";

export type TradingMode = "active" | "reduce_only" | "halted";

/** Where a mode applies; absent means all. */
export interface ModeScope {
  readonly account?: AccountAlias;
  readonly symbol?: string;
}

export interface ModeEntry extends ModeScope {
  readonly mode: TradingMode;
  readonly reason: string;
  /** The principal's name. */
  readonly setBy: string;
  readonly setAt: Instant;
}

export const strictness: Record<TradingMode, number> = { active: 0, reduce_only: 1, halted: 2 };

export class TradingModes {
  /** For each scope what is on disk, then what is on its way there. */
  readonly #entries = new Map<string, readonly [ModeEntry, ...ModeEntry[]]>();

  /** A mode is asked for, and on its way to the disk. */
  ask(entry: ModeEntry): void {
    const scope = nameOf(entry);
    const before = this.#entries.get(scope);
    this.#entries.set(scope, before === undefined ? [entry] : [...before, entry]);
  }

  /** It is on disk: what came before it counts no more. */
  keep(entry: ModeEntry): void {
    const scope = nameOf(entry);
    const entries: readonly ModeEntry[] = this.#entries.get(scope) ?? [];
    const place = entries.indexOf(entry);
    this.#entries.set(scope, [entry, ...(place < 0 ? [] : entries.slice(place + 1))]);
  }

  /** It could not be written: an easier one is forgotten, a stricter one stays in force. */
  fail(entry: ModeEntry): void {
    const scope = nameOf(entry);
    const [first, ...rest] = (this.#entries.get(scope) ?? []).filter((one) => one !== entry || this.holds(entry));
    if (first === undefined) this.#entries.delete(scope);
    else this.#entries.set(scope, [first, ...rest]);
  }

  /** Whether it is what counts of its scope. */
  holds(entry: ModeEntry): boolean {
    return this.at(entry) === entry;
  }

  /** What counts of the scope; undefined when nothing was ever set. */
  at(scope: ModeScope): ModeEntry | undefined {
    return strictest(this.#entries.get(nameOf(scope)) ?? []);
  }

  /** What is in force for an order; undefined when nothing was ever set. */
  of(account: AccountAlias, symbol: string): ModeEntry | undefined {
    if (this.#entries.size === 0) return undefined;
    return strictest([
      ...(this.#entries.get(nameOf({})) ?? []),
      ...(this.#entries.get(nameOf({ account })) ?? []),
      ...(this.#entries.get(nameOf({ symbol })) ?? []),
      ...(this.#entries.get(nameOf({ account, symbol })) ?? []),
    ]);
  }

  /** What is in force of each scope that was ever set: the global one first, then accounts, then symbols. */
  get entries(): readonly ModeEntry[] {
    const inForce = [...this.#entries.values()].flatMap((entries) => strictest(entries) ?? []);
    const rank = (entry: ModeEntry) => (entry.symbol === undefined ? 0 : 2) + (entry.account === undefined ? 0 : 1);
    return inForce.sort((a, b) => rank(a) - rank(b) || (nameOf(a) < nameOf(b) ? -1 : 1));
  }

  /** The strictest that is in force anywhere. */
  get strictest(): TradingMode {
    return strictestOf(this.entries.map(({ mode }) => mode));
  }
}

export function strictestOf(modes: readonly TradingMode[]): TradingMode {
  return modes.reduce<TradingMode>((a, b) => (strictness[b] > strictness[a] ? b : a), "active");
}

const nameOf = ({ account, symbol }: ModeScope): string => `${account ?? ""}\n${symbol ?? ""}`;

/** Of equals the newest. */
function strictest(entries: readonly ModeEntry[]): ModeEntry | undefined {
  let found: ModeEntry | undefined;
  for (const entry of entries) {
    if (found === undefined || strictness[entry.mode] >= strictness[found.mode]) found = entry;
  }
  return found;
}
