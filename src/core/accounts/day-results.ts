/**
 * What was realised since the broker's midnight, for the account and for each strategy. Deposits are no result. What
 * there is no word for may be either: of it a loss counts, and a gain does not.
 */
import { toBrokerTime } from "../model/broker-clock.ts";
import type { Deal, DealType } from "../model/deal.ts";
import type { Money } from "../model/decimals.ts";
import { type BrokerTime, type StrategyId, strategyIdOf } from "../model/ids.ts";
import { isUnnamed } from "../model/unnamed.ts";

const DAY = 86_400_000;
const dayOf = (time: BrokerTime): number => Math.floor(time / DAY);
const results: ReadonlySet<DealType> = new Set([
  ...(["buy", "sell", "interest", "charge", "dividend", "dividend_franked", "tax"] as const),
  ...(["commission", "commission_daily", "commission_monthly", "commission_agent"] as const),
  ...(["commission_agent_daily", "commission_agent_monthly"] as const),
]);

/** What a snapshot keeps of it. */
export interface DayResult {
  readonly day: number;
  readonly all: number;
  readonly strategies: readonly (readonly [StrategyId, number])[];
}

export class DayResults {
  #day = 0;
  #all = 0;
  #strategies = new Map<StrategyId, number>();

  get newest(): DayResult {
    return { day: this.#day, all: this.#all, strategies: [...this.#strategies] };
  }

  restore({ day, all, strategies }: DayResult): void {
    this.#day = day;
    this.#all = all;
    this.#strategies = new Map(strategies);
  }

  add({ time, brokerTime = toBrokerTime(time), type, magic, profit, swap, commission, fee }: Deal): void {
    const result = profit + swap + commission + fee;
    if (isUnnamed(type) ? result >= 0 : !results.has(type)) return;
    const day = dayOf(brokerTime);
    if (day < this.#day) return;
    if (day > this.#day) {
      this.#day = day;
      this.#all = 0;
      this.#strategies = new Map();
    }
    const strategyId = strategyIdOf(magic);
    this.#all += result;
    this.#strategies.set(strategyId, (this.#strategies.get(strategyId) ?? 0) + result);
  }

  /** Today's as of `now`. */
  of(strategyId: StrategyId | undefined, now: BrokerTime): Money {
    if (dayOf(now) > this.#day) return 0 as Money;
    return (strategyId === undefined ? this.#all : (this.#strategies.get(strategyId) ?? 0)) as Money;
  }
}
