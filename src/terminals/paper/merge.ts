/**
 * Several streams of ticks as one, in time order.
 *
 * Always true:
 *   - Every tick of every source comes out once, and a source's ticks in its own order.
 *   - At equal times the source listed first goes first.
 *   - All sources have the same list of symbols, and so has what comes out.
 *   - A source is not opened before the moment it starts: a year of daily files holds one
 *     or two open at a time, however many are listed.
 */
import { RowWriter, type TickRows } from "../../core/model/tick-rows.ts";

export interface TickSource {
  /** None of its ticks is earlier. */
  readonly starts: number;
  /** Its ticks; times never fall. */
  batches(): AsyncGenerator<TickRows, void>;
}

/** An open source and where it stands. */
interface Cursor {
  readonly order: number;
  readonly batches: AsyncGenerator<TickRows, void>;
  batch: TickRows;
  at: number;
}

/** Batches of `size` ticks at most, unless a source's own batch can pass as it is. */
export async function* merged(sources: readonly TickSource[], size: number): AsyncGenerator<TickRows, void> {
  const shut = sources.map((source, order) => ({ source, order })).sort((a, b) => byStart(a.source, b.source));
  const open: Cursor[] = [];
  let out: RowWriter | undefined;
  try {
    for (;;) {
      for (let next = shut[0]; next !== undefined && opensBy(next.source, open); next = shut[0]) {
        shut.shift();
        const batches = next.source.batches();
        const batch = await nextOf(batches);
        if (batch !== undefined) open.push({ order: next.order, batches, batch, at: 0 });
      }
      const first = earliest(open);
      if (first === undefined) {
        if (shut.length > 0) continue;
        break;
      }
      const end = runEnd(first, open, shut[0]?.source.starts ?? Number.POSITIVE_INFINITY);
      out ??= new RowWriter(first.batch.symbols, size);
      if (out.length === 0 && first.at === 0 && end === first.batch.length) {
        yield first.batch;
        first.at = end;
      }
      while (first.at < end) {
        first.at += out.copy(first.batch, first.at, end);
        if (out.full) yield out.take();
      }
      if (first.at < first.batch.length) continue;
      const batch = await nextOf(first.batches);
      if (batch === undefined) open.splice(open.indexOf(first), 1);
      else Object.assign(first, { batch, at: 0 });
    }
    if (out !== undefined && out.length > 0) yield out.take();
  } finally {
    for (const { batches } of open) await batches.return();
  }
}

/** Not a difference: where two starts are unknown, both are minus infinity. */
const byStart = (a: TickSource, b: TickSource): number => Number(a.starts > b.starts) - Number(a.starts < b.starts);

const timeOf = ({ batch, at }: Cursor): number => batch.timeAt(at);

/** Whether the source may have the next tick. */
function opensBy(source: TickSource, open: readonly Cursor[]): boolean {
  const first = earliest(open);
  return first === undefined || source.starts <= timeOf(first);
}

const precedes = (a: Cursor, b: Cursor): boolean =>
  timeOf(a) < timeOf(b) || (timeOf(a) === timeOf(b) && a.order < b.order);

function earliest(open: readonly Cursor[]): Cursor | undefined {
  let first = open[0];
  for (const cursor of open) if (first !== undefined && precedes(cursor, first)) first = cursor;
  return first;
}

/** How far into its batch the cursor can go before another source has its turn. */
function runEnd(first: Cursor, open: readonly Cursor[], shutUntil: number): number {
  let limit = shutUntil;
  let wins = false; // at the limit itself
  for (const other of open) {
    if (other === first) continue;
    const time = timeOf(other);
    if (time > limit) continue;
    const ahead = first.order < other.order;
    wins = time < limit ? ahead : wins && ahead;
    limit = time;
  }
  const { batch } = first;
  if (batch.timeAt(batch.length - 1) < limit) return batch.length;
  let end = first.at;
  while (end < batch.length) {
    const time = batch.timeAt(end);
    if (time > limit || (time === limit && !wins)) break;
    end++;
  }
  return end;
}

/** The next batch that has ticks in it. */
async function nextOf(batches: AsyncGenerator<TickRows, void>): Promise<TickRows | undefined> {
  for (;;) {
    const { done, value } = await batches.next();
    if (done === true) return undefined;
    if (value.length > 0) return value;
  }
}
