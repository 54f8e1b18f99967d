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
 * were made; when one fails, it and all after it fail, and the journal stays shut
 * until it is opened anew.
 *
 * Events are plain data: what JSON can express, and bigint.
 */
export interface Journal<E> {
  /** Names this journal's life: new when the journal is created, the same after every restart. */
  readonly epoch: string;

  /** Every entry, oldest first; for the time before the first `append`. */
  entries(): AsyncIterable<JournalEntry<E>>;

  append(events: readonly E[]): Appended;

  /** Resolves when all that was appended so far is durable. */
  flushed(): Promise<void>;
}
