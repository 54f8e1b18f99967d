/**
 * What an account's journal came to at some event, kept beside it, so that a start reads
 * that and what came after it instead of everything: the archive of what is finished, of
 * which a start reads the names only, and the parts of what is not.
 *
 * Always true:
 *   - The journal is the truth. A snapshot that is not whole, of another version, or ahead
 *     of its journal counts as none.
 *   - Only what has changed is written, a box at a time, while trading goes on.
 *   - The head names everything else, and is written last: a snapshot that was broken off
 *     leaves the one before it as it is. What it no longer names is dropped after that.
 */
import type { Shelf } from "../ports/journal.ts";
import type { Archive, Finished, Putting } from "./archive.ts";
import type { BoxPlace } from "./boxes.ts";
import { type Columns, fromColumns, toColumns } from "./columns.ts";

/** Grows when anything is written otherwise than before. */
const version = 2;
/** Events between two snapshots: as many are folded at a start within a second. */
export const snapshotEvery = 50_000;

/** What a part holds. */
type Kind = "working" | "dealt" | "orderFeed" | "accountFeed" | "rest";

export interface Part {
  readonly kind: Kind;
  readonly index: number;
  /** What is to be kept, as it was when the snapshot was taken. */
  readonly value: unknown;
}

interface Head {
  readonly version: number;
  readonly sequence: number;
  readonly parts: readonly (readonly [kind: Kind, index: number])[];
  readonly boxes: Readonly<Record<keyof Finished, readonly BoxPlace[]>>;
}

const kinds = ["orders", "deals", "changes"] as const satisfies readonly (keyof Finished)[];

const HEAD = "head";

/** Texts that are read at a time. */
const together = 16;

/** Lists as columns, anything else as it is. */
const packed = (value: unknown): unknown => (Array.isArray(value) ? { columns: toColumns(value) } : value);

const unpacked = (value: unknown): unknown =>
  typeof value === "object" && value !== null && "columns" in value ? fromColumns(value.columns as Columns) : value;

export class Snapshots {
  readonly #shelf: Shelf | undefined;
  readonly #archive: Archive;
  readonly #every: number;
  #sequence = 0;
  /** Where the last one was begun. */
  #tried = 0;
  /** One is begun: two at a time would each leave out the other's parts. */
  #busy = false;
  #stopped = false;

  constructor(shelf: Shelf | undefined, archive: Archive, every: number) {
    this.#shelf = shelf;
    this.#archive = archive;
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

  /** The newest snapshot's parts, in their order, and the names of what is in its archive. Throws when one of them cannot be trusted. `last`: the journal's own end. */
  async *parts(last: number): AsyncGenerator<Part, void> {
    const head = (await this.#shelf?.get([HEAD]))?.[0] as Head | undefined;
    if (head === undefined || head.version !== version || head.sequence > last) return;
    const { parts, boxes, sequence } = head;
    for (const kind of kinds) {
      const archived = this.#archive[kind];
      const names = boxes[kind].map((place) => archived.textsOf(place)[1]);
      let i = 0;
      for await (const value of this.#read(names)) archived.restore(boxes[kind][i++] as BoxPlace, value);
    }
    let i = 0;
    for await (const value of this.#read(parts.map((part) => nameOf(part, sequence)))) {
      const [kind, index] = parts[i++] as readonly [Kind, number];
      yield { kind, index, value: unpacked(value) };
    }
    this.#sequence = sequence;
    this.#tried = sequence;
  }

  /** The values of these names, in their order; throws when one is not there. */
  async *#read(names: readonly string[]): AsyncGenerator<unknown, void> {
    const read = async (from: number) => this.#shelf?.get(names.slice(from, from + together)) ?? [];
    let next = read(0);
    next.catch(() => undefined); // told when its turn comes
    for (let from = 0; from < names.length; from += together) {
      const values = await next;
      next = read(from + together); // while these are worked through
      next.catch(() => undefined);
      for (const [i, value] of values.entries()) {
        if (value === undefined) throw new Error(`"${names[from + i]}" of the snapshot is not there`);
        yield value;
      }
    }
  }

  /** Another takes its place: what is being kept is broken off before its head, and before anything is dropped. */
  stop(): void {
    this.#stopped = true;
  }

  #mustGoOn(): void {
    if (this.#stopped) throw new Error("another has taken its place");
  }

  /** It is not to be trusted again. */
  async forget(): Promise<void> {
    await this.#shelf?.put([], [HEAD]);
  }

  /** Keeps what has changed since the last one; false when it could not be kept, and must be given again. */
  async keep(sequence: number, finished: Finished, parts: readonly Part[], putting: Putting): Promise<boolean> {
    const shelf = this.#shelf;
    if (shelf === undefined) return false;
    try {
      await this.#archive.put(finished, sequence, putting);
      for (const { kind, index, value } of parts) {
        await shelf.put([[nameOf([kind, index], sequence), packed(value)]], []);
      }
      const { orders, deals, changes } = this.#archive;
      const boxes = { orders: orders.places, deals: deals.places, changes: changes.places };
      const head: Head = { version, sequence, parts: parts.map(({ kind, index }) => [kind, index]), boxes };
      this.#mustGoOn();
      await shelf.put([[HEAD, head]], []);
      this.#sequence = sequence;
      const named = new Set([HEAD, ...head.parts.map((part) => nameOf(part, sequence)), ...this.#boxNames()]);
      const old = (await shelf.names()).filter((name) => !named.has(name));
      this.#mustGoOn();
      await shelf.put([], old);
      return true;
    } catch {
      return this.#sequence === sequence; // the next start reads more of the journal, and that is all
    } finally {
      this.#busy = false;
    }
  }

  *#boxNames(): Iterable<string> {
    for (const kind of kinds) for (const place of this.#archive[kind].places) yield* this.#archive[kind].textsOf(place);
  }
}

const nameOf = ([kind, index]: readonly [Kind, number], sequence: number): string => `${kind}/${index}@${sequence}`;
