/**
 * Events that are taken one after the other, without waiting, by whoever writes them.
 *
 * A tick's way to a subscriber leads through four layers. With a promise between each
 * two of them, a hundred subscribers would cost more in promises than in bytes. Here a
 * layer is a function call; a wait is only where there is nothing to take.
 */
export class Flow<T> implements AsyncIterableIterator<T> {
  /** Bytes that may lie between the flow and its reader before it waits. */
  readonly ahead: number;
  readonly #events: Iterator<T | undefined, unknown>;
  readonly #whenReady: (ready: () => void) => void;
  #ended = false;

  /** `events` yields undefined where there is nothing now; `whenReady` tells, once, when to look again. */
  constructor(
    events: Iterator<T | undefined, unknown>,
    whenReady: (ready: () => void) => void,
    ahead: number = 64 * 1024,
  ) {
    this.#events = events;
    this.#whenReady = whenReady;
    this.ahead = ahead;
  }

  /** Whether nothing more will come. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The next event; undefined: none now, or no more at all. Throws what the flow ends with. */
  take(): T | undefined {
    if (this.#ended) return undefined;
    try {
      const { value, done } = this.#events.next();
      if (done !== true) return value as T | undefined;
    } catch (error) {
      this.#ended = true;
      throw error;
    }
    this.#ended = true;
    return undefined;
  }

  /** Calls `ready` once, soon after there may be something to take where there was nothing. */
  whenReady(ready: () => void): void {
    this.#whenReady(ready);
  }

  /** The same flow, each event as `of` makes it. */
  map<U>(of: (event: T) => U): Flow<U> {
    const next = (): IteratorResult<U | undefined, void> => {
      const event = this.take();
      if (event !== undefined) return { done: false, value: of(event) };
      return this.#ended ? { done: true, value: undefined } : { done: false, value: undefined };
    };
    const finish = (): IteratorResult<U | undefined, void> => {
      this.close();
      return { done: true, value: undefined };
    };
    return new Flow({ next, return: finish }, this.#whenReady, this.ahead);
  }

  /** Its reader has left. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#events.return?.();
  }

  async next(): Promise<IteratorResult<T, void>> {
    for (;;) {
      const value = this.take();
      if (value !== undefined) return { done: false, value };
      if (this.#ended) return { done: true, value: undefined };
      await new Promise<void>((ready) => this.#whenReady(ready));
    }
  }

  async return(): Promise<IteratorResult<T, void>> {
    this.close();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
