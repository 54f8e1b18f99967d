/**
 * The journal on one disk: `journal.db` in a folder, holding any number of named logs.
 *
 * An append is encoded at once, queued, and handed to a thread that writes it; the
 * event loop never waits for the disk. While one commit is under way all further
 * appends gather, of every log, and go together in the next: one sync for many.
 *
 * Always true:
 *   - Appends become durable in the order in which they were made, across all logs.
 *   - The queue is bounded. An append that finds it full is refused by an exception,
 *     takes no number, and leaves the journal open.
 *   - After a failed commit nothing more is written: what is on disk ends before the
 *     first event that failed, or (a sync that reported failure late) shortly after it.
 */
import { randomUUID } from "node:crypto";
import type { Worker } from "node:worker_threads";
import { BridgeError } from "../../core/errors.ts";
import type { Appended, Journal } from "../../core/ports/journal.ts";
import { Log, type Writer } from "./journal-log.ts";
import type { JournalSettings, LogState, Reply, Request } from "./journal-messages.ts";
import { startThread } from "./thread.ts";

/** What may wait for the disk, the commit under way included. */
export const queueLimits = { events: 65_536, bytes: 64 * 2 ** 20 } as const;

export interface JournalStore {
  /** The log of that name, made when there is none. */
  journal<E>(name: string): Journal<E>;
  /** Why nothing can be appended any more; undefined while all is well. */
  readonly failure: BridgeError | undefined;
  /** What was written since it was opened, for whoever watches. */
  readonly counts: Readonly<JournalCounts>;
  /** Calls back after every commit, with its events and the milliseconds it took. */
  onCommit: (events: number, ms: number) => void;
  /** Writes what is queued, then lets go of the file. */
  close(): Promise<void>;
}

export interface JournalCounts {
  /** Events that were taken in. */
  appended: number;
  commits: number;
  /** Events that are on disk. */
  committed: number;
  /** Appends that found the queue full, or the journal shut. */
  refused: number;
}

export async function openJournalStore(settings: JournalSettings): Promise<JournalStore> {
  const thread = startThread("journal-worker", settings);
  const logs = await new Promise<readonly LogState[]>((resolve, reject) => {
    thread.once("message", (reply: Reply) => {
      if (reply.kind === "opened") resolve(reply.logs);
      else reject(unavailable(reply.kind === "refused" ? reply.why : `unexpected ${reply.kind}`));
    });
    thread.once("error", (error) => reject(unavailable("its thread could not start", error)));
    thread.once("exit", () => reject(unavailable("its thread ended")));
  });
  return new SqliteJournalStore(thread, logs);
}

const unavailable = (why: string, cause?: unknown): BridgeError =>
  new BridgeError("journal_unavailable", `the journal cannot be used: ${why}`, { cause });

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
  /** When it was handed to the thread, by the machine's stopwatch; 0 until then. */
  began = 0;

  get empty(): boolean {
    return this.events === 0 && this.created.length === 0;
  }

  request(): Request {
    const lines = [...this.texts].map(([log, { first, texts }]) => ({ log, first, text: texts.join("\n") }));
    return { kind: "commit", created: this.created, lines };
  }
}

class SqliteJournalStore implements JournalStore, Writer {
  readonly counts: JournalCounts = { appended: 0, commits: 0, committed: 0, refused: 0 };
  onCommit: JournalStore["onCommit"] = () => undefined;
  readonly #thread: Worker;
  readonly #logs = new Map<string, Log<unknown>>();
  readonly #found: Map<string, LogState>;
  readonly #reads = new Map<number, (reply: Reply | BridgeError) => void>();
  readonly #gone: Promise<void>;
  #queue = new Group();
  #underWay: Group | undefined;
  #scheduled = false;
  #lastRead = 0;
  #nextLog: number;
  #closing: Promise<void> | undefined;
  #failure: BridgeError | undefined;

  constructor(thread: Worker, found: readonly LogState[]) {
    this.#thread = thread;
    this.#found = new Map(found.map((log) => [log.name, log]));
    this.#nextLog = 1 + Math.max(0, ...found.map((log) => log.id));
    let crash: unknown;
    thread.on("message", (reply: Reply) => this.#take(reply));
    thread.on("error", (error) => {
      crash = error;
    });
    this.#gone = new Promise((resolve) => {
      thread.once("exit", () => {
        this.#fail(unavailable(this.#closing === undefined ? "its thread ended" : "it is closed", crash));
        resolve();
      });
    });
  }

  get failure(): BridgeError | undefined {
    return this.#failure;
  }

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
    const log = { id: this.#nextLog++, name, epoch: randomUUID(), last: 0 };
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

  read(log: number, first: number, last: number): Promise<{ text: string; count: number }> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const id = ++this.#lastRead;
      this.#reads.set(id, (reply) => {
        if (reply instanceof BridgeError) reject(reply);
        else if (reply.kind === "page") resolve(reply);
        else reject(new BridgeError("journal_unavailable", reply.kind === "damaged" ? reply.why : reply.kind));
      });
      this.#send({ kind: "read", id, log, first, last });
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    await this.flushed().catch(() => {}); // whoever appended was told
    this.#send({ kind: "close" });
    await this.#gone;
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
    setImmediate(() => {
      this.#scheduled = false;
      this.#commit();
    });
  }

  #commit(): void {
    if (this.#underWay !== undefined || this.#queue.empty || this.#failure !== undefined) return;
    this.#underWay = this.#queue;
    this.#queue = new Group();
    this.#underWay.began = performance.now();
    this.#send(this.#underWay.request());
  }

  #take(reply: Reply): void {
    if (reply.kind === "committed") {
      const done = this.#underWay;
      this.#underWay = undefined;
      // Whoever waited goes on first: what it appends next joins the commit after this one.
      if (done !== undefined) this.#count(done);
      for (const waiter of done?.waiters ?? []) waiter.resolve();
      if (!this.#queue.empty) this.#schedule();
    } else if (reply.kind === "failed") {
      this.#fail(unavailable(`it could not be written (${reply.why}); nothing more is until it is opened anew`));
    } else if (reply.kind === "page" || reply.kind === "damaged") {
      const read = this.#reads.get(reply.id);
      this.#reads.delete(reply.id);
      read?.(reply);
    }
  }

  #count({ events, began }: Group): void {
    this.counts.commits += 1;
    this.counts.committed += events;
    this.onCommit(events, performance.now() - began);
  }

  #fail(failure: BridgeError): void {
    this.#failure ??= failure;
    const lost = [...(this.#underWay?.waiters ?? []), ...this.#queue.waiters];
    this.#underWay = undefined;
    this.#queue = new Group();
    for (const waiter of lost) waiter.reject(this.#failure);
    for (const read of this.#reads.values()) read(this.#failure);
    this.#reads.clear();
  }

  #send(request: Request): void {
    this.#thread.postMessage(request);
  }
}

/** Settles with the group. That nobody waits for it must not end the process. */
function joined(group: Group): Promise<void> {
  const settled = new Promise<void>((resolve, reject) => group.waiters.push({ resolve, reject }));
  settled.catch(() => {});
  return settled;
}
