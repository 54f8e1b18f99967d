/**
 * How the bridge and what it depends on are doing.
 *
 * Serving means: requests are answered and orders are taken. One account that cannot
 * trade makes the whole not serving, because a probe must notice.
 */
import type { Account } from "../accounts/account.ts";
import type { Instant } from "../model/ids.ts";
import type { Clock } from "../ports/clock.ts";
import { type CourseEvent, run } from "../streams/course.ts";
import type { Beat } from "../streams/heartbeat.ts";
import { everyItem, Mailbox } from "../streams/mailbox.ts";
import type { OpenStreams } from "../streams/open-streams.ts";

export interface Health {
  readonly serving: boolean;
  /** Why not; empty when serving. */
  readonly message: string;
}

/** Stands in a watcher's mailbox for "look again". */
interface Changed {
  readonly type: "changed";
}

export class HealthWatch {
  readonly accounts: readonly Account[];
  readonly streams: OpenStreams;
  readonly clock: Clock;
  readonly startedAt: Instant;
  draining = false;
  readonly #listeners = new Set<() => void>();

  constructor(accounts: readonly Account[], streams: OpenStreams, clock: Clock) {
    this.accounts = accounts;
    this.streams = streams;
    this.clock = clock;
    this.startedAt = clock.now();
  }

  get now(): Health {
    if (this.draining) return { serving: false, message: "the bridge is draining" };
    for (const account of this.accounts) {
      const { alias } = account.info;
      if (account.record.failure !== undefined) return { serving: false, message: `the journal of ${alias} is shut` };
      if (!account.desk.linkUp) return { serving: false, message: `${alias}: ${account.linkMessage}` };
    }
    return { serving: true, message: "" };
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

  /** Takes no new orders from now on and ends the streams. Returns how many there were. */
  drain(): number {
    this.draining = true;
    for (const account of this.accounts) account.desk.draining = true;
    this.changed();
    return this.streams.close();
  }

  async *stream(
    heartbeat: number,
    signal: AbortSignal,
  ): AsyncGenerator<CourseEvent | { type: "snapshot" | "health" }, void> {
    const mailbox = new Mailbox<Changed | Beat>(everyItem(1000));
    const unwatch = this.watch(() => mailbox.post({ type: "changed" }));
    const cursor = { epoch: "", sequence: 0 };
    const course = {
      id: this.streams.nextId("health"),
      mailbox,
      heartbeat,
      after: undefined,
      reset: undefined,
      start: cursor,
      snapshot: { wanted: true, data: [{ type: "snapshot" } as const] },
      missed: [],
      news: () => [{ type: "health" } as const],
      cursor: () => cursor,
      source: () => this.accounts[0]?.sourceState ?? ("terminal_offline" as const),
    };
    try {
      yield* run<Changed, { type: "snapshot" | "health" }>(course, this.streams, this.clock, signal);
    } finally {
      unwatch();
    }
  }
}
