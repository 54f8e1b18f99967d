/**
 * The journal over one disk: any number of named logs that share its syncs.
 *
 * An append is encoded at once, queued, and handed to the disk; the event loop never
 * waits for it. While one commit is under way all further appends gather, of every log,
 * and go together in the next: one sync for many.
 *
 * Always true:
 *   - Appends become durable in the order in which they were made, across all logs.
 *   - The queue is bounded. An append that finds it full is refused by an exception,
 *     takes no number, and leaves the journal open.
 *   - After a failed commit the journal is shut and lets go of the disk: what is there
 *     ends before the first event that failed, or (a sync that reported failure late)
 *     shortly after it. The disk is tried again and again, ever more seldom, and what
 *     was found there is the truth. Each log stays shut until its owner has looked at it.
 */
import { BridgeError } from "../core/errors.ts";
import type { Appended, Journal } from "../core/ports/journal.ts";
import {
  DiskFailure,
  type DiskShelf,
  type JournalDisk,
  type LogState,
  Loss,
  type OpenDisk,
  type Page,
  type Surroundings,
} from "./journal-disk.ts";
import { Group } from "./journal-group.ts";
import { type Hold, Log, type Writer } from "./journal-log.ts";

/** What may wait for the disk, the commit under way included. */
export const queueLimits = { events: 65_536, bytes: 64 * 2 ** 20 } as const;

/** Milliseconds before the disk is tried again: twice as many each time, until a commit has succeeded. */
export const pauses = { first: 1000, longest: 30_000 } as const;

export interface JournalCounts {
  /** Events that were taken in. */
  appended: number;
  commits: number;
  /** Events that are on disk. */
  committed: number;
  /** Appends that found the queue full, or the journal shut. */
  refused: number;
}

export class JournalStore implements Writer {
  /** What was written since it was opened, for whoever watches. */
  readonly counts: JournalCounts = { appended: 0, commits: 0, committed: 0, refused: 0 };
  /** Calls back after every commit, with its events and the milliseconds it took. */
  onCommit: (events: number, ms: number) => void = () => undefined;
  readonly #place: JournalDisk;
  readonly #around: Surroundings;
  readonly #logs = new Map<string, Log<unknown>>();
  readonly #life = new AbortController();
  #disk: OpenDisk;
  /** Counts how often the disk was opened. */
  #opening = 1;
  #queue = new Group();
  #underWay: Group | undefined;
  #scheduled = false;
  #lastLog: number;
  #failure: BridgeError | undefined;
  #reopening: Promise<void> = Promise.resolve();
  #pause: number = pauses.first;
  #closing: Promise<void> | undefined;

