/** A histogram that costs a few nanoseconds: typed arrays, read when Prometheus asks. */
export class Tally {
  readonly bounds: readonly number[];
  /** How many were at most each bound and above the one before; the last: above all of them. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  add(value: number): void {
    let i = 0;
    while (i < this.bounds.length && value > (this.bounds[i] as number)) i++;
    this.counts[i] = (this.counts[i] as number) + 1;
    this.sum += value;
  }

  get count(): number {
    return this.counts.reduce((sum, count) => sum + count, 0);
  }
}

// biome-ignore format: one row for each decade
/** Seconds, from a step of the bridge's own to a stream that was open all day. */
export const seconds: readonly number[] = [
  0.000_01, 0.000_025, 0.000_05,
  0.000_1,  0.000_25,  0.000_5,
  0.001,    0.002_5,   0.005,
  0.01,     0.025,     0.05,
  0.1,      0.25,      0.5,
  1,        2.5,       5,       10,
];

/** Powers of two. */
export const sizes: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16_384];
