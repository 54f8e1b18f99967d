/** Somebody who holds trading back for a while, everywhere or on one symbol, and lets it go on again. */
import type { Account } from "../../src/core/accounts/account.ts";
import { bridgeItself } from "../../src/core/control/control-record.ts";
import type { ModeScope, TradingMode } from "../../src/core/orders/trading-mode.ts";
import { insist, type Lines, pause } from "./call.ts";
import type { Dice } from "./dice.ts";
import type { Disk } from "./disk.ts";

/** From the acknowledgement on, until something easier is asked for. */
export interface Hold {
  readonly symbol: string | undefined;
  readonly mode: TradingMode;
  readonly from: number;
  until: number;
}

/** Milliseconds between two looks at whether the bridge itself has halted trading. */
const lookEvery = 500;

export class Operator {
  readonly holds: Hold[] = [];
  readonly wrong: string[] = [];
  done = false;
  /** When trading was let go on everywhere, and when the journal had been damaged last: what it forgot is given up then. */
  readonly eases: { readonly at: number; readonly damagedAt: number }[] = [];
  /** The symbol that is held back in a drill, from before that is asked for until it has been let go. */
  #drilled: string | undefined;
  /** One decision at a time. */
  #turn: Promise<void> = Promise.resolve();
  readonly #lines: Lines;
  readonly #disk: Disk;
  readonly #dice: Dice;

  constructor(lines: Lines, disk: Disk, dice: Dice, lookDice: Dice) {
    this.#lines = lines;
    this.#disk = disk;
    this.#dice = dice;
    void this.#look(lookDice);
  }

  async run(): Promise<void> {
    const dice = this.#dice;
    const { world, counts } = this.#lines;
    for (let n = dice.pick([0, 0, 0, 1, 2]); n > 0; n--) {
      await pause(world, dice.between(200, 4000));
      const symbol = dice.pick([undefined, "EURUSD", "GBPUSD"]);
      const mode = dice.pick(["reduce_only", "halted"] as const);
      this.#drilled = symbol;
      await this.#set(symbol, mode, dice);
      const hold: Hold = { symbol, mode, from: world.now, until: Number.POSITIVE_INFINITY };
      counts.add(`trading ${mode}`);
      this.holds.push(hold);
      await pause(world, dice.between(100, 2500));
      hold.until = world.now;
      await this.#set(symbol, "active", dice);
      this.#drilled = undefined;
    }
    this.done = true;
  }

  /** A damaged journal has halted everything: somebody looks at what is lost, and lets trading go on without it. */
  async #look(dice: Dice): Promise<void> {
    const { world, bridge, counts } = this.#lines;
    for (;;) {
      await pause(world, lookEvery);
      const isHalted = () => {
        const entry = bridge.account?.desk.control.modes.at({});
        return entry?.mode === "halted" && entry.setBy === bridgeItself;
      };
      if (!isHalted()) continue;
      counts.add("halted by the bridge itself");
      await pause(world, dice.between(0, 1500));
      await this.#turn;
      if (!isHalted()) continue;
      await this.#set(undefined, "active", dice, isHalted);
      // What was lost may have been the end of a drill.
      for (const { symbol, mode } of bridge.account?.desk.control.modes.entries ?? []) {
        const isForgotten = () => this.#drilled !== symbol;
        if (symbol !== undefined && mode !== "active") await this.#set(symbol, "active", dice, isForgotten);
      }
    }
  }

  /** `still`: whether it is still to be done when its turn comes. */
  #set(symbol: string | undefined, mode: TradingMode, dice: Dice, still = () => true): Promise<void> {
    const scope: ModeScope = symbol === undefined ? {} : { symbol };
    const decision = { reason: "a drill", by: "operator" };
    const wrong = (sentence: string) => this.wrong.push(`mode: ${sentence}`);
    const set = ({ desk }: Account) => {
      const { now } = this.#lines.world;
      if (symbol === undefined && mode !== "halted") this.eases.push({ at: now, damagedAt: this.#disk.damagedAt });
      return desk.control.setMode(scope, mode, decision);
    };
    this.#turn = this.#turn.then(() => (still() ? insist(this.#lines, dice, set, wrong) : undefined));
    return this.#turn;
  }

  /** When something that was in force from then on was given up, because a damaged journal had forgotten it. */
  easedAfter(from: number): number {
    return this.eases.find(({ at, damagedAt }) => at > from && damagedAt >= from)?.at ?? Number.POSITIVE_INFINITY;
  }
}
