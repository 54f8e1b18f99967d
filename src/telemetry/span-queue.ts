/**
 * Spans on their way to the collector.
 *
 * Always true:
 *   - Adding never waits. What waits for the collector is bounded; beyond that, spans are
 *     dropped and counted, and the log says so once until the next ones get through.
 *   - One request is under way at a time, and none is made for nothing.
 */
import type { Observer } from "../core/ports/observer.ts";
import type { Attributes } from "../core/ports/witness.ts";
import { SpanBytes, type SpanRecord } from "./span-bytes.ts";

/** In the words of the OTEL_BSP_* variables. */
export interface QueueLimits {
  /** A batch leaves at the latest after so many milliseconds, … */
  readonly scheduleDelay: number;
  /** … and at once when it has so many spans. */
  readonly maxExportBatchSize: number;
  /** Spans that may wait, the batch under way included. */
  readonly maxQueueSize: number;
}

/** Brings a request to the collector; throws when it could not. */
export type Send = (request: Buffer) => Promise<void>;

export interface Origin {
  readonly resource: Attributes;
  /** Who made the spans, and in which version. */
  readonly scope: string;
  readonly version: string;
}

export class SpanQueue {
  readonly #send: Send;
  readonly #origin: Origin;
  readonly #limits: QueueLimits;
  readonly #observer: Observer;
  #full: SpanBytes[] = [];
  #filling = new SpanBytes();
  /** Sent, and to be filled again. */
  #spare: SpanBytes | undefined;
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #failing = false;
  /** Spans that came too fast, or that the collector did not take. */
  dropped = 0;
  exported = 0;

  constructor(send: Send, origin: Origin, limits: QueueLimits, observer: Observer) {
    this.#send = send;
    this.#origin = origin;
    this.#limits = limits;
    this.#observer = observer;
  }

  add(record: SpanRecord): void {
    if (this.#waiting >= this.#limits.maxQueueSize) {
      this.dropped += 1;
      return;
    }
    this.#waiting += 1;
    this.#filling.add(record);
    if (this.#filling.count >= this.#limits.maxExportBatchSize) {
      this.#seal();
      this.#start();
    } else if (this.#timer === undefined && this.#sending === undefined) this.#schedule();
  }

  /** Resolves when all that was added so far was sent, or could not be. */
  async flush(): Promise<void> {
    this.#seal();
    this.#start();
    while (this.#sending !== undefined) await this.#sending;
  }

  #seal(): void {
    if (this.#filling.count === 0) return;
    this.#full.push(this.#filling);
    this.#filling = this.#spare ?? new SpanBytes();
    this.#spare = undefined;
  }

  #schedule(): void {
    this.#timer = setTimeout(() => {
      this.#seal();
      this.#start();
    }, this.#limits.scheduleDelay);
    this.#timer.unref();
  }

  #start(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#sending !== undefined || this.#full.length === 0) return;
    this.#sending = this.#sendAll().finally(() => {
      this.#sending = undefined;
      if (this.#full.length > 0) this.#start();
      else if (this.#filling.count > 0) this.#schedule();
    });
  }

  async #sendAll(): Promise<void> {
    for (let batch = this.#full.shift(); batch !== undefined; batch = this.#full.shift()) {
      const { count } = batch;
      const { resource, scope, version } = this.#origin;
      try {
        await this.#send(batch.request(resource, scope, version));
        this.exported += count;
        if (this.#failing) this.#observer.note("info", "tracing", "spans get through again", { dropped: this.dropped });
        this.#failing = false;
      } catch (error) {
        this.dropped += count;
        if (!this.#failing) this.#observer.note("warn", "tracing", "spans do not reach the collector", { error });
        this.#failing = true;
      }
      this.#waiting -= count;
      batch.clear();
      this.#spare = batch;
    }
  }
}
