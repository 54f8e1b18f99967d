/** One seed, from its beginning to the oracle's word. */
import { drawFaults, type Fault } from "./faults.ts";
import { judge } from "./oracle.ts";
import { Scene } from "./scene.ts";
import { Trace } from "./trace.ts";

export interface Result {
  readonly seed: number;
  /** What promise was not kept; empty: all were. */
  readonly wrong: readonly string[];
  /** How often each fault has really fired. */
  readonly fired: readonly (readonly [string, number])[];
  /** The same for the same run. */
  readonly hash: string;
  readonly turns: number;
  /** What happened, where somebody wants to read it. */
  readonly lines: readonly string[];
}

export interface Run {
  readonly seed: number;
  /** Without it, all that the seed draws. */
  readonly faults?: readonly Fault[];
  readonly told?: boolean;
  /** The terminal is a live one, behind the link's real protocol. */
  readonly linked?: boolean;
}

/** Exceptions that nobody caught, since the last run began: the real process would have ended. */
const uncaught: unknown[] = [];
process.on("unhandledRejection", (error) => uncaught.push(error));

export async function simulate({
  seed,
  faults = drawFaults(seed),
  told = false,
  linked = false,
}: Run): Promise<Result> {
  uncaught.length = 0;
  const trace = new Trace(told);
  const scene = new Scene(seed, faults, trace, linked);
  const wrong: string[] = [];
  try {
    await scene.run();
    wrong.push(...(await judge(scene)));
  } catch (error) {
    wrong.push(`the run failed: ${error instanceof Error ? error.stack : String(error)}`);
  }
  for (const error of uncaught) wrong.push(`nobody caught: ${error instanceof Error ? error.stack : String(error)}`);
  for (const line of scene.disk.lines("orders")) trace.note(0, line);
  return {
    seed,
    wrong,
    fired: [...scene.counts],
    hash: trace.hash,
    turns: scene.world.turns,
    lines: trace.lines ?? [],
  };
}
