import type { Tick } from "../model/tick.ts";

/**
 * What one turn brought: ticks in order, and where the stream stands behind the last.
 *
 * Frames are shared: everyone who wants the same symbols gets the same object, so that
 * what a transport makes of it (bytes) can be made once.
 */
export interface Frame {
  readonly ticks: readonly Tick[];
  /** The place of the last tick of the turn, also when that tick is not in this frame. */
  readonly sequence: number;
  /** How many earlier ticks of its symbol were folded into each tick; absent: none. */
  readonly skips: readonly number[] | undefined;
}

/** The most ticks in one frame; a reader may ask for fewer. */
export const largest = 1000;

/** The frame in parts of at most `size` ticks. */
export function split(frame: Frame, size: number): Frame[] {
  if (frame.ticks.length <= size) return [frame];
  const parts: Frame[] = [];
  for (let from = 0; from < frame.ticks.length; from += size) {
    const ticks = frame.ticks.slice(from, from + size);
    const last = from + size >= frame.ticks.length;
    const sequence = last ? frame.sequence : (ticks.at(-1)?.place ?? frame.sequence);
    parts.push({ ticks, sequence, skips: frame.skips?.slice(from, from + size) });
  }
  return parts;
}

/** Two frames that follow each other, as one. */
export function join(earlier: Frame, later: Frame): Frame {
  const folded = earlier.skips !== undefined || later.skips !== undefined;
  const skips = folded ? [...skipsOf(earlier), ...skipsOf(later)] : undefined;
  return { ticks: [...earlier.ticks, ...later.ticks], sequence: later.sequence, skips };
}

const skipsOf = (frame: Frame): readonly number[] => frame.skips ?? frame.ticks.map(() => 0);
