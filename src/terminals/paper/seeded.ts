/**
 * Chance that can be repeated: the same seed gives the same numbers, on every machine.
 *
 * sfc32 (Chris Doty-Humphrey's small fast counter generator): 128 bits of state, passes
 * PractRand, a few nanoseconds a number. Not for secrets.
 */
import type { Chance } from "../../core/ports/chance.ts";

const warmUp = 15;

class Sfc32 implements Chance {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(a: number, b: number, c: number) {
    this.#a = a | 0;
    this.#b = b | 0;
    this.#c = c | 0;
    for (let i = 0; i < warmUp; i++) this.next();
  }

  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 0x1_0000_0000;
  }
}

/** A number and its decimal text are the same seed. */
export function seeded(seed: number | string): Chance {
  const text = String(seed);
  return new Sfc32(scramble(text, 0x9e3779b9), scramble(text, 0x243f6a88), scramble(text, 0xb7e15162));
}

/** FNV-1a from a salted start, its bits mixed once more, so that seeds 1 and 2 have nothing in common. */
function scramble(text: string, salt: number): number {
  let hash = (0x811c9dc5 ^ salt) | 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** A normal deviate (mean 0, standard deviation 1) from each call, after Marsaglia's polar method. */
export function normals(chance: Chance): () => number {
  let spare: number | undefined;
  return () => {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return kept;
    }
    for (;;) {
      const x = 2 * chance.next() - 1;
      const y = 2 * chance.next() - 1;
      const square = x * x + y * y;
      if (square >= 1 || square === 0) continue;
      const scale = Math.sqrt((-2 * Math.log(square)) / square);
      spare = y * scale;
      return x * scale;
    }
  };
}
