/**
 * Spans on their way to the collector.
 *
 * Always true:
 *   - Adding never waits. Spans that have not reached the collector are bounded; beyond that
 *     they are dropped and counted.
 *   - One request is on its way at a time.
 *   - A collector that takes nothing is told of once in the log, and once that it does again.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Observer } from "../core/ports/observer.ts";
import type { Batch, SpanBytes, SpanRecord } from "./span-bytes.ts";

/** How long the last spans may take to leave: nobody waits longer for a collector that is not there. */
const LAST_MS = 2000;

/** Brings spans to the collector. Resolves with how many of them it did not want. */
export interface SpanExport {
  send(batch: Batch): Promise<number>;
  close(): void;
}

export interface SpanLimits {
  /** Spans leave after so many milliseconds, … */
  readonly delayMs: number;
  /** … and at once when there are so many. */
  readonly batch: number;
  /** The most that wait, wherever they are. */
  readonly queue: number;
}

export class SpanQueue {
  readonly #bytes: SpanBytes;
  readonly #exporter: SpanExport;
  readonly #limits: SpanLimits;
  readonly #observer: Observer;
  #timer: NodeJS.Timeout | undefined;
  /** Resolves when the batches have left that were full before. */
  #left = Promise.resolve();
  #failing = false;
  /** Spans that were added, and neither exported nor lost. */
  waiting = 0;
  /** Spans that came too fast, or that the collector did not take. */
  dropped = 0;
  exported = 0;

  constructor(bytes: SpanBytes, exporter: SpanExport, limits: SpanLimits, observer: Observer) {
    this.#bytes = bytes;
    this.#exporter = exporter;
    this.#limits = limits;
    this.#observer = observer;
  }

  add(span: SpanRecord): void {
    const { batch, queue, delayMs } = this.#limits;
    if (this.waiting >= queue) {
      this.dropped += 1;
      return;
    }
    this.waiting += 1;
    this.#bytes.add(span);
    if (this.#bytes.spans >= batch) this.#leave();
    else if (this.#timer === undefined) this.#timer = setTimeout(() => this.#leave(), delayMs).unref();
  }

  /** Resolves when all that was added was sent, or could not be in time. */
  async close(): Promise<void> {
    this.#leave();
    await Promise.race([this.#left, delay(LAST_MS, undefined, { ref: false })]);
    if (this.waiting > 0) {
      this.#observer.note("warn", "tracing", "the last spans have not reached the collector", { spans: this.waiting });
    }
    this.#exporter.close();
  }

  #leave(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#bytes.spans === 0) return;
    const batch = this.#bytes.take();
    this.#left = this.#left.then(() => this.#bring(batch));
  }

  async #bring(batch: Batch): Promise<void> {
    const { spans } = batch;
    let refused = spans;
    let failure: unknown;
    try {
      refused = await this.#exporter.send(batch);
      this.#bytes.reuse(batch);
    } catch (error) {
      failure = error;
    }
    this.waiting -= spans;
    this.dropped += refused;
    this.exported += spans - refused;
    const failing = refused > 0;
    if (failing && !this.#failing) {
      this.#observer.note("warn", "tracing", "spans do not reach the collector", { error: failure, refused });
    }
    if (!failing && this.#failing) {
      this.#observer.note("info", "tracing", "spans get through again", { dropped: this.dropped });
    }
    this.#failing = failing;
  }
}
