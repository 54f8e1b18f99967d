/** MetaTrader's numbers as the core's words. A number that has none goes on as it is, and is told once. */

import { type Unnamed, unnamed } from "../../core/model/unnamed.ts";
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

  word<Word>({ name, words }: Enumeration<Word>, number: number): Word | Unnamed {
    const word = words[number];
    if (word !== undefined) return word;
    this.tell(name, number);
    return unnamed(number);
  }

  tell(name: string, number: number): void {
    const what = `${name} ${number}`;
    if (this.#told.has(what) || this.#told.size >= most) return;
    this.#told.add(what);
    this.#observer.note("warn", "live terminal", `${what} is not known here and travels as its number`);
  }
}
