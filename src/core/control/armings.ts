/** Which strategies have asked for what to be done should they stay away. */
import { BridgeError } from "../errors.ts";
import type { AccountAlias, Instant, StrategyId } from "../model/ids.ts";

export type DeadManAction = "cancel_orders" | "close_positions";

export interface DeadManWish {
  readonly action: DeadManAction;
  /** Milliseconds without a stream that has asked for it. */
  readonly timeout: number;
}

export interface Arming extends DeadManWish {
  /** 1, 2, 3 … over all accounts: what is done in its name carries it. */
  readonly number: number;
  readonly account: AccountAlias;
  readonly strategyId: StrategyId;
  /** The principal's name. */
  readonly armedBy: string;
  readonly armedAt: Instant;
}

/** The most that can be armed at once. */
const mostArmed = 10_000;

export class Armings {
  readonly #armed = new Map<string, Arming>();
  #last = 0;

  get next(): number {
    if (this.#armed.size < mostArmed) return this.#last + 1;
    throw new BridgeError(
      "quota_exceeded",
      `dead-man switches are armed for ${mostArmed} strategies, the most there can be`,
      {
        metadata: { quota: "dead_man_switches", limit: String(mostArmed) },
      },
    );
  }

  /** Its number is taken, also when it does not come to be armed. */
  take(number: number): void {
    this.#last = Math.max(this.#last, number);
  }

  arm(arming: Arming): void {
    this.take(arming.number);
    this.#armed.set(nameOf(arming), arming);
  }

  disarm({ number, ...of }: Pick<Arming, "number" | "account" | "strategyId">): void {
    if (this.#armed.get(nameOf(of))?.number === number) this.#armed.delete(nameOf(of));
  }

  of(account: AccountAlias, strategyId: StrategyId): Arming | undefined {
    return this.#armed.get(nameOf({ account, strategyId }));
  }

  on(account: AccountAlias): Arming[] {
    return [...this.#armed.values()].filter((arming) => arming.account === account);
  }
}

const nameOf = ({ account, strategyId }: Pick<Arming, "account" | "strategyId">): string => `${account}\n${strategyId}`;
