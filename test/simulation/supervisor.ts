/** Somebody who limits an account or a strategy for a while, then otherwise, and at last no more. */
import type { StrategyId } from "../../src/core/model/ids.ts";
import type { LimitScope, RiskLimits } from "../../src/core/orders/risk-limits.ts";
import { insist, type Lines, pause } from "./call.ts";
import type { Dice } from "./dice.ts";

/** From the acknowledgement on, until others are asked for. */
export interface Limited {
  readonly strategyId: StrategyId | undefined;
  readonly limits: RiskLimits;
  readonly from: number;
  until: number;
}

export class Supervisor {
  readonly limited: Limited[] = [];
  readonly wrong: string[] = [];
  done = false;
  readonly #lines: Lines;
  readonly #dice: Dice;

  constructor(lines: Lines, dice: Dice) {
    this.#lines = lines;
    this.#dice = dice;
  }

  async run(): Promise<void> {
    const dice = this.#dice;
    const { world } = this.#lines;
    const strategyId = dice.pick([undefined, undefined, 1 as StrategyId]);
    let before: Limited | undefined;
    for (let n = dice.pick([0, 0, 1, 2, 3]); n > 0; n--) {
      await pause(world, before === undefined ? dice.between(0, 1500) : dice.between(500, 4000));
      if (before !== undefined) before.until = world.now;
      const limits = drawLimits(dice);
      await this.#set(strategyId, n === 1 && before !== undefined ? undefined : limits);
      if (n === 1 && before !== undefined) break;
      before = { strategyId, limits, from: world.now, until: Number.POSITIVE_INFINITY };
      this.limited.push(before);
      this.#lines.counts.add("limits set");
    }
    this.done = true;
  }

  #set(strategyId: StrategyId | undefined, limits: RiskLimits | undefined): Promise<void> {
    const decision = { reason: "a drill", by: "supervisor" };
    const wrong = (sentence: string) => this.wrong.push(`limits: ${sentence}`);
    return insist(
      this.#lines,
      this.#dice,
      ({ desk }) => {
        const scope: LimitScope = { account: desk.account, ...(strategyId === undefined ? {} : { strategyId }) };
        return desk.control.setLimits(scope, limits, decision);
      },
      wrong,
    );
  }
}

/** As tight as what strategies draw makes them hold something back. */
function drawLimits(dice: Dice): RiskLimits {
  const all: RiskLimits[] = [
    { maxPosition: dice.pick([0.05, 0.3, 1]) },
    { maxOpenOrders: dice.pick([1, 2, 3]) },
    { maxOrdersPerSecond: dice.pick([1, 2]) },
    { maxVolume: dice.pick([0.05, 0.3]) },
  ];
  return Object.assign({}, ...dice.shuffled(all).slice(0, dice.between(1, 2)));
}
