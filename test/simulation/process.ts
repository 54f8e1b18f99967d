/**
 * A process, from its start to its end.
 *
 * It can be killed at any await: between two things that leave it (a frame, a write, an
 * answer) nobody outside can tell one moment from another, so it is killed by the count of
 * them. Once dead, nothing of it happens any more and nothing leaves it.
 */
export class Process {
  readonly name: string;
  frozenUntil = 0;
  #alive = true;
  #left = Number.POSITIVE_INFINITY;
  readonly #mourners: (() => void)[] = [];

  constructor(name: string) {
    this.name = name;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** It is to die. */
  get doomed(): boolean {
    return this.#alive && this.#left < Number.POSITIVE_INFINITY;
  }

  /** Something is about to leave the process. False: it does not, for the process is no more. */
  effect(): boolean {
    if (!this.#alive) return false;
    this.#left -= 1;
    if (this.#left >= 0) return true;
    this.kill();
    return false;
  }

  /** It dies when so many more things have left it. */
  killAfter(effects: number): void {
    this.#left = effects;
  }

  kill(): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const mourn of this.#mourners) mourn();
  }

  onEnd(mourn: () => void): void {
    this.#mourners.push(mourn);
  }
}
