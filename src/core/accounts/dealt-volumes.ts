/**
 * What is open of each position by its deals.
 *
 * A deal and what it makes of its order are one event; the position's own report comes a moment later. Who has to know
 * at every moment how much can be open at most adds up the deals and what is left of the orders: between the two
 * nothing is missing and nothing is there twice.
 */
import type { Deal } from "../model/deal.ts";
import { type StrategyId, strategyIdOf, type Ticket } from "../model/ids.ts";

/** Of one position; `volume` is in 1e-8 lots, above 0 when it was bought. */
export interface DealtVolume {
  readonly symbol: string;
  /** Whose deal opened it. */
  readonly strategyId: StrategyId;
  readonly volume: number;
  /** Whether the deal that opened it is known; without it the sum says nothing. */
  readonly born: boolean;
}

export class DealtVolumes {
  readonly #volumes = new Map<Ticket, DealtVolume>();

  /** By the position's identifier. */
  of(position: Ticket): DealtVolume | undefined {
    const dealt = this.#volumes.get(position);
    return dealt?.born ? dealt : undefined;
  }

  /** Those whose opening deal is known. */
  *born(): Iterable<readonly [Ticket, DealtVolume]> {
    for (const one of this.#volumes) if (one[1].born) yield one;
  }

  add({ position, order, symbol, magic, type, entry, volume }: Deal): void {
    if (position === undefined || (type !== "buy" && type !== "sell")) return;
    const before = this.#volumes.get(position);
    this.#volumes.set(position, {
      symbol,
      strategyId: before?.strategyId ?? strategyIdOf(magic),
      volume: (before?.volume ?? 0) + (type === "buy" ? volume : -volume),
      born: before?.born || (entry === "in" && order === position),
    });
  }

  /** The position is no longer reported. Only then: a report of how it was opened may still come behind its deals. */
  forget(position: Ticket): void {
    const dealt = this.#volumes.get(position);
    if (dealt?.born && dealt.volume === 0) this.#volumes.delete(position);
  }
}
