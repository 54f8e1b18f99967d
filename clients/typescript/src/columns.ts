/** Ticks that came column by column, as the ticks that they are. */
import { create } from "@bufbuild/protobuf";
import { type Tick, type TickBatch, type TickColumns, TickSchema } from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";

/** The ticks of a batch in the order in which they happened, in whichever form they came. */
export function ticksIn({ ticks, columns }: TickBatch): Tick[] {
  const [first, ...more] = columns.map(ticksOf);
  if (first === undefined) return ticks;
  if (more.length === 0) return first.map(({ tick }) => tick);
  const all = [first, ...more].flat().sort((a, b) => a.place - b.place);
  return all.map(({ tick }) => tick);
}

interface Placed {
  /** Among the ticks of all symbols. */
  readonly place: number;
  readonly tick: Tick;
}

function ticksOf(columns: TickColumns): Placed[] {
  const { symbol, digits, count } = columns;
  const scale = 10 ** digits;
  const [time, offset, sequence] = [columns.timeMs, columns.brokerOffsetMs, columns.sequence].map(running);
  const [bid, spread, last, volume] = [columns.bid, columns.spread, columns.last, columns.volume].map(running);
  const [flags, skipped, place] = [columns.flags, columns.skipped, columns.place].map(running);
  const placed: Placed[] = [];
  for (let i = 0; i < count; i++) {
    const [timeMs, points] = [next(time), next(bid)];
    const tick = create(TickSchema, {
      symbol,
      bid: points / scale,
      ask: (points + next(spread)) / scale,
      last: next(last) / scale,
      volume: next(volume) / 1e8,
      timeMs: BigInt(timeMs),
      brokerTimeMs: BigInt(timeMs + next(offset)),
      flags: next(flags),
      sequence: BigInt(next(sequence) + i),
      skipped: next(skipped),
    });
    placed.push({ place: next(place), tick });
  }
  return placed;
}

type Running = () => number;

/** The numbers of a column, one after the other: it holds differences, and none where nothing changes any more. */
function running(differences: readonly bigint[]): Running {
  let i = 0;
  let sum = 0;
  return () => {
    if (i < differences.length) sum += Number(differences[i++]);
    return sum;
  };
}

const next = (column: Running | undefined): number => column?.() ?? 0;
