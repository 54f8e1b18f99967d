/**
 * Answers that are made in one turn, and leave together at its end.
 *
 * A write wakes a peer that sleeps, and that costs the writer about as much as everything else that a small answer does.
 * A peer that has been woken by the first of many answers is awake for the others.
 */
export class Turn {
  #answers: (() => void)[] = [];

  /** `write` does not throw. */
  add(write: () => void): void {
    if (this.#answers.push(write) === 1) setImmediate(() => this.#end());
  }

  #end(): void {
    const answers = this.#answers;
    this.#answers = [];
    for (const write of answers) write();
  }
}
