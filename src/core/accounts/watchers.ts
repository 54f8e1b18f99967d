/** Who waits for news of a name. */
export class Watchers {
  readonly #byName = new Map<string, Set<() => void>>();

  /** Calls back whenever there is news, until the returned function is called. */
  watch(name: string, callback: () => void): () => void {
    const watchers = this.#byName.get(name) ?? new Set();
    this.#byName.set(name, watchers.add(callback));
    return () => {
      watchers.delete(callback);
      if (watchers.size === 0 && this.#byName.get(name) === watchers) this.#byName.delete(name);
    };
  }

  tell(name: string): void {
    for (const callback of this.#byName.get(name) ?? []) callback();
  }

  tellAll(): void {
    for (const watchers of [...this.#byName.values()]) for (const callback of [...watchers]) callback();
  }
}
