/**
 * Spans on their way to the collector, by a thread of their own.
 *
 * Always true:
 *   - Adding never waits. Spans that have not reached the collector are bounded, wherever they
 *     are; beyond that they are dropped and counted.
 *   - A collector that takes nothing is told of once in the log, and once that it does again.
 */
import type { Transferable } from "node:worker_threads";
import type { Observer } from "../core/ports/observer.ts";
import { type Reply, type Request, type SpanLimits, type SpanRecord, SpanWriter } from "./span-messages.ts";

/** What a `Worker` does for a queue. */
export interface SpanThread {
  postMessage(request: Request, transferred?: readonly Transferable[]): void;
  on(event: "message", listener: (reply: Reply) => void): unknown;
  on(event: "error", listener: (error: unknown) => void): unknown;
  on(event: "exit", listener: () => void): unknown;
}

export class SpanQueue {
  readonly #thread: SpanThread;
  readonly #limits: SpanLimits;
  readonly #observer: Observer;
  readonly #writer = new SpanWriter();
  readonly #ended = Promise.withResolvers<void>();
  #isOpen = true;
  #timer: NodeJS.Timeout | undefined;
  /** Spans that were added, and neither exported nor lost. */
  #waiting = 0;
  #failing = false;
  /** Spans that came too fast, or that the collector did not take. */
  dropped = 0;
  exported = 0;

  constructor(thread: SpanThread, limits: SpanLimits, observer: Observer) {
    this.#thread = thread;
    this.#limits = limits;
    this.#observer = observer;
    thread.on("message", (reply) => this.#take(reply));
    thread.on("error", (error) => observer.note("error", "tracing", "spans are not exported any more", { error }));
    thread.on("exit", () => this.#end());
  }

  add(span: SpanRecord): void {
    const { batch, queue, delayMs } = this.#limits;
    if (!this.#isOpen || this.#waiting >= queue) {
      this.dropped += 1;
      return;
    }
    this.#waiting += 1;
    this.#writer.add(span);
    if (this.#writer.spans >= batch) this.#post();
    else if (this.#timer === undefined) this.#timer = setTimeout(() => this.#post(), delayMs).unref();
  }

  /** Resolves when all that was added was sent, or could not be in time. */
  close(): Promise<void> {
    this.#post();
    this.#thread.postMessage("close");
    return this.#ended.promise;
  }

  #post(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#writer.spans === 0) return;
    const batch = this.#writer.take();
    this.#thread.postMessage(batch, [batch.numbers.buffer]);
  }

  #take(reply: Reply): void {
    if (reply.kind === "doubt") {
      this.#observer.note("warn", "tracing", reply.message);
      return;
    }
    const { spans, refused, error } = reply;
    this.#waiting -= spans;
    this.dropped += refused;
    this.exported += spans - refused;
    const failing = refused > 0;
    if (failing && !this.#failing) {
      this.#observer.note("warn", "tracing", "spans do not reach the collector", { error, refused });
    }
    if (!failing && this.#failing) {
      this.#observer.note("info", "tracing", "spans get through again", { dropped: this.dropped });
    }
    this.#failing = failing;
  }

  /** What the thread has taken with it is lost. */
  #end(): void {
    clearTimeout(this.#timer);
    this.#isOpen = false;
    this.dropped += this.#waiting;
    if (this.#waiting > 0) {
      this.#observer.note("warn", "tracing", "the last spans have not reached the collector", { spans: this.#waiting });
    }
    this.#waiting = 0;
    this.#ended.resolve();
  }
}
