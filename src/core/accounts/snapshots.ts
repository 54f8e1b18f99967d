/**
 * What an account's journal came to at some event, kept in parts beside it, so that a start
 * reads the parts and what came after them instead of everything.
 *
 * Always true:
 *   - The journal is the truth. A snapshot that is not whole, of another version, or ahead
 *     of its journal counts as none.
 *   - Only parts that have changed are written again, one at a time, while trading goes on.
 *   - The head names its parts, and is written last: a snapshot that was broken off leaves
 *     the one before it as it is.
 */
import type { Shelf } from "../ports/journal.ts";
import { type Columns, fromColumns, toColumns } from "./columns.ts";

/** Grows when a part is written otherwise than before. */
const version = 1;
/** Events between two snapshots: as many are folded at a start within a second. */
export const snapshotEvery = 50_000;

/** What a part holds, and which of its kind it is. */
export type Kind = "orders" | "deals" | "dealt" | "contents" | "answers" | "orderFeed" | "accountFeed" | "rest";

export interface Part {
  readonly kind: Kind;
  readonly index: number;
  /** What is to be kept, as it was when the snapshot was taken. */
  readonly value: unknown;
}

/** Where a part is: its kind, its index, and the event of the snapshot that wrote it. */
type Place = readonly [kind: Kind, index: number, sequence: number];

interface Head {
  readonly version: number;
  readonly sequence: number;
  readonly places: readonly Place[];
}

const HEAD = "head";
/** Parts that are read at a time. */
const together = 16;

/** Parts that each snapshot replaces as a whole. */
const replaced: ReadonlySet<Kind> = new Set(["dealt", "orderFeed", "accountFeed", "rest"]);

const nameOf = ([kind, index, sequence]: Place): string => `${kind}/${index}@${sequence}`;

/** Lists as columns, anything else as it is. */
const packed = (value: unknown): unknown => (Array.isArray(value) ? { columns: toColumns(value) } : value);

const unpacked = (value: unknown): unknown =>
  typeof value === "object" && value !== null && "columns" in value ? fromColumns(value.columns as Columns) : value;

export class Snapshots {
  readonly #shelf: Shelf | undefined;
  readonly #every: number;
  #places = new Map<string, Place>();
  #sequence = 0;
  /** Where the last one was begun. */
  #tried = 0;
  /** One is begun: two at a time would each leave out the other's parts. */
  #busy = false;

  constructor(shelf: Shelf | undefined, every: number) {
    this.#shelf = shelf;
    this.#every = every;
  }

  /** The last event that the newest snapshot holds; 0 without one. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Whether one is due. Then it is begun: the parts are to be taken now and given to `keep`, and until then no other is due. */
  begin(sequence: number): boolean {
    if (this.#shelf === undefined || this.#busy || sequence - this.#tried < this.#every) return false;
    this.#busy = true;
    this.#tried = sequence;
    return true;
  }

  /** The newest snapshot's parts, in their order. Throws when one of them cannot be trusted. `last`: the journal's own end. */
  async *parts(last: number): AsyncGenerator<Part, void> {
    const shelf = this.#shelf;
    const head = (await shelf?.get([HEAD]))?.[0] as Head | undefined;
    if (shelf === undefined || head === undefined || head.version !== version || head.sequence > last) return;
    const { places, sequence } = head;
    const read = (from: number) => {
      const values = shelf.get(places.slice(from, from + together).map(nameOf));
      values.catch(() => undefined); // told when its turn comes
      return values;
    };
    let next = read(0);
    for (let from = 0; from < places.length; from += together) {
      const values = await next;
      next = read(from + together); // while these are worked through
      for (const [i, place] of places.slice(from, from + together).entries()) {
        const [kind, index] = place;
        if (values[i] === undefined) throw new Error(`part ${nameOf(place)} of the snapshot is not there`);
        yield { kind, index, value: unpacked(values[i]) };
        this.#places.set(`${kind}/${index}`, place);
      }
    }
    this.#sequence = sequence;
    this.#tried = sequence;
  }

  /** Keeps the parts that have changed since the last one; false when they could not be kept, and all must be given again. */
  async keep(sequence: number, parts: readonly Part[]): Promise<boolean> {
    const shelf = this.#shelf;
    if (shelf === undefined) return false;
    try {
      const places = new Map([...this.#places].filter(([, [kind]]) => !replaced.has(kind)));
      for (const { kind, index, value } of parts) {
        const place: Place = [kind, index, sequence];
        await shelf.put([[nameOf(place), packed(value)]], []);
        places.set(`${kind}/${index}`, place);
      }
      const sorted = [...places.values()].sort(([a, i], [b, j]) => (a === b ? i - j : a < b ? -1 : 1));
      const names = new Set(sorted.map(nameOf));
      const old = (await shelf.names()).filter((name) => name !== HEAD && !names.has(name));
      const head: Head = { version, sequence, places: sorted };
      await shelf.put([[HEAD, head]], old);
      this.#places = places;
      this.#sequence = sequence;
      return true;
    } catch {
      return false; // the next start reads more of the journal, and that is all
    } finally {
      this.#busy = false;
    }
  }
}
