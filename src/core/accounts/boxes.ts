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

  /** Puts them into their boxes, in the place of what was there of the same number. */
  async put(items: readonly T[], sequence: number): Promise<void> {
    const shelf = this.#shelf;
    if (shelf === undefined) throw new Error("there is no shelf");
    for (const [index, news] of Map.groupBy(items, ({ number }) => boxOf(number))) {
      const all = new Map(await this.box(index));
      for (const item of news) all.set(item.number, item);
      const sorted = [...all.values()].sort((a, b) => a.number - b.number);
      const pairs = sorted.flatMap((item) => this.#namesOf(item).map((name) => [name, item.number] as const));
      const names: Names = { numbers: pairs.map(([, number]) => number), names: pairs.map(([name]) => name).join() };
      const place: BoxPlace = [index, sequence];
      const [things, named] = this.textsOf(place);
      const texts = [[things, toColumns(sorted)] as const, [named, names] as const];
      await shelf.put(texts, []);
      this.#sequences.set(index, sequence);
      for (const item of news) for (const name of this.#namesOf(item)) this.#index.add(name, item.number);
    }
  }
}
