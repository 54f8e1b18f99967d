/** Somebody who holds trading back for a while, everywhere or on one symbol, and lets it go on again. */
import type { BridgeError } from "../../src/core/errors.ts";
import type { ModeScope, TradingMode } from "../../src/core/orders/trading-mode.ts";
import { call, type Lines } from "./call.ts";
import type { Dice } from "./dice.ts";

/** From the acknowledgement on, until something easier is asked for. */
export interface Hold {
  readonly symbol: string | undefined;
  readonly mode: TradingMode;
  readonly from: number;
  until: number;
}

export class Operator {
  readonly holds: Hold[] = [];
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
    for (let n = dice.pick([0, 0, 0, 1, 2]); n > 0; n--) {
      await this.#pause(dice.between(200, 4000));
      const symbol = dice.pick([undefined, "EURUSD", "GBPUSD"]);
      const mode = dice.pick(["reduce_only", "halted"] as const);
      await this.#set(symbol, mode);
      const hold: Hold = { symbol, mode, from: this.#lines.world.now, until: Number.POSITIVE_INFINITY };
      this.#lines.counts.add(`trading ${mode}`);
      this.holds.push(hold);
      await this.#pause(dice.between(100, 2500));
      hold.until = this.#lines.world.now;
      await this.#set(symbol, "active");
    }
    this.done = true;
  }

  /** Asks until it is acknowledged. */
  async #set(symbol: string | undefined, mode: TradingMode): Promise<void> {
    const scope: ModeScope = symbol === undefined ? {} : { symbol };
    for (;;) {
      const answer = await call(this.#lines, this.#dice, ({ desk }) =>
        desk.control.setMode(scope, mode, { reason: "a drill", by: "operator" }),
      );
      if (answer !== "none" && !isFault(answer)) return;
      if (answer !== "none" && answer.fault === "internal") this.wrong.push(`mode: ${String(answer.cause)}`);
      await this.#pause(this.#dice.between(50, 400));
    }
  }

  #pause(ms: number): Promise<void> {
    const { world } = this.#lines;
    return new Promise((resolve) => void world.after(ms, world.outside, resolve));
  }
}

const isFault = (answer: object): answer is BridgeError => answer instanceof Error;
