/**
 * Between a producer that never waits and the one reader that may.
 *
 * What a slow reader is still owed differs by what is streamed; that decision is the
 * backlog's. The mailbox only wakes the reader and knows the end.
 */
import { BridgeError } from "../errors.ts";

/** What a reader is still owed. `add` returns false when it can hold no more. */
export interface Backlog<T> {
  add(item: T): boolean;
  take(): T | undefined;
  readonly size: number;
}

/** For facts: all of them in order, or an end of the stream that says so. */
export class EveryItem<T> implements Backlog<T> {
  readonly #limit: number;
  readonly #weigh: (item: T) => number;
  #queue: T[] = [];
  #head = 0;
  #size = 0;

  /** Holds at most `limit`, by the weight of each item, but always one. */
  constructor(limit: number, weigh: (item: T) => number = one) {
    this.#limit = limit;
    this.#weigh = weigh;
  }

  get size(): number {
    return this.#size;
  }

  add(item: T): boolean {
    const weight = this.#weigh(item);
    if (this.#size > 0 && this.#size + weight > this.#limit) return false;
    this.#size += weight;
    this.#queue.push(item);
    return true;
  }

  take(): T | undefined {
    const item = this.#queue[this.#head];
    if (item === undefined) return undefined;
    this.#head += 1;
    this.#size -= this.#weigh(item);
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    } else if (this.#head === 1024) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}

const one = () => 1;

export class Mailbox<T> {
  readonly #backlog: Backlog<T>;
  #ready: (() => void) | undefined;
  #taken: (() => void)[] = [];
  #ended: { readonly error: BridgeError | undefined } | undefined;

  constructor(backlog: Backlog<T>) {
    this.#backlog = backlog;
  }

  /** How much waits to be read. */
  get size(): number {
    return this.#backlog.size;
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** Returns false once nothing more will be read: the producer should let go. */
  post(item: T): boolean {
    if (this.#ended !== undefined) return false;
    if (this.#backlog.add(item)) this.rouse();
    else this.end(new BridgeError("slow_consumer", "the reader fell too far behind"));
    return this.#ended === undefined;
  }

  /** No more will come. An error cuts the backlog off; without one it is still read to its end. */
  end(error?: BridgeError): void {
    this.#ended ??= { error };
    this.rouse();
    this.#release();
  }

  /** The next item; undefined: none now. Throws the error with which it was ended. */
  take(): T | undefined {
    if (this.#ended?.error !== undefined) throw this.#ended.error;
    const item = this.#backlog.take();
    if (item !== undefined) this.#release();
    return item;
  }

  /** For a reader that has found nothing: calls `ready` once, when it should look again. */
  whenReady(ready: () => void): void {
    this.#ready = ready;
    if (this.#ended !== undefined) this.rouse();
  }

  /**
   * The reader should look again. It does so behind the producer's turn: what is posted in one go is read in one go,
   * and what goes wrong with one reader is nobody else's affair.
   */
  rouse(): void {
    if (this.#ready === undefined) return;
    queueMicrotask(this.#ready);
    this.#ready = undefined;
  }

  /** Resolves when the backlog has fallen to `size`, or nothing more will be read. */
  async room(size: number): Promise<void> {
    while (this.#ended === undefined && this.#backlog.size > size) {
      await new Promise<void>((resolve) => this.#taken.push(resolve));
    }
  }

  #release(): void {
    if (this.#taken.length === 0) return;
    const waiting = this.#taken;
    this.#taken = [];
    for (const resolve of waiting) resolve();
  }
}
