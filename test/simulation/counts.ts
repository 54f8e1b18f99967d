/** How often each thing has really happened. */
export class Counts {
  readonly #counts = new Map<string, number>();

  add(what: string, times = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
  }

  of(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  addAll(others: Iterable<readonly [string, number]>): void {
    for (const [what, times] of others) this.add(what, times);
  }

  [Symbol.iterator](): IterableIterator<[string, number]> {
    return this.#counts[Symbol.iterator]();
  }
}
