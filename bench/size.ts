/** How much is measured. */
export interface Size {
  /** Runs of which the median is told. */
  readonly repeats: number;
  readonly starts: number;
  /** How long a bridge rests before its memory is read, ms. */
  readonly restMs: number;
  readonly warmMs: number;
  readonly callsMs: number;
  readonly openLoopMs: number;
  readonly ticksMs: number;
  readonly rates: readonly number[];
  readonly subscribers: readonly number[];
  readonly replayedTicks: number;
}

export const full: Size = {
  repeats: 3,
  starts: 5,
  restMs: 10_000,
  warmMs: 2000,
  callsMs: 5000,
  openLoopMs: 20_000,
  ticksMs: 5000,
  rates: [1000, 10_000, 100_000],
  subscribers: [1, 10, 100],
  replayedTicks: 1_000_000,
};

export const quick: Size = {
  repeats: 1,
  starts: 2,
  restMs: 2000,
  warmMs: 500,
  callsMs: 800,
  openLoopMs: 2000,
  ticksMs: 1000,
  rates: [1000, 100_000],
  subscribers: [1, 100],
  replayedTicks: 300_000,
};
