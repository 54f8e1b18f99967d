import type { Journal, JournalEntry } from "../src/core/ports/journal.ts";

/**
 * A journal that forgets with the process, and whose disk obeys the test: it can be
 * held (nothing becomes durable until it is released) and it can break.
 */
export class MemoryJournal<E> implements Journal<E> {
  readonly epoch: string;
  /** Everything appended. What is durable is a beginning of it. */
  readonly events: E[];
  #broken: Error | undefined;
  #held = false;
  #waiting: { resolve(): void; reject(error: Error): void }[] = [];
  #last: Promise<void> = Promise.resolve();

  constructor(events: readonly E[] = [], epoch = "memory") {
    this.events = [...events];
    this.epoch = epoch;
  }

  async *entries(): AsyncGenerator<JournalEntry<E>> {
    for (const [index, event] of this.events.entries()) yield { sequence: index + 1, event };
  }

  append(events: readonly E[]): { readonly sequence: number; readonly durable: Promise<void> } {
    if (this.#broken === undefined) this.events.push(...structuredClone(events));
    const durable = this.#sync();
    durable.catch(() => undefined);
    this.#last = durable;
    return { sequence: this.events.length, durable };
  }

  flushed(): Promise<void> {
    return this.#last;
  }

  hold(): void {
    this.#held = true;
  }

  release(): void {
    this.#held = false;
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  /** The disk is full, now and for ever. */
  break(): void {
    this.#broken = new Error("no space left on the disk");
    for (const { reject } of this.#waiting.splice(0)) reject(this.#broken);
  }

  #sync(): Promise<void> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    if (!this.#held) return this.#last.then(() => undefined);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }
}
