/** Which of a seed's faults it takes to break a promise. */
import { drawFaults, type Fault } from "./faults.ts";
import { type Result, simulate } from "./run.ts";

export interface Shrunk {
  readonly faults: readonly Fault[];
  readonly result: Result;
  /** How many runs it took to find out. */
  readonly runs: number;
}

/** Leaves out one fault after the other, for as long as some promise is still broken. */
export async function shrink(seed: number, linked = false, run = simulate): Promise<Shrunk> {
  let faults: readonly Fault[] = drawFaults(seed);
  let result = await run({ seed, faults, linked });
  let runs = 1;
  for (let at = 0; at < faults.length; ) {
    const fewer = faults.toSpliced(at, 1);
    const without = await run({ seed, faults: fewer, linked });
    runs += 1;
    if (without.wrong.length === 0) at += 1;
    else {
      faults = fewer;
      result = without;
      at = 0;
    }
  }
  return { faults, result, runs };
}
