/**
 * What an account holds and what has happened to it: positions, deals, its worth.
 *
 * Positions and deals are a projection of the journal. The valuation is not: it is the
 * newest that the terminal has told.
 */
import type { PositionValue, Valuation } from "../model/account.ts";
import type { Deal } from "../model/deal.ts";
import type { Money } from "../model/decimals.ts";
import { type BrokerTime, type StrategyId, strategyIdOf, type Ticket } from "../model/ids.ts";
import type { Position } from "../model/position.ts";
import { type DayResult, DayResults } from "./day-results.ts";
import { type Dealt, DealtVolumes, type Exposure } from "./dealt-volumes.ts";

/** Which deals a list holds; absent means all. */
export interface DealFilter {
  readonly symbol?: string;
  readonly strategyId?: StrategyId;
  readonly position?: Ticket;
  readonly order?: Ticket;
  readonly from?: number;
  readonly to?: number;
}

/** A deal by its place: 1 is the oldest. */
export type NumberedDeal = Deal & { readonly number: number };

/** Deals whose order is not known; beyond them the oldest are forgotten, and their orders ask the terminal's records. */
const mostUnclaimed = 10_000;

/** What a snapshot keeps, to be put in without what would follow from it here and now. */
type Kept =
  | { readonly dealt: Dealt }
  | { readonly position: Position }
  | {
      readonly deals: number;
      readonly newest: Deal | undefined;
      readonly unclaimed: readonly Deal[];
      readonly day: DayResult;
    };

export class Holdings {
  readonly #positions = new Map<Ticket, Position>();
  /** Those in memory; the oldest have the places up to `#forgotten`. */
  #deals: NumberedDeal[] = [];
  #forgotten = 0;
  #newest: Deal | undefined;
  readonly #unclaimed = new Map<Ticket, Deal>();
  readonly #isForgotten: (deal: Ticket) => boolean;
  readonly #known = new Set<Ticket>();
  readonly #dealt = new DealtVolumes();
  readonly #days = new DayResults();
  #valuation: Valuation;
  /** The valuation's positions by ticket, once somebody has asked for one. */
  #values: ReadonlyMap<Ticket, PositionValue> | undefined;

  /** `isForgotten`: whether a deal is known that is no longer in memory. */
  constructor(valuation: Valuation, isForgotten: (deal: Ticket) => boolean = () => false) {
    this.#isForgotten = isForgotten;
    this.#valuation = valuation;
  }

  get valuation(): Valuation {
    return this.#valuation;
  }

  set valuation(valuation: Valuation) {
    this.#valuation = valuation;
    this.#values = undefined;
  }

  /** Oldest first. */
  get positions(): Iterable<Position> {
    return this.#positions.values();
  }

  position(ticket: Ticket): Position | undefined {
    return this.#positions.get(ticket);
  }

  /** Whether anything of it is still open. Deals tell it sooner than the position's report. */
  isOpen(position: Position): boolean {
    return this.#dealt.of(position).some((volume) => volume !== 0);
  }

  /** All that the terminal has of the past is known. */
  complete(): void {
    this.#dealt.complete(new Set([...this.#positions.values()].map(({ identifier }) => identifier)));
  }

  /** All that is open, also what has been dealt and was not reported as a position yet. */
  *exposures(): Iterable<Exposure> {
    const reported = new Set<Ticket>();
    for (const position of this.#positions.values()) {
      if (reported.has(position.identifier)) continue; // turned round: the old ticket's end was not heard of yet
      reported.add(position.identifier);
      const strategyId = strategyIdOf(position.magic);
      const { symbol, identifier } = position;
      const volumes = this.#dealt.of(position);
      for (const volume of volumes) {
        yield { position: identifier, symbol, strategyId, volume, sure: volumes.length === 1 };
      }
    }
    yield* this.#dealt.unreported(reported);
  }

  /**
   * On a netting account, whose strategies share a symbol's position: what a strategy's own deals have made of it since
   * it was opened. What was dealt before anybody watched may be its own as well.
   */
  *sharesOf(strategyId: StrategyId): Iterable<Exposure> {
    for (const exposure of this.exposures()) {
      const { own, anyones } = this.#dealt.partOf(exposure.position, exposure.volume, strategyId);
      if (own !== 0) yield { ...exposure, strategyId, volume: own };
      if (anyones !== 0) yield { ...exposure, strategyId, volume: anyones, sure: false };
    }
  }

