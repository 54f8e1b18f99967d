/**
 * What is open of each position by its deals.
 *
 * A deal and what it makes of its order are one event; the position's own report comes a moment later. Who has to know
 * at every moment how much can be open at most adds up the deals and what is left of the orders: between the two
 * nothing is missing and nothing is there twice.
 *
 * A position older than the history that the terminal keeps has no opening deal. Of such a one the last report counts,
 * and what was dealt since.
 */
import type { Deal } from "../model/deal.ts";
import { type StrategyId, strategyIdOf, type Ticket } from "../model/ids.ts";
import type { Position } from "../model/position.ts";

/** Of one position. Volumes are in 1e-8 lots, above 0 when bought. */
interface Dealt {
  readonly symbol: string;
  readonly strategyId: StrategyId;
  /** Whether the deal that opened it is known. */
  readonly born: boolean;
  readonly all: number;
  /** Since it was reported last. */
  readonly since: number;
  /** Of these, what opened or added. */
  readonly added: number;
}

/** What is open of one position; `volume` is in 1e-8 lots, above 0 when it was bought. */
export interface Exposure {
  readonly symbol: string;
  readonly strategyId: StrategyId;
  readonly volume: number;
}

export class DealtVolumes {
  /** By the position's identifier. */
  readonly #dealt = new Map<Ticket, Dealt>();

  add({ position, order, symbol, magic, type, entry, volume }: Deal): void {
    if (position === undefined || (type !== "buy" && type !== "sell")) return;
    const before = this.#dealt.get(position);
    const signed = type === "buy" ? volume : -volume;
    this.#dealt.set(position, {
      symbol,
      strategyId: before?.strategyId ?? strategyIdOf(magic),
      born: before?.born || (entry === "in" && order === position),
      all: (before?.all ?? 0) + signed,
      since: (before?.since ?? 0) + signed,
      added: (before?.added ?? 0) + (entry === "in" ? signed : 0),
    });
  }

  reported({ identifier }: Position): void {
    const dealt = this.#dealt.get(identifier);
    if (dealt !== undefined) this.#dealt.set(identifier, { ...dealt, since: 0, added: 0 });
  }

  /** It is over, unless deals are still to come that are known to be missing. */
  closed({ identifier }: Position): void {
    const dealt = this.#dealt.get(identifier);
    if (dealt !== undefined && (!dealt.born || dealt.all === 0)) this.#dealt.delete(identifier);
  }

  of({ identifier, side, volume }: Position): number {
    const dealt = this.#dealt.get(identifier);
    if (dealt?.born) return dealt.all;
    return (side === "buy" ? volume : -volume) + (dealt?.since ?? 0);
  }

  /** Those that are not among the reported. */
  *unreported(reported: ReadonlySet<Ticket>): Iterable<Exposure> {
    for (const [identifier, { symbol, strategyId, born, all, added }] of this.#dealt) {
      if (!reported.has(identifier)) yield { symbol, strategyId, volume: born ? all : added };
    }
  }
}
