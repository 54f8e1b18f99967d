/**
 * Where the time of a command went, from the stamps of the terminal's side.
 *
 * The steps follow each other without a gap from the moment the command was sent until its
 * answer was here, so their sum is what was waited. What the clocks of the two sides do not
 * agree upon falls to the ways there and back.
 */
import type { Work } from "../../core/ports/witness.ts";
import type { FarClock } from "./far-clock.ts";

/** By the terminal's own clock, µs; 0 where it never came to that. */
export interface TerminalStamps {
  readonly received: number;
  readonly beforeSend: number;
  readonly afterSend: number;
  readonly answered: number;
  readonly reported: number;
}

/** Each step, and the stamp that ends it. */
// biome-ignore format: a table is read by its rows
const steps: readonly (readonly [step: string, end: keyof TerminalStamps])[] = [
  ["there",   "received"],
  ["prepare", "beforeSend"], // onto the disk of its inbox
  ["send",    "afterSend"],
  ["broker",  "answered"],
  ["report",  "reported"],
];

/** `sent` and `here` by our stopwatch, `told` when all that belongs to the answer was here. */
export function workOf(
  stamps: TerminalStamps,
  clock: FarClock,
  sent: number,
  here: number,
  told: number,
): readonly Work[] {
  const work: Work[] = [];
  let start = sent;
  for (const [step, name] of steps) {
    const stamp = stamps[name];
    const at = stamp === 0 ? undefined : clock.here(stamp);
    if (at === undefined) continue;
    const end = Math.min(Math.max(at, start), here);
    work.push({ step, start, end });
    start = end;
  }
  work.push({ step: "back", start, end: here });
  if (told > here) work.push({ step: "records", start: here, end: told });
  return work;
}
