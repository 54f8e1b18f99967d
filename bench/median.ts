/** The middle of some figures; the mean of the two in the middle where their number is even. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  return ((sorted[Math.ceil(half) - 1] ?? Number.NaN) + (sorted[Math.floor(half)] ?? Number.NaN)) / 2;
}

export interface Trusted {
  readonly middle: number;
  /** Half of what the true middle lies in, 19 times in 20. */
  readonly margin: number;
}

/** The middle, and how far it can be trusted: by how many figures lie on either side, however they are scattered. */
export function trusted(figures: readonly number[]): Trusted {
  const sorted = figures.toSorted((a, b) => a - b);
  const { length } = sorted;
  const left = Math.max(0, Math.floor((length - 1.96 * Math.sqrt(length)) / 2));
  const margin = ((sorted[length - 1 - left] ?? Number.NaN) - (sorted[left] ?? Number.NaN)) / 2;
  return { middle: median(figures), margin };
}
