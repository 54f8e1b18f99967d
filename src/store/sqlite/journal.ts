/**
 * The journal in a file: `journal.db` in a folder, written by a thread of its own.
 */
import type { Worker } from "node:worker_threads";
import {
  type Commit,
  DiskFailure,
  type DiskShelf,
  type JournalDisk,
  type LogState,
  type OpenDisk,
  type Page,
} from "../journal-disk.ts";
import type { Failing, JournalSettings, Reply, Request } from "./journal-messages.ts";
import { startThread } from "./thread.ts";

/** Each opening is a new thread. */
export const sqliteDisk = (settings: JournalSettings): JournalDisk => ({
  async open(lost) {
    const thread = startThread("journal-worker", settings);
    const opened = await new Promise<Opened>((resolve, reject) => {
      thread.once("message", (reply: Reply) => {
        if (reply.kind === "opened") resolve(reply);
        else reject(reply.kind === "refused" ? errorOf(reply) : new Error(`unexpected ${reply.kind}`));
      });
      thread.once("error", (error) => reject(new Error("its thread could not start", { cause: error })));
      thread.once("exit", () => reject(new Error("its thread ended")));
    });
    return new ThreadDisk(thread, opened, lost);
  },
});

type Opened = Extract<Reply, { kind: "opened" }>;

const errorOf = ({ trouble, why }: Failing): Error =>
  trouble === undefined ? new Error(why) : new DiskFailure(trouble, why);

interface Waiting<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** Each question finds its answer again: commits come back in order, all others by number. */
class ThreadDisk implements OpenDisk {
  readonly logs: readonly LogState[];
  readonly cuts: readonly string[];
  readonly #thread: Worker;
  readonly #asked = new Map<number, Waiting<never>>();
  readonly #gone: Promise<void>;
  #commit: Waiting<void> | undefined;
  #lastAsked = 0;
  #over: Error | undefined;

  constructor(thread: Worker, { logs, cuts }: Opened, lost: (why: unknown) => void) {
    this.logs = logs;
    this.cuts = cuts;
    this.#thread = thread;
    let crash: unknown;
    thread.on("message", (reply: Reply) => this.#take(reply));
    thread.on("error", (error) => {
      crash = error;
    });
    this.#gone = new Promise((resolve) => {
      thread.once("exit", () => {
        if (this.#over === undefined) {
          const why = new DiskFailure("writer_gone", "its thread ended", crash);
          this.#end(why);
          lost(why);
        }
        resolve();
      });
    });
  }

  commit(commit: Commit): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#over !== undefined) return reject(this.#over);
      this.#commit = { resolve, reject };
      this.#send({ kind: "commit", commit });
    });
  }

  read(log: number, first: number, last: number): Promise<Page> {
    return this.#ask((id) => ({ kind: "read", id, log, first, last }));
  }

  readonly shelf: DiskShelf = {
    get: (log, names) => this.#ask((id) => ({ kind: "get", id, log, names })),
    put: (log, texts, drop) => this.#ask((id) => ({ kind: "put", id, log, texts, drop })),
    names: (log) => this.#ask((id) => ({ kind: "names", id, log })),
  };

  #ask<T>(request: (id: number) => Request): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#over !== undefined) return reject(this.#over);
      const id = ++this.#lastAsked;
      this.#asked.set(id, { resolve, reject });
      this.#send(request(id));
    });
  }

  async close(): Promise<void> {
    if (this.#over === undefined) this.#send({ kind: "close" });
    this.#end(new DiskFailure("writer_gone", "it is closed"));
    await this.#gone;
  }

  #take(reply: Reply): void {
    if (reply.kind === "committed") this.#commit?.resolve();
    else if (reply.kind === "failed") this.#commit?.reject(errorOf(reply));
    else if (reply.kind === "answer" || reply.kind === "unreadable") {
      const asked = this.#asked.get(reply.id);
      this.#asked.delete(reply.id);
      if (reply.kind === "answer") asked?.resolve(reply.value as never);
      else asked?.reject(errorOf(reply));
    }
  }

  #end(why: Error): void {
    this.#over ??= why;
    this.#commit?.reject(why);
    for (const asked of this.#asked.values()) asked.reject(why);
    this.#asked.clear();
  }

  #send(request: Request): void {
    this.#thread.postMessage(request);
  }
}
