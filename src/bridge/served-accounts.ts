/** The accounts that are served, by their names. More may come at any time; whoever holds this sees them. */
import type { Account } from "../core/accounts/account.ts";
import type { HealthWatch } from "../core/health/health.ts";
import type { Broadcast } from "../core/ports/broadcast.ts";
import type { JournalStore } from "../store/journal-store.ts";
import type { StandingAccount } from "./standing-account.ts";

export class ServedAccounts extends Map<string, Account> {
  /** Of that account, or of any when none is named: what is waited for before it is served; empty: nothing is. */
  awaited: (alias: string) => string = () => "";
  readonly #standing: StandingAccount[] = [];
  #begun: ((one: StandingAccount) => void) | undefined;

  add(one: StandingAccount): void {
    this.#standing.push(one);
    this.set(one.account.info.alias, one.account);
    this.#begun?.(one);
  }

  /** From now on their terminals are heard, also of those that come later; `elsewhere` are copies of their prices. */
  begin(health: HealthWatch, elsewhere?: Broadcast): void {
    this.#begun = (one) => {
      if (!health.accounts.includes(one.account)) health.add(one.account);
      one.run(() => health.changed(), elsewhere);
    };
    for (const one of this.#standing) this.#begun(one);
  }

  get stores(): readonly JournalStore[] {
    return this.#standing.map(({ store }) => store);
  }

  /** Resolves when no terminal owes an answer. */
  async idle(): Promise<void> {
    await Promise.all([...this.values()].map(({ desk }) => desk.idle()));
  }

  async close(): Promise<void> {
    await Promise.all(this.#standing.map((one) => one.close()));
  }
}
