import type { Tick } from "../model/tick.ts";
import type { TickRows } from "../model/tick-rows.ts";

/**
 * What one turn brought: ticks in order, and where the stream stands behind the last.
 *
 * Frames are shared: everyone who wants the same symbols gets the same object, so that
 * what a transport makes of it (bytes) can be made once.
 */
export interface Frame {
  /** How many ticks; asking does not make them. */
  readonly length: number;
  readonly ticks: readonly Tick[];
  /** The place of the last tick of the turn, also when that tick is not in this frame. */
  readonly sequence: number;
  /** How many earlier ticks of its symbol were folded into each tick; absent: none. */
  readonly skips: readonly number[] | undefined;
}

/** A frame of rows, whose ticks are made when somebody looks at them. */
export class RowFrame implements Frame {
  readonly rows: TickRows<Tick>;
  readonly sequence: number;
  readonly skips = undefined;
  #ticks: readonly Tick[] | undefined;

  constructor(rows: TickRows<Tick>) {
    this.rows = rows;
    this.sequence = rows.placeAt(rows.length - 1);
  }

  get length(): number {
    return this.rows.length;
  }

  get ticks(): readonly Tick[] {
    this.#ticks ??= [...this.rows];
    return this.#ticks;
  }
}

/** The most ticks in one frame; a reader may ask for fewer. */
export const largest = 1000;

/** The frame in parts of at most `size` ticks. */
export function split(frame: Frame, size: number): Frame[] {
  if (frame.length <= size) return [frame];
  const parts: Frame[] = [];
  for (let from = 0; from < frame.length; from += size) {
    const ticks = frame.ticks.slice(from, from + size);
    const last = from + size >= frame.length;
    const sequence = last ? frame.sequence : (ticks.at(-1)?.place ?? frame.sequence);
    parts.push({ length: ticks.length, ticks, sequence, skips: frame.skips?.slice(from, from + size) });
  }
  return parts;
}

/** Two frames that follow each other, as one. */
export function join(earlier: Frame, later: Frame): Frame {
  const folded = earlier.skips !== undefined || later.skips !== undefined;
  const skips = folded ? [...skipsOf(earlier), ...skipsOf(later)] : undefined;
  const ticks = [...earlier.ticks, ...later.ticks];
  return { length: ticks.length, ticks, sequence: later.sequence, skips };
}

const skipsOf = (frame: Frame): readonly number[] => frame.skips ?? frame.ticks.map(() => 0);
