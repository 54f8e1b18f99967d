/** Latencies, counted in steps of a hundredth of a millisecond: adding one costs nothing, however many there are. */
const STEP = 0.01;
const LONGEST = 30_000;

/** Milliseconds. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export class Latencies {
  readonly #counts = new Uint32Array(LONGEST / STEP + 1);
  #count = 0;
  #max = 0;

  /** Milliseconds; what is longer than half a minute counts as that. */
  add(ms: number): void {
    const at = Math.min(LONGEST, Math.max(0, ms));
    this.#counts[Math.round(at / STEP)] = (this.#counts[Math.round(at / STEP)] as number) + 1;
    this.#count++;
    if (ms > this.#max) this.#max = ms;
  }

  get spread(): Spread {
    const [p50, p99, p999] = [this.#percentile(0.5), this.#percentile(0.99), this.#percentile(0.999)];
    return { count: this.#count, p50, p99, p999, max: this.#max };
  }

  #percentile(share: number): number {
    let left = Math.ceil(this.#count * share);
    if (left === 0) return Number.NaN;
    for (let step = 0; ; step++) {
      left -= this.#counts[step] as number;
      if (left <= 0) return step * STEP;
    }
  }
}
