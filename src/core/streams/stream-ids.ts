/** Names for streams. They hold for the bridge's life only; the epoch in them keeps those of two lives apart. */
export class StreamIds {
  readonly #life: string;
  #count = 0;

  /** `part` keeps apart those who name streams of the same life. */
  constructor(epoch: string, part = "") {
    this.#life = `${epoch.slice(0, 8)}${part}`;
  }

  next(kind: string): string {
    this.#count += 1;
    return `${kind}-${this.#life}-${this.#count}`;
  }
}
