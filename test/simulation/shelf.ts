/**
 * What is kept beside the logs. Nothing of it is synced by itself: a commit takes along what was put before it, and of
 * what was put since, a power cut leaves a beginning.
 */
import type { DiskShelf, NamedText } from "../../src/store/journal-disk.ts";
import type { Counts } from "./counts.ts";
import type { Dice } from "./dice.ts";

interface Put {
  readonly log: number;
  readonly texts: readonly NamedText[];
  readonly drop: readonly string[];
}

type Texts = Map<string, string>;

const placeOf = (log: number, name: string): string => `${log} ${name}`;

function apply(texts: Texts, { log, texts: put, drop }: Put): void {
  for (const [name, text] of put) texts.set(placeOf(log, name), text);
  for (const name of drop) texts.delete(placeOf(log, name));
}

export class Shelf {
  readonly #dice: Dice;
  readonly #counts: Counts;
  #texts: Texts = new Map();
  #synced: Texts = new Map();
  #unsynced: Put[] = [];
  readonly #damaged = new Set<string>();

  constructor(dice: Dice, counts: Counts) {
    this.#dice = dice;
    this.#counts = counts;
  }

  /** As one process sees it: `written` resolves when a write has reached the disk, and never if the process has lost it. */
  of(written: () => Promise<void>): DiskShelf {
    return {
      get: async (log, names) => {
        const found = names.map((name) => this.#get(placeOf(log, name)));
        if (names.includes("head") && found[0] !== undefined) this.#counts.add("start from a snapshot");
        return found;
      },
      put: async (log, texts, drop) => {
        await written();
        const put = { log, texts, drop };
        for (const [name] of texts) this.#damaged.delete(placeOf(log, name));
        apply(this.#texts, put);
        this.#unsynced.push(put);
        if (texts.some(([name]) => name === "head")) this.#counts.add("snapshot kept");
      },
      names: async (log) => {
        const own = placeOf(log, "");
        return [...this.#texts.keys()].filter((place) => place.startsWith(own)).map((place) => place.slice(own.length));
      },
    };
  }

  synced(): void {
    for (const put of this.#unsynced.splice(0)) apply(this.#synced, put);
  }

  powerCut(): void {
    const kept = this.#dice.between(0, this.#unsynced.length);
    if (kept < this.#unsynced.length) this.#counts.add("unsynced snapshot");
    for (const put of this.#unsynced.splice(0).slice(0, kept)) apply(this.#synced, put);
    this.#texts = new Map(this.#synced);
  }

  /** One of its texts is no longer as it was put. */
  damage(dice: Dice): void {
    const place = dice.pick([...this.#texts.keys()]);
    if (place === undefined) return;
    this.#damaged.add(place);
    this.#counts.add("shelf damaged");
  }

  #get(place: string): string | undefined {
    return this.#damaged.has(place) ? undefined : this.#texts.get(place);
  }
}
