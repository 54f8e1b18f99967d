/**
 * How the bridge and what it depends on are doing.
 *
 * Serving means: requests are answered and orders are taken. One account that cannot
 * trade makes the whole not serving, because a probe must notice.
 */
import type { Account } from "../accounts/account.ts";
import type { Instant } from "../model/ids.ts";
import { strictestOf, type TradingMode } from "../orders/trading-mode.ts";
import type { Clock } from "../ports/clock.ts";
import { type CourseEvent, type Ends, run } from "../streams/course.ts";
import type { Beat } from "../streams/heartbeat.ts";
import { EveryItem, Mailbox } from "../streams/mailbox.ts";
import type { StreamIds } from "../streams/stream-ids.ts";

export interface Health {
  readonly serving: boolean;
  /** Why not; empty when serving. */
  readonly message: string;
}

type HealthData = { readonly type: "snapshot" } | { readonly type: "health" };

/** Stands in a watcher's mailbox for "look again". */
interface Changed {
  readonly type: "changed";
}

export class HealthWatch {
  readonly #accounts: Account[] = [];
  readonly #awaited: () => string;
  readonly streams: StreamIds;
  readonly clock: Clock;
  readonly startedAt: Instant;
  draining = false;
  readonly #listeners = new Set<() => void>();

  /** `awaited`: what has to come before all accounts are served; empty: nothing has. */
  constructor(accounts: readonly Account[], streams: StreamIds, clock: Clock, awaited: () => string = () => "") {
    this.#awaited = awaited;
    this.streams = streams;
    this.clock = clock;
    this.startedAt = clock.now();
    for (const account of accounts) this.add(account);
  }

  /** In the order in which they came. */
  get accounts(): readonly Account[] {
    return this.#accounts;
  }

  add(account: Account): void {
    const { control } = account.desk;
    if (!this.#accounts.some(({ desk }) => desk.control === control)) control.watch(() => this.changed());
    account.record.outage.watch(() => this.changed());
    account.desk.draining = this.draining;
    this.#accounts.push(account);
    this.changed();
  }

  /** The strictest in force anywhere. */
  get tradingMode(): TradingMode {
    return strictestOf(this.accounts.map(({ desk }) => desk.control.modes.strictest));
  }

  get now(): Health {
    if (this.draining) return { serving: false, message: "the bridge is draining" };
    for (const account of this.accounts) {
      const { alias } = account.info;
      if (account.record.failure !== undefined)
        return { serving: false, message: `${alias}: ${account.record.outage.why}` };
      if (!account.desk.linkUp) return { serving: false, message: `${alias}: ${account.linkMessage}` };
    }
    const message = this.#awaited();
    return { serving: message === "", message };
  }

  get inFlight(): number {
    return this.accounts.reduce((sum, account) => sum + account.desk.inFlight, 0);
  }

  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Takes no new orders from now on. */
  drain(): void {
    this.draining = true;
    for (const account of this.accounts) account.desk.draining = true;
    this.changed();
  }

  async *stream(heartbeat: number, ends: Ends): AsyncGenerator<CourseEvent | HealthData, void> {
    const mailbox = new Mailbox<Changed | Beat>(new EveryItem(10));
    let told = false;
    const unwatch = this.watch(() => {
      if (!told) told = mailbox.post({ type: "changed" }); // one is enough: the newest is looked at when it is read
    });
    const cursor = { epoch: "", sequence: 0 };
    const course = {
      id: this.streams.next("health"),
      mailbox,
      heartbeat,
      after: undefined,
      reset: undefined,
      start: cursor,
      snapshot: { wanted: true, data: [{ type: "snapshot" } as const] },
      missed: [],
      news: () => {
        told = false;
        return [{ type: "health" } as const];
      },
      cursor: () => cursor,
      source: () => this.accounts[0]?.sourceState ?? ("terminal_offline" as const),
    };
    try {
      yield* run<Changed, HealthData>(course, this.clock, ends);
    } finally {
      unwatch();
    }
  }
}
