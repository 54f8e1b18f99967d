/**
 * A strategy's stream that has asked for a dead-man switch: it is there for a while, stays away for a while, and in the
 * end for good.
 */
import type { Account } from "../../src/core/accounts/account.ts";
import type { DeadManWish } from "../../src/core/control/armings.ts";
import type { StrategyId } from "../../src/core/model/ids.ts";
import { streamOrders } from "../../src/core/orders/stream-orders.ts";
import type { Bridge, Life } from "./bridge.ts";
import { pause } from "./call.ts";
import type { Counts } from "./counts.ts";
import type { Dice } from "./dice.ts";
import type { World } from "./world.ts";

/** From the moment in which the stream was asked for to its end. */
export interface Visit {
  from: number;
  until: number;
  /** It was told that the switch is armed. */
  armed: boolean;
  /** It stays until nobody asks for anything any more. */
  readonly last: boolean;
}

/** Milliseconds between two attempts to be heard. */
const again = 150;

export class Follower {
  readonly strategyId: StrategyId;
  readonly wish: DeadManWish;
  readonly visits: Visit[] = [];
  /** It has gone for good. */
  gone = false;
  readonly #world: World;
  readonly #bridge: Bridge;
  readonly #counts: Counts;
  readonly #dice: Dice;

  constructor(strategyId: StrategyId, world: World, bridge: Bridge, counts: Counts, dice: Dice) {
    this.strategyId = strategyId;
    this.#world = world;
    this.#bridge = bridge;
    this.#counts = counts;
    this.#dice = dice;
    const action = dice.pick(["cancel_orders", "close_positions"] as const);
    this.wish = { action, timeout: dice.pick([1000, 2500]) };
  }

  /** `idle`: when no strategy asks for anything any more. It goes at some time in the storm, or only then. */
  async run(idle: () => boolean): Promise<void> {
    const dice = this.#dice;
    const lasting = dice.happens(0.5);
    for (let n = dice.between(1, 3); n > 0; n--) {
      await pause(this.#world, dice.between(0, 3000));
      const until = this.#world.now + dice.between(300, 3000);
      const last = lasting && n === 1;
      const here = () => (last ? !idle() : this.#world.now < until);
      while (here()) await this.#visit(here, last);
    }
    this.gone = true;
  }

  /** Until it is cut off, or does not want to stay any longer. */
  async #visit(stays: () => boolean, last: boolean): Promise<void> {
    const { account, life } = this.#bridge;
    if (account === undefined) return pause(this.#world, again);
    const left = new AbortController();
    let open = true;
    const visit: Visit = { from: 0, until: Number.POSITIVE_INFINITY, armed: false, last };
    const end = () => {
      if (open) visit.until = this.#world.now;
      open = false;
    };
    life.process.onEnd(end);
    this.#world.after(0, life.process, () => {
      visit.from = this.#world.now;
      this.visits.push(visit);
      void this.#read(account, life, visit, left.signal).then(end, end);
    });
    while (open && stays()) await pause(this.#world, again);
    this.#world.after(0, life.process, () => left.abort("left"));
    while (open) await pause(this.#world, again); // a process that stands still hears of it later
  }

  async #read(account: Account, life: Life, visit: Visit, signal: AbortSignal): Promise<void> {
    const deadMan = { wish: this.wish, by: "a strategy" };
    const options = { symbols: [], snapshot: false, after: undefined, heartbeat: 500, deadMan };
    const ends = { signal, leaving: life.leaving.signal };
    for await (const { type } of streamOrders(account, { ...options, strategyId: this.strategyId }, ends)) {
      if (!life.process.effect()) return;
      if (type !== "opened") continue;
      visit.armed = true;
      this.#counts.add("dead-man switch armed");
    }
  }
}
