/** How much is measured. */
import type { IdleKind } from "./idler.ts";
import type { Pace } from "./load.ts";

export interface Size {
  /** Runs of which the median is told. */
  readonly repeats: number;
  readonly starts: number;
  /** How long a bridge rests before its memory is read, ms. */
  readonly restMs: number;
  readonly warmMs: number;
  /** Of one round of one server, and how many there are. */
  readonly roundMs: number;
  readonly rounds: number;
  readonly transportPaces: readonly Pace[];
  readonly orderPaces: readonly Pace[];
  readonly callsMs: number;
  readonly openLoopMs: number;
  readonly idle: readonly IdleKind[];
  readonly connections: number;
  /** How long connections are left alone before memory is read, ms. */
  readonly idleMs: number;
  readonly ticksMs: number;
  readonly rates: readonly number[];
  readonly subscribers: readonly number[];
  readonly replayedTicks: number;
  /** How often the kill switch is thrown. */
  readonly throws: number;
  readonly journalledEvents: number;
}

export const full: Size = {
  repeats: 3,
  starts: 5,
  restMs: 10_000,
  warmMs: 2000,
  roundMs: 1000,
  rounds: 5,
  transportPaces: [{ inFlight: 1 }, { inFlight: 32 }],
  orderPaces: [{ inFlight: 1 }, { inFlight: 32 }, { inFlight: 256 }, { perSecond: 500 }],
  callsMs: 5000,
  openLoopMs: 20_000,
  idle: ["webSocket", "connectHttp2", "connectHttp2Shared", "connectHttp1"],
  connections: 1000,
  idleMs: 6000,
  ticksMs: 5000,
  rates: [1000, 10_000, 100_000],
  subscribers: [1, 10, 100],
  replayedTicks: 1_000_000,
  throws: 50,
  journalledEvents: 1_000_000,
};

export const quick: Size = {
  repeats: 1,
  starts: 2,
  restMs: 2000,
  warmMs: 300,
  roundMs: 150,
  rounds: 3,
  transportPaces: [{ inFlight: 32 }],
  orderPaces: [{ inFlight: 1 }, { inFlight: 32 }, { perSecond: 500 }],
  callsMs: 800,
  openLoopMs: 1000,
  idle: ["webSocket", "connectHttp2"],
  connections: 1000,
  idleMs: 500,
  ticksMs: 1000,
  rates: [1000, 100_000],
  subscribers: [1, 100],
  replayedTicks: 300_000,
  throws: 10,
  journalledEvents: 50_000,
};
