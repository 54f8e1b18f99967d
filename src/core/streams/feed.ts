/**
 * Facts of one account, numbered by the journal, for any number of readers.
 *
 * Always true:
 *   - A reader gets facts in the order of their numbers, none twice and none left out,
 *     or its stream ends and says so.
 *   - A reader that comes back with its cursor goes on behind it, also after a restart
 *     of the bridge, as long as the facts behind it are still kept.
 *   - Publishing never waits.
 */
import { type Cursor, type ResetReason, resetReason } from "./cursor.ts";
import type { Beat } from "./heartbeat.ts";
import { EveryItem, Mailbox } from "./mailbox.ts";

export interface Numbered<T> {
  readonly sequence: number;
  readonly item: T;
}

/** One reader's share of a feed. */
export interface Reader<T, Other = never> {
  readonly mailbox: Mailbox<Numbered<T> | Other | Beat>;
  /** Facts behind the reader's cursor that happened before it came; to be sent first. */
  readonly missed: readonly Numbered<T>[];
  /** Why the cursor could not be honoured. */
  readonly reset: ResetReason | undefined;
  /** Where the news begins. */
  readonly start: Cursor;
}

/** Some of the facts that a feed keeps. */
export interface Piece<T> {
  /** Facts up to here are no longer kept. */
  readonly forgotten: number;
  readonly facts: readonly Numbered<T>[];
}

export class Feed<T> {
  readonly #epoch: string;
  readonly #keep: number;
  readonly #backlog: number;
  readonly #mailboxes = new Set<Pick<Mailbox<Numbered<T>>, "post" | "ended">>();
  #kept: Numbered<T>[] = [];
  /** Facts up to here are no longer kept. */
  #forgotten = 0;
  #sequence = 0;

  /** Keeps the last `keep` facts for resuming; a reader may be `backlog` facts behind. */
  constructor(epoch: string, keep: number, backlog: number) {
    this.#epoch = epoch;
    this.#keep = keep;
    this.#backlog = backlog;
  }

  get cursor(): Cursor {
    return { epoch: this.#epoch, sequence: this.#sequence };
  }

  /** Numbers grow, but not every number is a fact of this feed. */
  publish(sequence: number, item: T): void {
    const numbered = { sequence, item };
    this.#sequence = sequence;
    this.#kept.push(numbered);
    if (this.#kept.length >= 2 * this.#keep) {
      this.#forgotten = this.#kept[this.#kept.length - this.#keep - 1]?.sequence ?? 0;
      this.#kept = this.#kept.slice(-this.#keep);
    }
    for (const mailbox of this.#mailboxes) {
      if (!mailbox.post(numbered)) this.#mailboxes.delete(mailbox);
    }
  }

  /** The journal has come this far; what is new need not be a fact of this feed. */
  advance(sequence: number): void {
    this.#sequence = sequence;
  }

  /** What is kept at least for readers that come back, in pieces of `size`; never nothing. */
  pieces(size: number): Piece<T>[] {
    const facts = this.#kept.slice(-this.#keep);
    const forgotten = this.#kept.at(-this.#keep - 1)?.sequence ?? this.#forgotten;
    const count = Math.max(1, Math.ceil(facts.length / size));
    return Array.from({ length: count }, (_, i) => ({ forgotten, facts: facts.slice(i * size, (i + 1) * size) }));
  }

  /** Takes up what was kept before, piece by piece in order; for the time before the first reader. */
  restore({ forgotten, facts }: Piece<T>): void {
    this.#forgotten = forgotten;
    this.#kept.push(...facts);
  }

  /** A new reader from this moment on. `Other` is what else its stream will post to itself. */
  read<Other = never>(after: Cursor | undefined): Reader<T, Other> {
    const mailbox = new Mailbox<Numbered<T> | Other | Beat>(new EveryItem(this.#backlog));
    for (const left of this.#mailboxes) if (left.ended) this.#mailboxes.delete(left);
    this.#mailboxes.add(mailbox);
    const reset = after && resetReason(after, this.cursor, this.#forgotten);
    const missed =
      after === undefined || reset !== undefined ? [] : this.#kept.filter((fact) => fact.sequence > after.sequence);
    return { mailbox, missed, reset, start: this.cursor };
  }
}
