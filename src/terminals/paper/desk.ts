import type { Price, Volume } from "../../core/model/decimals.ts";
import type { BrokerTime } from "../../core/model/ids.ts";
import type { Side } from "../../core/model/order.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import type { SourceTick } from "../../core/model/tick.ts";
import type { Holdings } from "./books.ts";
import { expiryOf } from "./expiry.ts";
import { followsLast } from "./profit.ts";
import type { TerminalOrder } from "./records.ts";
import type { Watched } from "./triggers.ts";

const WITHDRAWN = 0 as Price;

/**
 * One symbol at the broker: its specification, its newest prices, what can still be
 * traded at them, and what is open and waiting.
 *
 * Prices and depth are of the moment and not on record; after a restart there are
 * none until the first tick.
 */
export class Desk {
  readonly spec: SymbolSpec;
  readonly holdings: Holdings;
  bid: Price = WITHDRAWN;
  ask: Price = WITHDRAWN;
  last: Price = WITHDRAWN;
  readonly #depth: number;
  readonly #left: Record<Side, number>;
  #expiring: readonly TerminalOrder[] = [];
  #nextExpiry = Number.POSITIVE_INFINITY;

  constructor(spec: SymbolSpec, holdings: Holdings, depth: Volume) {
    this.spec = spec;
    this.holdings = holdings;
    this.#depth = depth === 0 ? Number.POSITIVE_INFINITY : depth;
    this.#left = { buy: this.#depth, sell: this.#depth };
  }

  /** New prices bring new depth. */
  take(tick: SourceTick): void {
    this.bid = tick.bid;
    this.ask = tick.ask;
    this.last = tick.last;
    this.#left.buy = this.#depth;
    this.#left.sell = this.#depth;
  }

  get quoted(): boolean {
    return this.bid > 0 && this.ask > 0;
  }

  /** What an order of this side deals at. */
  openSide(side: Side): Price {
    return side === "buy" ? this.ask : this.bid;
  }

  /** What a position of this side closes at. */
  closeSide(side: Side): Price {
    return side === "buy" ? this.bid : this.ask;
  }

  /** What triggers look at: exchange symbols at the last deal, if there was one. */
  watched(): Watched {
    return followsLast(this.spec) && this.last > 0 ? { bid: this.last, ask: this.last } : this;
  }

  /** What an order of this side can still get before the next tick. */
  available(side: Side): Volume {
    return this.#left[side] as Volume;
  }

  consume(side: Side, volume: Volume): void {
    this.#left[side] -= volume;
  }

  /** Whether some order's time may have passed. Looks at the orders only when the list has changed. */
  expires(now: BrokerTime): boolean {
    const { orders } = this.holdings;
    if (orders !== this.#expiring) {
      this.#expiring = orders;
      this.#nextExpiry = Number.POSITIVE_INFINITY;
      for (const order of orders) this.#nextExpiry = Math.min(this.#nextExpiry, expiryOf(order, this.spec));
    }
    return now >= this.#nextExpiry;
  }
}
