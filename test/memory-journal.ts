import type { Journal, JournalEntry, Shelf } from "../src/core/ports/journal.ts";

/**
 * A journal that forgets with the process, and whose disk obeys the test: it can be
 * held (nothing becomes durable until it is released), it can break, and be mended.
 */
export class MemoryJournal<E> implements Journal<E> {
  readonly epoch: string;
  shelf?: Shelf;
  /** Everything appended. What is durable is a beginning of it. */
  readonly events: E[];
  #broken: Error | undefined;
  /** What the next appends throw, one each. */
  readonly refusals: Error[] = [];
  #held = false;
  /** How many events are durable. */
  #durable: number;
  readonly #told: ((why: unknown) => void)[] = [];
  #mended = Promise.withResolvers<void>();
  #waiting: { readonly end: number; resolve(): void; reject(error: Error): void }[] = [];
  #last: Promise<void> = Promise.resolve();

  constructor(events: readonly E[] = [], epoch = "memory") {
    this.events = [...events];
    this.epoch = epoch;
    this.#durable = this.events.length;
  }

  /** As another process finds it, with these events and what is on the shelf. */
  copy(events: readonly E[]): MemoryJournal<E> {
    const copy = new MemoryJournal(events, this.epoch);
    if (this.shelf instanceof MemoryShelf) copy.shelf = this.shelf.copy();
    return copy;
  }

  async *pages(after = 0): AsyncGenerator<JournalEntry<E>[]> {
    for (const [index, event] of this.events.entries()) if (index >= after) yield [{ sequence: index + 1, event }];
  }

  append(events: readonly E[]): { readonly sequence: number; readonly durable: Promise<void> } {
    const refusal = this.refusals.shift();
    if (refusal !== undefined) throw refusal;
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

  /** The first of the writes that were held become durable, or all. Others are held on. */
  release(writes = this.#waiting.length): void {
    for (const { end, resolve } of this.#waiting.splice(0, writes)) {
      this.#durable = end;
      resolve();
    }
    this.#held = this.#waiting.length > 0;
  }

  /** The disk is full until it is mended. What was held is lost, but for the first `kept` events of it: their sync failed late. */
  break(kept = 0): void {
    this.#broken = new Error("no space left on the disk");
    this.events.length = Math.min(this.events.length, this.#durable + kept);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#broken);
    for (const told of this.#told) told(this.#broken);
  }

  onFailure(failed: (why: unknown) => void): void {
    this.#told.push(failed);
  }

  /** There is room again. Appends are refused until the journal is taken up anew. */
  mend(): void {
    this.#mended.resolve();
  }

  async reopened(): Promise<void> {
    if (this.#broken === undefined) return;
    await this.#mended.promise;
    this.#mended = Promise.withResolvers();
    this.#broken = undefined;
    this.#held = false;
    this.#durable = this.events.length;
    this.#last = Promise.resolve();
  }

  #sync(): Promise<void> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    if (!this.#held) {
      this.#durable = this.events.length;
      return this.#last.then(() => undefined);
    }
    const end = this.events.length;
    return new Promise((resolve, reject) => this.#waiting.push({ end, resolve, reject }));
  }
}

/** Keeps values with the process, and counts what is put. */
export class MemoryShelf implements Shelf {
  readonly values = new Map<string, unknown>();
  readonly puts: string[] = [];
  /** How many puts succeed before one fails. */
  good = Number.POSITIVE_INFINITY;

  /** As it is now: what is done to this one later is not done to that. */
  copy(): MemoryShelf {
    const copy = new MemoryShelf();
    for (const [name, value] of this.values) copy.values.set(name, value);
    return copy;
  }

  async get(names: readonly string[]): Promise<readonly unknown[]> {
    return names.map((name) => structuredClone(this.values.get(name)));
  }

  async put(values: readonly (readonly [string, unknown])[], drop: readonly string[]): Promise<void> {
    if (this.good-- <= 0) throw new Error("no space left on the disk");
    for (const [name, value] of values) {
      this.puts.push(name);
      this.values.set(name, structuredClone(value));
    }
    for (const name of drop) this.values.delete(name);
  }

  async names(): Promise<readonly string[]> {
    return [...this.values.keys()];
  }
}
