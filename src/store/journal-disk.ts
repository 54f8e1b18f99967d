/**
 * Where a journal is kept: what the journal needs of a disk, or of a database elsewhere.
 *
 * Bodies travel as one text, a line each: one string is cheap to hand over to a thread
 * or a connection.
 */
import type { Clock } from "../core/ports/clock.ts";
import type { Observer } from "../core/ports/observer.ts";

export interface JournalDisk {
  /**
   * Takes hold of it for this process alone, and makes sure that it can be written. `lost`
   * is called at most once, when the hold is gone without having been closed; what is under
   * way then fails too. What is wrong with the disk itself is a `DiskFailure`.
   */
  open(lost: (why: unknown) => void): Promise<OpenDisk>;
}

/** The disk from one opening to the next. */
export interface OpenDisk {
  readonly logs: readonly LogState[];
  /** What opening had to cut off the end, for whoever runs the bridge. */
  readonly cuts: readonly string[];
  /** Resolves when all of it would survive a power cut. Called again only after that. When it fails, nothing is known of what was kept. */
  commit(commit: Commit): Promise<void>;
  /** Whole events from `first` on, at least one, none beyond `last`; each is checked before it is given. */
  read(log: number, first: number, last: number): Promise<Page>;
  close(): Promise<void>;
  /** Absent where nothing can be kept beside the logs. */
  readonly shelf?: DiskShelf;
}

/** Texts of a log, by name: kept as long as the log, but worth nothing without it. */
export interface DiskShelf {
  /** Undefined for what is not there, or does not match its checksum. */
  get(log: number, names: readonly string[]): Promise<readonly (string | undefined)[]>;
  /** As one transaction. */
  put(log: number, texts: readonly NamedText[], drop: readonly string[]): Promise<void>;
  names(log: number): Promise<readonly string[]>;
}

export type NamedText = readonly [name: string, text: string];

/** What a program can know of why the disk fails. */
export type Trouble = "disk_full" | "io_error" | "not_writable" | "in_use" | "writer_gone" | "connection_lost";

/** The disk does not do what it should; later it may again. */
export class DiskFailure extends Error {
  readonly trouble: Trouble;

  constructor(trouble: Trouble, why: string, cause?: unknown) {
    super(`${words[trouble]} (${why})`, { cause });
    this.trouble = trouble;
  }
}

const words: Readonly<Record<Trouble, string>> = {
  disk_full: "the disk is full",
  io_error: "the disk reports an I/O error",
  not_writable: "the disk may not be written",
  in_use: "it is in use",
  writer_gone: "its writer is gone",
  connection_lost: "the connection to the database is lost",
};

export interface LogState {
  readonly id: number;
  readonly name: string;
  readonly epoch: string;
  /** The sequence of its last event; 0 when there is none. */
  readonly last: number;
  /** Why it can be neither read nor written; the other logs can. */
  readonly damage?: string;
  /** Why its newest event is missing, although it was acknowledged; until another one is in its place. */
  readonly cut?: string;
}

/** Everything that is synced together: logs to be made, then events. */
export interface Commit {
  readonly created: readonly LogState[];
  readonly lines: readonly Lines[];
}

/** Consecutive events of one log. */
interface Lines {
  readonly log: number;
  readonly first: number;
  readonly text: string;
}

export interface Page {
  readonly text: string;
  /** How many lines. */
  readonly count: number;
}

/** What else the journal gets from outside, so that it runs the same on a clock of our own. */
export interface Surroundings {
  /** Its `sleep(0)` ends a turn of the event loop. */
  readonly clock: Clock;
  /** The machine's stopwatch, in milliseconds. */
  stopwatch(): number;
  newEpoch(): string;
  readonly observer: Observer;
}

/** Whether the hold of a disk is gone; it may be before anybody can be told. */
export class Loss {
  #why: { readonly why: unknown } | undefined;
  #told: ((why: unknown) => void) | undefined;

  happened(why: unknown): void {
    if (this.#told === undefined) this.#why = { why };
    else this.#told(why);
  }

  tell(told: (why: unknown) => void): void {
    if (this.#why !== undefined) throw this.#why.why;
    this.#told = told;
  }
}