  static async open(place: JournalDisk, around: Surroundings): Promise<JournalStore> {
    const watch = new Loss();
    try {
      const disk = await place.open((why) => watch.happened(why));
      const store = new JournalStore(place, disk, around);
      watch.tell((why) => store.#fail(why));
      return store;
    } catch (error) {
      throw unavailable("cannot be used", error);
    }
  }

  private constructor(place: JournalDisk, disk: OpenDisk, around: Surroundings) {
    this.#place = place;
    this.#disk = disk;
    this.#around = around;
    this.#lastLog = Math.max(0, ...disk.logs.map((log) => log.id));
    this.#noteCuts();
  }

  /** Why nothing can be appended; undefined while all is well. */
  get failure(): BridgeError | undefined {
    return this.#failure;
  }

  get opening(): number {
    return this.#opening;
  }

  /** The log of that name, made when there is none. */
  journal<E>(name: string): Journal<E> {
    let log = this.#logs.get(name);
    if (log === undefined) {
      log = new Log(this, this.#stateOf(name) ?? this.#create(name));
      this.#logs.set(name, log);
    }
    return log as Journal<unknown> as Journal<E>;
  }

  async reopened(): Promise<void> {
    await this.#reopening;
    if (this.#closing !== undefined) throw this.#failure ?? closed();
  }

  found({ name, id, epoch }: Omit<LogState, "last">): LogState {
    return this.#stateOf(name) ?? this.#create(name, { id, epoch });
  }

  #stateOf(name: string): LogState | undefined {
    return this.#disk.logs.find((log) => log.name === name);
  }

  /** The epoch counts from now on; it is on disk before the log's first event is. */
  #create(name: string, known = { id: ++this.#lastLog, epoch: this.#around.newEpoch() }): LogState {
    const log = { ...known, name, last: 0 };
    const { created } = this.#queue;
    if (!created.some(({ id }) => id === log.id)) created.push(log);
    this.#schedule();
    return log;
  }

  write({ id, opening }: Hold, first: number, count: number, text: string): Omit<Appended, "sequence"> {
    if (this.#isShut(opening)) {
      this.counts.refused += 1;
      return { durable: this.#refused() };
    }
    const bytes = Buffer.byteLength(text);
    this.#checkRoom(count, bytes);
    const group = this.#queue;
    group.add(id, first, count, text, bytes);
    this.counts.appended += count;
    this.#schedule();
    return { durable: group.settled.promise, commit: group };
  }

  flushed({ opening }: Hold): Promise<void> {
    return this.#isShut(opening) && this.#closing === undefined ? this.#refused() : this.#settled();
  }

  async read({ id, opening }: Hold, first: number, last: number): Promise<Page> {
    if (this.#failure !== undefined || opening !== this.#opening) throw this.#failure ?? reread();
    return this.#disk.read(id, first, last);
  }

  shelfOf({ opening }: Hold): DiskShelf | undefined {
    if (this.#isShut(opening)) throw this.#failure ?? reread();
    return this.#disk.shelf;
  }

  /** Writes what is queued, then lets go of the disk. */
  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    await this.#settled().catch(() => {}); // whoever appended was told
    this.#life.abort();
    await this.#reopening;
    await this.#disk.close();
    this.#failure ??= closed();
  }

  #settled(): Promise<void> {
    if (this.#failure !== undefined) return this.#refused();
    if (!this.#queue.empty) return this.#queue.settled.promise;
    return this.#underWay?.settled.promise ?? Promise.resolve();
  }

  #isShut(opening: number): boolean {
    return this.#closing !== undefined || this.#failure !== undefined || opening !== this.#opening;
  }

  #checkRoom(events: number, bytes: number): void {
    const waiting = (this.#underWay?.events ?? 0) + this.#queue.events;
    const held = (this.#underWay?.bytes ?? 0) + this.#queue.bytes;
    if (waiting + events <= queueLimits.events && held + bytes <= queueLimits.bytes) return;
    this.counts.refused += 1;
    throw new BridgeError(
      "journal_unavailable",
      `the journal's queue is full: ${waiting} events of ${held} bytes wait for the disk (at most ${queueLimits.events} events of ${queueLimits.bytes} bytes may)`,
      { metadata: { quota: "journal_queue" }, retryAfterMs: 100 },
    );
  }

  #refused(): Promise<void> {
    const refusal = Promise.reject(this.#failure ?? (this.#closing === undefined ? reread() : closed()));
    refusal.catch(() => {});
    return refusal;
  }

  /** At the end of this turn of the event loop, so that what is appended within it goes together. */
  #schedule(): void {
    if (this.#scheduled || this.#underWay !== undefined) return;
    this.#scheduled = true;
    void this.#around.clock.sleep(0).then(() => {
      this.#scheduled = false;
      return this.#commit();
    });
  }

  async #commit(): Promise<void> {
    if (this.#underWay !== undefined || this.#queue.empty || this.#failure !== undefined) return;
    const group = this.#queue;
    this.#underWay = group;
    this.#queue = new Group();
    group.began = this.#around.stopwatch();
    try {
      await this.#disk.commit(group.commit);
    } catch (error) {
      if (this.#underWay === group) this.#fail(error);
      return;
    }
    if (this.#underWay !== group) return; // given up when the disk was lost
    this.#underWay = undefined;
    this.#pause = pauses.first;
    this.#count(group);
    // Whoever waited goes on first: what it appends next joins the commit after this one.
    group.settled.resolve();
    if (!this.#queue.empty) this.#schedule();
  }

  #count({ events, began }: Group): void {
    this.counts.commits += 1;
    this.counts.committed += events;
    this.onCommit(events, this.#around.stopwatch() - began);
  }

  #fail(why: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = unavailable("cannot be written", why);
    this.#around.observer.note("error", "journal", this.#failure.message, { error: why });
    const lost = [this.#underWay, this.#queue];
    this.#underWay = undefined;
    this.#queue = new Group();
    this.#reopening = this.#reopen();
    for (const group of lost) group?.settled.reject(this.#failure);
    for (const log of this.#logs.values()) log.failed(this.#failure);
  }

  /** Never throws; ends without a disk only when the journal is being closed. */
  async #reopen(): Promise<void> {
    const { clock, observer } = this.#around;
    const { signal } = this.#life;
    await this.#disk.close().catch(() => undefined); // it is of no use any more
    while (!signal.aborted) {
      await clock.sleep(this.#pause, signal);
      if (signal.aborted) return;
      this.#pause = Math.min(2 * this.#pause, pauses.longest);
      const watch = new Loss();
      try {
        this.#disk = await this.#place.open((why) => watch.happened(why));
        watch.tell((why) => this.#fail(why));
      } catch (error) {
        this.#failure = unavailable("cannot be written", error);
        observer.note("warn", "journal", `${this.#failure.message}; tried again later`, { retryMs: this.#pause });
        continue;
      }
      this.#opening += 1;
      this.#failure = undefined;
      this.#noteCuts();
      observer.note("info", "journal", "the journal can be written again");
      return;
    }
  }

  #noteCuts(): void {
    for (const cut of this.#disk.cuts) {
      this.#around.observer.note("warn", "journal", "cut off the journal's end", { cut });
    }
  }
}

function unavailable(what: string, cause: unknown): BridgeError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const metadata = cause instanceof DiskFailure ? { journal: cause.trouble } : {};
  return new BridgeError("journal_unavailable", `the journal ${what}: ${why}`, {
    cause,
    metadata,
    retryAfterMs: pauses.first,
  });
}

const closed = (): BridgeError => unavailable("cannot be used", "it is closed");
const reread = (): BridgeError => unavailable("cannot be used", "it is being read anew after a failure");
