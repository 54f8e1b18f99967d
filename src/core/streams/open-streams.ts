/**
 * The streams that are open, so that they can be told when the bridge ends.
 *
 * Ids are for the bridge's life only; the epoch in them keeps those of two lives apart.
 */
export class OpenStreams {
  readonly #ends = new Set<() => void>();
  readonly #epoch: string;
  #count = 0;
  #closed = false;

  constructor(epoch: string) {
    this.#epoch = epoch;
  }

  get size(): number {
    return this.#ends.size;
  }

  nextId(kind: string): string {
    this.#count += 1;
    return `${kind}-${this.#epoch.slice(0, 8)}-${this.#count}`;
  }

  /** `end` is called when the stream should send its `closing`; the returned function takes the stream off the list. */
  add(end: () => void): () => void {
    this.#ends.add(end);
    if (this.#closed) end();
    return () => this.#ends.delete(end);
  }

  /** Ends all streams, and every later one at its start. Returns how many there were. */
  close(): number {
    this.#closed = true;
    const open = [...this.#ends];
    for (const end of open) end();
    return open.length;
  }
}
