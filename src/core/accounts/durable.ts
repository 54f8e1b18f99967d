/**
 * What is durable of things whose newest state is not yet.
 *
 * Decisions are made on the newest state, but a reader is shown only what a power cut
 * would leave. The two differ for what is on its way to the disk; only that is kept here.
 */
export class Durable<K, V> {
  readonly #states = new Map<K, V | undefined>();

  /** A change is on its way; `before` is what it changes. */
  changing(key: K, before: V | undefined): void {
    if (!this.#states.has(key)) this.#states.set(key, before);
  }

  /** A change has become durable and left `state` behind; `newest` is what later changes have made of it. */
  changed(key: K, state: V | undefined, newest: V | undefined): void {
    if (state === newest) this.#states.delete(key);
    else this.#states.set(key, state);
  }

  of(key: K, newest: V | undefined): V | undefined {
    return this.#states.has(key) ? this.#states.get(key) : newest;
  }

  /** The durable states of `newest`, and of what is no longer among them. */
  all(newest: Iterable<V>, keyOf: (value: V) => K): V[] {
    const unseen = new Map(this.#states);
    const all: V[] = [];
    for (const value of newest) {
      const key = keyOf(value);
      const durable = this.of(key, value);
      unseen.delete(key);
      if (durable !== undefined) all.push(durable);
    }
    for (const durable of unseen.values()) if (durable !== undefined) all.push(durable);
    return all;
  }
}
