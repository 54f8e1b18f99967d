/**
 * Bugs to be planted, one at a time: what the simulator does not find of these, it would not
 * find of ours. Each text stands exactly once in its file, or the planting fails: what has
 * drifted away is noticed.
 */
interface Edit {
  readonly file: string;
  readonly text: string;
  readonly becomes: string;
}

export interface Mutant {
  /** What is wrong with it. */
  readonly name: string;
  readonly edits: readonly Edit[];
  /** It is looked for with a live terminal's link in between. */
  readonly linked?: true;
}

export const mutant = (name: string, file: string, text: string, becomes: string): Mutant => ({
  name,
  edits: [{ file, text, becomes }],
});
