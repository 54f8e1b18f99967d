/** An event and its place in the journal: 1, 2, 3 … without a hole. */
export interface JournalEntry<E> {
  readonly sequence: number;
  readonly event: E;
}

/** The sequence of the last event is known at once; `durable` resolves when it would survive a power cut. */
export interface Appended {
  readonly sequence: number;
  readonly durable: Promise<void>;
  /** The write that carries the events, where the journal can tell: when it began, by the machine's stopwatch; 0 until then. */
  readonly commit?: { readonly began: number };
}

/**
 * What has happened, in order and on disk.
 *
 * Many appends share one sync. Appends become durable in the order in which they
 * were made; when one fails, it and all after it fail, until whoever owns the journal
 * has taken it up again with `reopened`. What failed is never tried again, and yet it
 * may be on disk: a sync can report its failure late.
 *
 * Events are plain data: what JSON can express, and bigint.
 */
export interface Journal<E> {
  /** Names this journal's life: new when the journal is created, the same after every restart. */
  readonly epoch: string;

  /**
   * Every entry behind number `after`, oldest first, as many at a time as were read together: to wait for each by itself
   * costs as much as half of what it is read for. For the time before the first `append`, and again after a failure.
   */
  pages(after?: number): AsyncIterable<Iterable<JournalEntry<E>>>;

  append(events: readonly E[]): Appended;

  /** Resolves when all that was appended so far is durable. */
  flushed(): Promise<void>;

  /** Calls back at every failure, also when nothing was being appended. */
  onFailure(failed: (why: unknown) => void): void;

  /**
   * Resolves when the journal can be written again after a failure, at once where there was
   * none. What is on disk is the truth then: `pages` tell it, and `append` goes on behind it.
   */
  reopened(): Promise<void>;

  /**
   * Why its newest event is missing: it was kept once, and was found not to be as it was written. Told until another
   * one is in its place.
   */
  readonly cut?: string | undefined;

  /** Room beside the journal; absent where there is none. */
  readonly shelf?: Shelf;
}

/**
 * Where what a journal came to is kept, so that a start need not read all of it. Never the
 * only place where something is known: what cannot be read is not there.
 *
 * Values are plain data, as events are.
 */
export interface Shelf {
  /** The values of these names as they were put; undefined for what is not there, or not as it was written. */
  get(names: readonly string[]): Promise<readonly unknown[]>;
  /** Puts the values and drops what is named, together. */
  put(values: readonly (readonly [name: string, value: unknown])[], drop: readonly string[]): Promise<void>;
  names(): Promise<readonly string[]>;
}
