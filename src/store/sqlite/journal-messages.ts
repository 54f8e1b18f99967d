/** What passes between the journal and its thread. */
import type { Commit, LogState, NamedText, Page, Trouble } from "../journal-disk.ts";

export interface JournalSettings {
  readonly folder: string;
  /** The most the file may grow to; without it, what the disk holds. */
  readonly maxBytes?: number;
}

/** Some events from `first` on, none beyond `last`. */
export interface Read {
  readonly kind: "read";
  readonly id: number;
  readonly log: number;
  readonly first: number;
  readonly last: number;
}

/** Texts for the shelf of a log, or from it. */
export type ShelfRequest =
  | { readonly kind: "get"; readonly id: number; readonly log: number; readonly names: readonly string[] }
  | {
      readonly kind: "put";
      readonly id: number;
      readonly log: number;
      readonly texts: readonly NamedText[];
      readonly drop: readonly string[];
    }
  | { readonly kind: "names"; readonly id: number; readonly log: number };

export type Request =
  | { readonly kind: "commit"; readonly commit: Commit }
  | Read
  | ShelfRequest
  | { readonly kind: "close" };

/** `trouble`: what is wrong with the disk, where it is the disk. */
export interface Failing {
  readonly why: string;
  readonly trouble: Trouble | undefined;
}

export type Answer = Page | readonly (string | undefined)[] | undefined;

export type Reply =
  | { readonly kind: "opened"; readonly logs: readonly LogState[]; readonly cuts: readonly string[] }
  | ({ readonly kind: "refused" } & Failing)
  | { readonly kind: "committed" }
  | ({ readonly kind: "failed" } & Failing)
  /** To whatever had that number: a page, texts, names, or nothing. */
  | { readonly kind: "answer"; readonly id: number; readonly value: Answer }
  | ({ readonly kind: "unreadable"; readonly id: number } & Failing);
