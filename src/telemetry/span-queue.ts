/**
 * Spans on their way to the collector, by a thread of their own.
 *
 * Always true:
 *   - Adding never waits. Spans that have not reached the collector are bounded, wherever they
 *     are; beyond that they are dropped and counted.
 *   - A collector that takes nothing is told of once in the log, and once that it does again.
 */
import type { Observer } from "../core/ports/observer.ts";
import { type Field, pack, type Reply, type Request, type SpanRecord } from "./span-messages.ts";

/** Spans leave for the thread after so many milliseconds, … */
const POST_AFTER = 200;
/** … and at once when there are so many. */
const POST_SIZE = 512;

/** What a `Worker` does for a queue. */
export interface SpanThread {
  postMessage(request: Request): void;
  on(event: "message", listener: (reply: Reply) => void): unknown;
  on(event: "error", listener: (error: unknown) => void): unknown;
  on(event: "exit", listener: () => void): unknown;
}

export class SpanQueue {
  readonly #thread: SpanThread;
  readonly #limit: number;
  readonly #observer: Observer;
  readonly #ended = Promise.withResolvers<void>();
  #isOpen = true;
  #fields: Field[] = [];
  #count = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Added, and neither exported nor lost. */
  #waiting = 0;
  #failing = false;
  /** Spans that came too fast, or that the collector did not take. */
  dropped = 0;
  exported = 0;

  constructor(thread: SpanThread, limit: number, observer: Observer) {
    this.#thread = thread;
    this.#limit = limit;
    this.#observer = observer;
    thread.on("message", (reply) => this.#take(reply));
    thread.on("error", (error) => observer.note("error", "tracing", "spans are not exported any more", { error }));
    thread.on("exit", () => this.#end());
  }

  add(span: SpanRecord): void {
    if (!this.#isOpen || this.#waiting >= this.#limit) {
      this.dropped += 1;
      return;
    }
    this.#waiting += 1;
    this.#count += 1;
    pack(span, this.#fields);
    if (this.#count >= POST_SIZE) this.#post();
    else if (this.#timer === undefined) this.#timer = setTimeout(() => this.#post(), POST_AFTER).unref();
  }

  /** Resolves when all that was added was sent, or could not be. */
  close(): Promise<void> {
    this.#post();
    this.#thread.postMessage("close");
    return this.#ended.promise;
  }

  #post(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#count === 0) return;
    this.#thread.postMessage(this.#fields);
    this.#fields = [];
    this.#count = 0;
  }

  #take(reply: Reply): void {
    if (reply.kind === "doubt") {
      this.#observer.note("warn", "tracing", reply.message);
      return;
    }
    const { kind, spans, error } = reply;
    this.#waiting -= spans;
    if (kind === "exported") {
      this.exported += spans;
      if (this.#failing) this.#observer.note("info", "tracing", "spans get through again", { dropped: this.dropped });
    } else {
      this.dropped += spans;
      if (!this.#failing) this.#observer.note("warn", "tracing", "spans do not reach the collector", { error });
    }
    this.#failing = kind === "lost";
  }

  /** What the thread has taken with it is lost. */
  #end(): void {
    clearTimeout(this.#timer);
    this.#isOpen = false;
    this.dropped += this.#waiting;
    this.#waiting = 0;
    this.#ended.resolve();
  }
}
