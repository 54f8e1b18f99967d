/**
 * One account, with all that keeps it going: its journal, its history, its terminal, its orders and its streams.
 *
 * Brought up in two steps. First it is what the journal says and then what the terminal says, and nobody can trade yet;
 * then its reports are followed, and what its dead-man switches hold counts from there.
 */
import { Account } from "../core/accounts/account.ts";
import type { AccountEvent } from "../core/accounts/account-event.ts";
import { follow } from "../core/accounts/follow.ts";
import { AccountRecord } from "../core/accounts/record.ts";
import { recover, settleAtStart } from "../core/accounts/recover.ts";
import type { ControlRecord } from "../core/control/control-record.ts";
import type { Valuation } from "../core/model/account.ts";
import type { Instant } from "../core/model/ids.ts";
import type { SymbolSpec } from "../core/model/symbol.ts";
import { watchDoubts } from "../core/orders/doubts.ts";
import { OrderDesk } from "../core/orders/order-desk.ts";
import type { Broadcast } from "../core/ports/broadcast.ts";
import type { TickHistory } from "../core/ports/history.ts";
import type { Journal } from "../core/ports/journal.ts";
import type { TerminalPort } from "../core/ports/terminal.ts";
import { TickHub } from "../core/ticks/hub.ts";
import { Prices } from "../core/ticks/prices.ts";
import type { JournalStore } from "../store/journal-store.ts";
import { openTickHistory } from "../store/sqlite/history.ts";
import type { Ground } from "./ground.ts";
import { openJournals } from "./journals.ts";

/** A terminal that can be parted with. */
export type Terminal = TerminalPort & { close(): Promise<void> };

/** What a terminal may be made of. */
export interface Parts {
  readonly store: JournalStore;
  readonly history: TickHistory;
  readonly hub: TickHub;
}

type OwnParts = Parts & { readonly history: { close(): Promise<void> } };

/** What is particular to an account. */
export interface Plan {
  readonly folder: string;
  /** The journal's name in a database. */
  readonly space: string;
  readonly symbols: readonly SymbolSpec[];
  terminal(parts: Parts): Promise<Terminal>;
  control(store: JournalStore): Promise<ControlRecord>;
  /** Why it has no terminal yet, and what it was worth when it last had. */
  readonly apart?: { readonly why: string; readonly valuation: Valuation };
}

export class StandingAccount {
  readonly account: Account;
  readonly #parts: OwnParts;
  readonly #ground: Ground;
  readonly #terminal: Terminal;
  readonly #life = new AbortController();
  #recovering: Promise<void> = Promise.resolve();
  #following: Promise<void> = Promise.resolve();

  /** What was opened is closed again when it cannot be brought up, so that it can be tried again. */
  static async open(plan: Plan, ground: Ground): Promise<StandingAccount> {
    const { config, log } = ground;
    const { folder, space, symbols } = plan;
    const store = await openJournals(ground, folder, space);
    try {
      const history = await openTickHistory({ folder, specs: symbols, observer: log, ...config.history });
      try {
        return await StandingAccount.#over({ store, history }, plan, ground);
      } catch (error) {
        await history.close();
        throw error;
      }
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  static async #over({ store, history }: Omit<OwnParts, "hub">, plan: Plan, ground: Ground): Promise<StandingAccount> {
    const { config, clock, log, watch, epoch, ids } = ground;
    const { symbols, apart } = plan;
    const hub = new TickHub(epoch, new Map(symbols.map((spec) => [spec.name, spec])));
    const terminal = await plan.terminal({ store, history, hub });

    const { valuation } = apart ?? (await terminal.snapshot(0 as Instant, new AbortController().signal));
    const record = await AccountRecord.open(store.journal("orders") as Journal<AccountEvent>, valuation, watch);
    const control = await plan.control(store);
    const prices = new Prices(hub, clock);
    const desk = new OrderDesk(terminal, record, clock, log, { silence: config.live.timeoutMs }, control, prices);
    desk.linkUp = apart === undefined;
    desk.linkMessage = apart?.why ?? "";
    desk.apartSince = apart?.valuation.time;
    await settleAtStart(desk);
    const account = new Account(desk, hub, history, ids, clock);
    return new StandingAccount(account, { store, history, hub }, terminal, ground);
  }

  private constructor(account: Account, parts: OwnParts, terminal: Terminal, ground: Ground) {
    this.account = account;
    this.#parts = parts;
    this.#terminal = terminal;
    this.#ground = ground;
  }

  get store(): JournalStore {
    return this.#parts.store;
  }

  /** From now on what the terminal tells is heard; `elsewhere` are copies of its prices. */
  run(changed: () => void, elsewhere?: Broadcast): void {
    const { account } = this;
    const { signal } = this.#life;
    this.#recovering = recover(account, changed, signal);
    this.#following = follow(account, changed, signal, elsewhere).catch((error: unknown) => {
      account.desk.linkUp = false;
      account.desk.apartSince ??= account.clock.now();
      account.desk.linkMessage = "the terminal's reports have ended";
      const { alias } = account.info;
      this.#ground.log.note("error", "terminal", "the terminal's reports can no longer be followed", { alias, error });
      changed();
    });
    void watchDoubts(account.desk, signal);
    account.deadMen.start();
  }

  async close(): Promise<void> {
    await this.#terminal.close();
    this.#life.abort();
    await this.#following;
    await this.#parts.history.close();
    await this.#parts.store.close();
    await this.#recovering;
  }
}
