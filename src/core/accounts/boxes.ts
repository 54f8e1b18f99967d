/**
 * Numbered things that have left memory, in boxes on the shelf: what is asked for is read,
 * a box at a time, and the newest few boxes are remembered.
 *
 * Always true:
 *   - Memory holds a place for each box and the names of what is in it, and nothing else
 *     that grows.
 *   - What was read is what the box holds in the turn in which the reader goes on.
 *   - A box that is not as it was written is never guessed at: who asks is told so, and all
 *     of them are made anew from the journal.
 */
import { BridgeError } from "../errors.ts";
import type { Shelf } from "../ports/journal.ts";
import { type Columns, fromColumns, toColumns } from "./columns.ts";
import { CompactIndex } from "./compact-index.ts";

/** How many are in a box: writing or reading one takes about a millisecond. */
export const BOX = 256;
/** Boxes that are remembered of each kind. */
const remembered = 8;

/** The numbers and the names of what is in a box. */
interface Names {
  readonly numbers: readonly number[];
  /** Separated by commas. */
  readonly names: string;
}

/** What is to be in a box. */
interface Box<T> {
  readonly index: number;
  readonly items: readonly T[];
  readonly numbers: readonly number[];
  readonly names: readonly bigint[];
}

/** Where a box is: its index, and the event up to which it was written. */
export type BoxPlace = readonly [index: number, sequence: number];

export const boxOf = (number: number): number => Math.floor((number - 1) / BOX);

export class Boxes<T extends { readonly number: number }> {
  readonly #kind: string;
  readonly #shelf: Shelf | undefined;
  readonly #namesOf: (item: T) => readonly bigint[];
  readonly #damaged: (why: BridgeError) => void;
  readonly #sequences = new Map<number, number>();
  readonly #index = new CompactIndex();
  /** The newest last. */
  readonly #read = new Map<string, Promise<ReadonlyMap<number, T>>>();

  /** `damaged` is called when a box is not as it was written. */
  constructor(
    kind: string,
    shelf: Shelf | undefined,
    namesOf: (item: T) => readonly bigint[],
    damaged: (why: BridgeError) => void,
  ) {
    this.#damaged = damaged;
    this.#kind = kind;
    this.#shelf = shelf;
    this.#namesOf = namesOf;
  }

  get places(): BoxPlace[] {
    return [...this.#sequences];
  }

  /** What stands on the shelf of a box. */
  textsOf([index, sequence]: BoxPlace): readonly [things: string, names: string] {
    return [`${this.#kind}/${index}@${sequence}`, `${this.#kind}-names/${index}@${sequence}`];
  }

  /** A box that was written before, by its names. */
  restore([index, sequence]: BoxPlace, value: unknown): void {
    const { numbers, names } = value as Names;
    for (const [i, name] of (names === "" ? [] : names.split(",")).entries()) {
      this.#index.add(BigInt(name), numbers[i] as number);
    }
    this.#sequences.set(index, sequence);
  }

  /** Of something in a box, and perhaps in memory too. */
  numbersOf(name: bigint): number[] {
    return this.#index.numbersOf(name);
  }

  has(number: number): boolean {
    return this.#sequences.has(boxOf(number));
  }

  /** The first of these that is meant. */
  async first(numbers: readonly number[], isMeant: (item: T) => boolean): Promise<T | undefined> {
    for (const number of numbers) {
      const item = this.has(number) ? (await this.box(boxOf(number))).get(number) : undefined;
      if (item !== undefined && isMeant(item)) return item;
    }
    return undefined;
  }

  /** All in that box, by their numbers. */
  async box(index: number): Promise<ReadonlyMap<number, T>> {
    for (;;) {
      const sequence = this.#sequences.get(index);
      if (sequence === undefined) return new Map();
      const [name] = this.textsOf([index, sequence]);
      const reading = this.#read.get(name) ?? this.#open(name);
      this.#read.delete(name);
      this.#read.set(name, reading);
      if (this.#read.size > remembered) this.#read.delete([...this.#read.keys()][0] as string);
      try {
        const items = await reading;
        if (this.#sequences.get(index) === sequence) return items;
      } catch (error) {
        this.#read.delete(name);
        if (this.#sequences.get(index) === sequence) throw error;
      }
    }
  }

  async #open(name: string): Promise<ReadonlyMap<number, T>> {
    const [value] = (await this.#shelf?.get([name])) ?? [];
    try {
      return new Map(fromColumns<T>(value as Columns).map((item) => [item.number, item]));
    } catch (cause) {
      const why = `what is over for long cannot be read ("${name}" is damaged); it is made anew from the journal`;
      const damage = new BridgeError("journal_unavailable", why, { cause, retryAfterMs: 1000 });
      this.#damaged(damage);
      throw damage;
    }
  }

  /**
   * Puts them into their boxes, in the place of what was there of the same number, so many boxes `together` in a
   * transaction; gives out which of them are on the shelf, some at a time. They are made what they are kept as (`kept`)
   * no sooner than it is their turn: of thousands at once it would hold up everything else.
   */
  async *put<S extends { readonly number: number } = T>(
    items: readonly S[],
    sequence: number,
    together: number,
    kept: (item: S) => T = (item) => item as unknown as T,
  ): AsyncGenerator<readonly S[], void> {
    const shelf = this.#shelf;
    if (shelf === undefined) throw new Error("there is no shelf");
    const changed = [...Map.groupBy(items, ({ number }) => boxOf(number))];
    for (let from = 0; from < changed.length; from += together) {
      const some = changed.slice(from, from + together);
      const boxes: Box<T>[] = [];
      for (const [index, news] of some) boxes.push(await this.#with(index, news.map(kept)));
      const texts = boxes.flatMap(({ index, items, numbers, names }) => {
        const [things, named] = this.textsOf([index, sequence]);
        return [
          [things, toColumns(items)] as const,
          [named, { numbers, names: names.join() } satisfies Names] as const,
        ];
      });
      await shelf.put(texts, []);
      for (const { index, numbers, names } of boxes) {
        this.#sequences.set(index, sequence);
        for (const [i, name] of names.entries()) this.#index.add(name, numbers[i] as number);
      }
      yield some.flatMap(([, news]) => news);
    }
  }

  async #with(index: number, news: readonly T[]): Promise<Box<T>> {
    const all = new Map(await this.box(index));
    for (const item of news) all.set(item.number, item);
    const items = [...all.values()].sort((a, b) => a.number - b.number);
    const numbers: number[] = [];
    const names: bigint[] = [];
    for (const item of items) {
      for (const name of this.#namesOf(item)) {
        numbers.push(item.number);
        names.push(name);
      }
    }
    return { index, items, numbers, names };
  }
}
