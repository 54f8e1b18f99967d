/** MetaTrader's numbers as the core's words; a number that has none is told once. */
import type { Observer } from "../../core/ports/observer.ts";
import type { Enumeration } from "./enumerations.ts";

/** More than all enumerations have numbers: who sends others at random is told of so many. */
const most = 256;

export class Vocabulary {
  readonly #observer: Observer;
  readonly #told = new Set<string>();

  constructor(observer: Observer) {
    this.#observer = observer;
  }

  word<Word>({ name, words, other }: Enumeration<Word>, number: number): Word {
    const word = words[number];
    if (word !== undefined) return word;
    const what = `${name} ${number}`;
    if (!this.#told.has(what) && this.#told.size < most) {
      this.#told.add(what);
      this.#observer.note("warn", "live terminal", `${what} is not known here and is taken for ${other}`);
    }
    return other;
  }
}
