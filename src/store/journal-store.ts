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
 *   - After a failed commit nothing more is written: what is on disk ends before the
 *     first event that failed, or (a sync that reported failure late) shortly after it.
 */
import { BridgeError } from "../core/errors.ts";
import type { Appended, Journal } from "../core/ports/journal.ts";
import type { Commit, JournalDisk, LogState, OpenDisk, Page, Surroundings } from "./journal-disk.ts";
import { Log, type Writer } from "./journal-log.ts";

/** What may wait for the disk, the commit under way included. */
export const queueLimits = { events: 65_536, bytes: 64 * 2 ** 20 } as const;

export interface JournalCounts {
  /** Events that were taken in. */
  appended: number;
  commits: number;
  /** Events that are on disk. */
  committed: number;
  /** Appends that found the queue full, or the journal shut. */
  refused: number;
}

interface Waiter {
  resolve(): void;
  reject(error: BridgeError): void;
}

/** What is, or will be, one transaction. */
class Group {
  readonly created: LogState[] = [];
  readonly texts = new Map<number, { first: number; texts: string[] }>();
  readonly waiters: Waiter[] = [];
  events = 0;
  bytes = 0;
  /** When it was handed to the disk, by the machine's stopwatch; 0 until then. */
  began = 0;

  get empty(): boolean {
    return this.events === 0 && this.created.length === 0;
  }

  get commit(): Commit {
    const lines = [...this.texts].map(([log, { first, texts }]) => ({ log, first, text: texts.join("\n") }));
    return { created: this.created, lines };
  }
}

export class JournalStore implements Writer {
  /** What was written since it was opened, for whoever watches. */
  readonly counts: JournalCounts = { appended: 0, commits: 0, committed: 0, refused: 0 };
  /** Calls back after every commit, with its events and the milliseconds it took. */
  onCommit: (events: number, ms: number) => void = () => undefined;
  readonly #disk: OpenDisk;
  readonly #around: Surroundings;
  readonly #logs = new Map<string, Log<unknown>>();
  readonly #found: Map<string, LogState>;
  #queue = new Group();
  #underWay: Group | undefined;
  #scheduled = false;
  #nextLog: number;
  #closing: Promise<void> | undefined;
  #failure: BridgeError | undefined;

  static async open(disk: JournalDisk, around: Surroundings): Promise<JournalStore> {
    let early: unknown;
    let store: JournalStore | undefined;
    const lost = (why: unknown) => {
      if (store === undefined) early = why;
      else store.#fail(unavailable(messageOf(why), why));
    };
    try {
      const open = await disk.open(lost);
      if (early !== undefined) throw early;
      for (const cut of open.cuts) around.observer.note("warn", "journal", "cut off the journal's end", { cut });
      store = new JournalStore(open, around);
      return store;
    } catch (error) {
      throw unavailable(messageOf(error), error);
    }
  }

  private constructor(disk: OpenDisk, around: Surroundings) {
    this.#disk = disk;
    this.#around = around;
    this.#found = new Map(disk.logs.map((log) => [log.name, log]));
    this.#nextLog = 1 + Math.max(0, ...disk.logs.map((log) => log.id));
  }

  /** Why nothing can be appended any more; undefined while all is well. */
  get failure(): BridgeError | undefined {
    return this.#failure;
  }

  /** The log of that name, made when there is none. */
  journal<E>(name: string): Journal<E> {
    let log = this.#logs.get(name);
    if (log === undefined) {
      const found = this.#found.get(name);
      log = new Log(this, found ?? this.#create(name));
      this.#logs.set(name, log);
    }
    return log as Journal<unknown> as Journal<E>;
  }

  /** The epoch counts from now on; it is on disk before the log's first event is. */
  #create(name: string): LogState {
    const log = { id: this.#nextLog++, name, epoch: this.#around.newEpoch(), last: 0 };
    this.#queue.created.push(log);
    this.#schedule();
    return log;
  }

  write(log: number, first: number, count: number, text: string): Omit<Appended, "sequence"> {
    if (this.#closing !== undefined || this.#failure !== undefined) return this.#refuse();
    const bytes = Buffer.byteLength(text);
    this.#checkRoom(count, bytes);
    const group = this.#queue;
    group.events += count;
    group.bytes += bytes;
    const lines = group.texts.get(log);
    if (lines === undefined) group.texts.set(log, { first, texts: [text] });
    else lines.texts.push(text);
    this.counts.appended += count;
    this.#schedule();
    return { durable: joined(group), commit: group };
  }

  #refuse(): Omit<Appended, "sequence"> {
    this.counts.refused += 1;
    return { durable: this.#refused() };
  }

  flushed(): Promise<void> {
    if (this.#failure !== undefined) return this.#refused();
    if (!this.#queue.empty) return joined(this.#queue);
    return this.#underWay === undefined ? Promise.resolve() : joined(this.#underWay);
  }

  async read(log: number, first: number, last: number): Promise<Page> {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#disk.read(log, first, last);
  }

  /** Writes what is queued, then lets go of the disk. */
  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    await this.flushed().catch(() => {}); // whoever appended was told
    await this.#disk.close();
    this.#fail(unavailable("it is closed"));
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
    const refusal = Promise.reject(this.#failure ?? unavailable("it is closed"));
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
      const why = `it could not be written (${messageOf(error)}); nothing more is until it is opened anew`;
      return this.#fail(unavailable(why, error));
    }
    this.#underWay = undefined;
    this.#count(group);
    // Whoever waited goes on first: what it appends next joins the commit after this one.
    for (const waiter of group.waiters) waiter.resolve();
    if (!this.#queue.empty) this.#schedule();
  }

  #count({ events, began }: Group): void {
    this.counts.commits += 1;
    this.counts.committed += events;
    this.onCommit(events, this.#around.stopwatch() - began);
  }

  #fail(failure: BridgeError): void {
    this.#failure ??= failure;
    const lost = [...(this.#underWay?.waiters ?? []), ...this.#queue.waiters];
    this.#underWay = undefined;
    this.#queue = new Group();
    for (const waiter of lost) waiter.reject(this.#failure);
  }
}

const unavailable = (why: string, cause?: unknown): BridgeError =>
  new BridgeError("journal_unavailable", `the journal cannot be used: ${why}`, { cause });

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Settles with the group. That nobody waits for it must not end the process. */
function joined(group: Group): Promise<void> {
  const settled = new Promise<void>((resolve, reject) => group.waiters.push({ resolve, reject }));
  settled.catch(() => {});
  return settled;
}
