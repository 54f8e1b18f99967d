/** A call to the bridge, as a strategy or an operator makes it: the call, the answer, or either of them may be lost. */
import type { Account } from "../../src/core/accounts/account.ts";
import { BridgeError } from "../../src/core/errors.ts";
import type { Instant } from "../../src/core/model/ids.ts";
import type { Caller } from "../../src/core/orders/order-desk.ts";
import type { Bridge } from "./bridge.ts";
import type { Counts } from "./counts.ts";
import type { Dice } from "./dice.ts";
import type { World } from "./world.ts";

/** What calls pass through. */
export interface Lines {
  readonly world: World;
  readonly bridge: Bridge;
  readonly counts: Counts;
  /** Until then so many of a hundred answers do not reach who called. */
  readonly losses: { until: number; percent: number };
}

/** Milliseconds that a caller waits for an answer. */
const patience = 1500;

/** The answer, why there is none, or `none` when nobody says anything. */
export function call<T>(
  { world, bridge, counts, losses }: Lines,
  dice: Dice,
  ask: (account: Account, caller: Caller) => Promise<T>,
): Promise<T | BridgeError | "none"> {
  return new Promise((resolve) => {
    const gone = new AbortController();
    const giveUp = world.after(patience, world.outside, () => {
      gone.abort("gone");
      resolve("none");
    });
    const hear = (answer: T | BridgeError) =>
      world.after(dice.between(0, 2), world.outside, () => {
        giveUp();
        resolve(answer);
      });
    const { account, life } = bridge;
    if (account === undefined) {
      hear(new BridgeError("draining", "nobody listens"));
      return;
    }
    const caller = { deadline: (world.instant + patience) as Instant, signal: gone.signal, traceId: "" };
    const answer = (given: T | BridgeError) => {
      if (!life.process.effect()) return;
      if (world.now < losses.until && dice.below(100) < losses.percent) counts.add("answer lost");
      else hear(given);
    };
    world.after(dice.between(0, 2), life.process, () => {
      ask(account, caller).then(answer, (error: unknown) => {
        answer(error instanceof BridgeError ? error : new BridgeError("internal", "a bug", { cause: error }));
      });
    });
  });
}

/** Asks until it is acknowledged; calls `wrong` when the bridge has a defect. */
export async function insist(
  lines: Lines,
  dice: Dice,
  ask: (account: Account) => Promise<unknown>,
  wrong: (sentence: string) => void,
): Promise<void> {
  const { world } = lines;
  for (;;) {
    const answer = await call(lines, dice, ask);
    if (answer !== "none" && !(answer instanceof BridgeError)) return;
    if (answer !== "none" && answer.fault === "internal") wrong(String(answer.cause));
    await pause(world, dice.between(50, 400));
  }
}

export const pause = (world: World, ms: number): Promise<void> =>
  new Promise((resolve) => void world.after(ms, world.outside, resolve));
