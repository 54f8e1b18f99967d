/** Names for streams. They hold for the bridge's life only; the epoch in them keeps those of two lives apart. */
export class StreamIds {
  readonly #epoch: string;
  #count = 0;

  constructor(epoch: string) {
    this.#epoch = epoch;
  }

  next(kind: string): string {
    this.#count += 1;
    return `${kind}-${this.#epoch.slice(0, 8)}-${this.#count}`;
  }
}
