/** What passes between the journal and its thread. Bodies travel as one text, a line each: one string is cheap to hand over. */

export interface LogState {
  readonly id: number;
  readonly name: string;
  readonly epoch: string;
  /** The sequence of its last event; 0 when there is none. */
  readonly last: number;
}

/** Consecutive events of one log. */
export interface Lines {
  readonly log: number;
  readonly first: number;
  readonly text: string;
}

/** Everything that is synced together. Only one commit is under way at a time. */
export interface Commit {
  readonly kind: "commit";
  readonly created: readonly LogState[];
  readonly lines: readonly Lines[];
}

/** Some events from `first` on, none beyond `last`. */
export interface Read {
  readonly kind: "read";
  readonly id: number;
  readonly log: number;
  readonly first: number;
  readonly last: number;
}

export type Request = Commit | Read | { readonly kind: "close" };

export type Reply =
  | { readonly kind: "opened"; readonly logs: readonly LogState[] }
  | { readonly kind: "refused"; readonly why: string }
  | { readonly kind: "committed" }
  | { readonly kind: "failed"; readonly why: string }
  | { readonly kind: "page"; readonly id: number; readonly text: string; readonly count: number }
  | { readonly kind: "damaged"; readonly id: number; readonly why: string };

export interface JournalSettings {
  readonly folder: string;
  /** The most the file may grow to; without it, what the disk holds. */
  readonly maxBytes?: number;
}
