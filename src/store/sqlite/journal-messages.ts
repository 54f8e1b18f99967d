/** What passes between the journal and its thread. */
import type { Commit, LogState, Page, Trouble } from "../journal-disk.ts";

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

export type Request = { readonly kind: "commit"; readonly commit: Commit } | Read | { readonly kind: "close" };

/** `trouble`: what is wrong with the disk, where it is the disk. */
export interface Failing {
  readonly why: string;
  readonly trouble: Trouble | undefined;
}

export type Reply =
  | { readonly kind: "opened"; readonly logs: readonly LogState[]; readonly cuts: readonly string[] }
  | ({ readonly kind: "refused" } & Failing)
  | { readonly kind: "committed" }
  | ({ readonly kind: "failed" } & Failing)
  | { readonly kind: "page"; readonly id: number; readonly page: Page }
  | ({ readonly kind: "unreadable"; readonly id: number } & Failing);
