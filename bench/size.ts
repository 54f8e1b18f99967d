/** How much is measured. */
import type { IdleKind } from "./idler.ts";
import type { Pace } from "./load.ts";
import type { OpeningName } from "./openings.ts";
import type { TickCell } from "./ticks.ts";

export interface Size {
  /** Only what needs nothing but npm's packages, and not for long. */
  readonly quick: boolean;
  /** Whether the server of ticks, or the terminal behind a link, of that name is asked for. */
  readonly of: (name: string) => boolean;
  /** Whether the benchmark of ticks is asked for under this load. */
  readonly at: (cell: TickCell) => boolean;
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
  readonly tickWarmMs: number;
  readonly ticksMs: number;
  readonly tickCells: readonly TickCell[];
  /** Of the recording that is replayed at saturation: more than anybody gets through. */
  readonly saturationTicks: number;
  readonly slowOpenings: readonly OpeningName[];
  readonly slowMs: number;
  /** Ticks a second to a hundred subscribers, beside orders. */
  readonly ordersUnder: readonly number[];
  readonly replayedTicks: number;
  /** How often the kill switch is thrown. */
  readonly throws: number;
  readonly journalledEvents: number;
}

export const full: Size = {
  quick: false,
  of: () => true,
  at: () => true,
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
  idle: ["grpc", "webSocket", "webSocketStream", "connectHttp2", "connectHttp2Shared", "connectHttp1"],
  connections: 1000,
  idleMs: 6000,
  tickWarmMs: 1500,
  ticksMs: 4000,
  tickCells: [
    ...[1, 10, 100, 500].map((subscribers) => ({ rate: "saturation", subscribers }) as const),
    ...[1000, 10_000, 30_000, 100_000].map((rate) => ({ rate, subscribers: 100 })),
  ],
  saturationTicks: 8_000_000,
  slowOpenings: ["grpc", "connect", "webSocket", "webSocketJson"],
  slowMs: 12_000,
  ordersUnder: [10_000, 100_000],
  replayedTicks: 1_000_000,
  throws: 50,
  journalledEvents: 1_000_000,
};

export const quick: Size = {
  quick: true,
  of: () => true,
  at: () => true,
  repeats: 1,
  starts: 2,
  restMs: 2000,
  warmMs: 1000,
  roundMs: 150,
  rounds: 3,
  transportPaces: [{ inFlight: 32 }],
  orderPaces: [{ inFlight: 32 }, { perSecond: 500 }],
  callsMs: 800,
  openLoopMs: 1000,
  idle: ["grpc", "webSocketStream"],
  connections: 500,
  idleMs: 500,
  tickWarmMs: 400,
  ticksMs: 1000,
  tickCells: [
    { rate: "saturation", subscribers: 100 },
    { rate: 10_000, subscribers: 100 },
  ],
  saturationTicks: 1_000_000,
  slowOpenings: ["grpc"],
  slowMs: 3000,
  ordersUnder: [10_000],
  replayedTicks: 300_000,
  throws: 10,
  journalledEvents: 50_000,
};
