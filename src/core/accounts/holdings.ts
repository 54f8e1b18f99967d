/**
 * What an account holds and what has happened to it: positions, deals, its worth.
 *
 * Positions and deals are a projection of the journal. The valuation is not: it is the
 * newest that the terminal has told.
 */
import type { PositionValue, Valuation } from "../model/account.ts";
import type { Deal } from "../model/deal.ts";
import type { Money } from "../model/decimals.ts";
import { type Instant, type StrategyId, strategyIdOf, type Ticket } from "../model/ids.ts";
import type { Position } from "../model/position.ts";
import { DayResults } from "./day-results.ts";
import { type DealtEntry, DealtVolumes, type Exposure } from "./dealt-volumes.ts";

/** Which deals a list holds; absent means all. */
export interface DealFilter {
  readonly symbol?: string;
  readonly strategyId?: StrategyId;
  readonly position?: Ticket;
  readonly order?: Ticket;
  readonly from?: number;
  readonly to?: number;
}

export class Holdings {
  readonly #positions = new Map<Ticket, Position>();
  readonly #deals: Deal[] = [];
  readonly #known = new Set<Ticket>();
  readonly #dealt = new DealtVolumes();
  readonly #days = new DayResults();
  #valuation: Valuation;
  /** The valuation's positions by ticket, once somebody has asked for one. */
  #values: ReadonlyMap<Ticket, PositionValue> | undefined;

  constructor(valuation: Valuation) {
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

  /** How much is open of it, in 1e-8 lots, above 0 when it was bought. Deals tell it sooner than the position's report. */
  signedVolume(position: Position): number {
    return this.#dealt.of(position);
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
      yield { symbol: position.symbol, strategyId, volume: this.signedVolume(position), sure: true };
    }
    yield* this.#dealt.unreported(reported);
  }

  /** What was realised since the broker's midnight. */
  realised(strategyId: StrategyId | undefined, now: Instant): Money {
    return this.#days.of(strategyId, now);
  }

  /** What the open positions would bring, with swap, as far as the terminal has valued them. */
  floating(strategyId: StrategyId | undefined): Money {
    let sum = 0;
    for (const position of this.#positions.values()) {
      const counts = strategyId === undefined || strategyIdOf(position.magic) === strategyId;
      // Closed by its deals: what it brought is realised already.
      if (counts && this.signedVolume(position) !== 0)
        sum += (this.value(position.ticket)?.profit ?? 0) + position.swap;
    }
    return sum as Money;
  }

  value(ticket: Ticket): PositionValue | undefined {
    this.#values ??= new Map(this.#valuation.positions.map((value) => [value.position, value]));
    return this.#values.get(ticket);
  }

  /** The deal that was heard of last. */
  get newestDeal(): Deal | undefined {
    return this.#deals.at(-1);
  }

  /** What follows from the order of deals and reports; a snapshot keeps it beside them. */
  get dealt(): DealtEntry[] {
    return this.#dealt.entries;
  }

  /** What a snapshot has kept. It is put in without what would follow from it here and now. */
  restore(kept: { readonly deal: Deal } | { readonly dealt: DealtEntry } | { readonly position: Position }): void {
    if ("deal" in kept) this.#remember(kept.deal);
    else if ("dealt" in kept) this.#dealt.restore(kept.dealt);
    else this.#positions.set(kept.position.ticket, kept.position);
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
    return this.#known.has(deal);
  }

  add(deal: Deal): void {
    this.#remember(deal);
    this.#dealt.add(deal);
  }

  #remember(deal: Deal): void {
    this.#known.add(deal.ticket);
    this.#deals.push(deal);
    this.#days.add(deal);
  }

  /** Newest first, below place `before` (1 is the oldest), at most `limit`; each with its place. */
  deals(filter: DealFilter, before: number, limit: number): { readonly place: number; readonly deal: Deal }[] {
    const found: { place: number; deal: Deal }[] = [];
    for (let place = Math.min(before - 1, this.#deals.length); place >= 1 && found.length < limit; place--) {
      const deal = this.#deals[place - 1];
      if (deal !== undefined && matches(deal, filter)) found.push({ place, deal });
    }
    return found;
  }
}

function matches(deal: Deal, filter: DealFilter): boolean {
  return (
    (filter.symbol === undefined || deal.symbol === filter.symbol) &&
    (filter.strategyId === undefined || strategyIdOf(deal.magic) === filter.strategyId) &&
    (filter.position === undefined || deal.position === filter.position) &&
    (filter.order === undefined || deal.order === filter.order) &&
    (filter.from === undefined || deal.time >= filter.from) &&
    (filter.to === undefined || deal.time <= filter.to)
  );
}