  /** What was realised since the broker's midnight. */
  realised(strategyId: StrategyId | undefined, now: BrokerTime): Money {
    return this.#days.of(strategyId, now);
  }

  /** What the open positions would bring, with swap, as far as the terminal has valued them. */
  floating(strategyId: StrategyId | undefined): Money {
    let sum = 0;
    for (const position of this.#positions.values()) {
      const counts = strategyId === undefined || strategyIdOf(position.magic) === strategyId;
      // Closed by its deals: what it brought is realised already.
      if (counts && this.isOpen(position)) sum += (this.value(position.ticket)?.profit ?? 0) + position.swap;
    }
    return sum as Money;
  }

  value(ticket: Ticket): PositionValue | undefined {
    this.#values ??= new Map(this.#valuation.positions.map((value) => [value.position, value]));
    return this.#values.get(ticket);
  }

  /** The deal that was heard of last. */
  get newestDeal(): Deal | undefined {
    return this.#newest;
  }

  /** Their places are 1, 2, 3 … */
  get dealCount(): number {
    return this.#forgotten + this.#deals.length;
  }

  /** How many of the oldest are no longer in memory. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** Deals that were told before their orders, oldest first. */
  get unclaimed(): Iterable<Deal> {
    return this.#unclaimed.values();
  }

  get day(): DayResult {
    return this.#days.newest;
  }

  /** Nobody knows the deal's order yet. */
  keepFor(deal: Deal): void {
    this.#unclaimed.set(deal.ticket, deal);
    if (this.#unclaimed.size <= mostUnclaimed) return;
    const [oldest] = this.#unclaimed.keys();
    this.#unclaimed.delete(oldest as Ticket);
  }

  /** Its order has been filled by it. */
  claim(deal: Ticket): void {
    this.#unclaimed.delete(deal);
  }

  /** What follows from the order of deals and reports; a snapshot keeps it beside them. */
  get dealt(): Dealt[] {
    return this.#dealt.entries;
  }

  restore(kept: Kept): void {
    if ("dealt" in kept) this.#dealt.restore(kept.dealt);
    else if ("position" in kept) this.#positions.set(kept.position.ticket, kept.position);
    else {
      this.#forgotten = kept.deals;
      this.#newest = kept.newest;
      for (const deal of kept.unclaimed) this.keepFor(deal);
      this.#days.restore(kept.day);
    }
  }

  put(position: Position): void {
    this.#positions.set(position.ticket, position);
    this.#dealt.reported(position);
  }

  remove(ticket: Ticket): void {
    const position = this.#positions.get(ticket);
    this.#positions.delete(ticket);
    if (position !== undefined) this.#dealt.closed(position);
  }

  knows(deal: Ticket): boolean {
    return this.#known.has(deal) || this.#isForgotten(deal);
  }

  add(deal: Deal): void {
    this.#known.add(deal.ticket);
    this.#deals.push({ ...deal, number: this.dealCount + 1 });
    this.#newest = deal;
    this.#days.add(deal);
    this.#dealt.add(deal);
  }

  /** The deals up to this place are kept elsewhere. */
  forget(place: number): void {
    if (place <= this.#forgotten) return;
    for (const { ticket } of this.#deals.slice(0, place - this.#forgotten)) this.#known.delete(ticket);
    this.#deals = this.#deals.slice(place - this.#forgotten);
    this.#forgotten = place;
  }

  /** Of any place in memory; undefined elsewhere. */
  dealAt(place: number): NumberedDeal | undefined {
    return this.#deals[place - this.#forgotten - 1];
  }

  /** Oldest first. */
  dealsBehind(place: number): NumberedDeal[] {
    return this.#deals.slice(Math.max(0, place - this.#forgotten));
  }
}

export function isListed(deal: Deal, filter: DealFilter): boolean {
  return (
    (filter.symbol === undefined || deal.symbol === filter.symbol) &&
    (filter.strategyId === undefined || strategyIdOf(deal.magic) === filter.strategyId) &&
    (filter.position === undefined || deal.position === filter.position) &&
    (filter.order === undefined || deal.order === filter.order) &&
    (filter.from === undefined || deal.time >= filter.from) &&
    (filter.to === undefined || deal.time <= filter.to)
  );
}
