/** An account as it is on disk: what readers are shown. */
import type { Deal } from "../model/deal.ts";
import type { OrderNumber, Ticket } from "../model/ids.ts";
import type { Order } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import { isFinal } from "../orders/lifecycle.ts";
import { isListed, type OrderFilter } from "../orders/order-book.ts";
import type { AccountEvent } from "./account-event.ts";
import { type KeptOrder, withoutContent } from "./archive.ts";
import { Durable } from "./durable.ts";
import { type DealFilter, isListed as isDealListed } from "./holdings.ts";
import { listNewest } from "./listing.ts";
import type { Held } from "./restored.ts";

/** A deal and its place: 1 is the oldest. */
interface PlacedDeal {
  readonly place: number;
  readonly deal: Deal;
}

export class OnDisk {
  readonly #held: Held;
  readonly #orders = new Durable<OrderNumber, Order>();
  readonly #positions = new Durable<Ticket, Position>();
  #deals: number;

  /** All that is held is on disk. */
  constructor(held: Held) {
    this.#held = held;
    this.#deals = held.state.holdings.dealCount;
  }

  /** The event is on its way to the disk, and not folded in yet. */
  changing(event: AccountEvent): void {
    const { orders, holdings } = this.#held.state;
    if (event.type === "received" || event.type === "found") this.#orders.changing(event.order.number, undefined);
    else if (event.type === "advanced") this.#orders.changing(event.number, orders.byNumber(event.number));
    else if (event.type === "position") {
      const { ticket } = event.position;
      this.#positions.changing(ticket, holdings.position(ticket));
    }
  }

  /** The event is on disk, and has left that order behind. */
  changed(event: AccountEvent, order: Order | undefined): void {
    const { orders, holdings } = this.#held.state;
    if (order !== undefined) this.#orders.changed(order.number, order, orders.byNumber(order.number) ?? order);
    else if (event.type === "position") {
      const { change, position } = event;
      const left = change === "closed" ? undefined : position;
      this.#positions.changed(position.ticket, left, holdings.position(position.ticket));
    } else if (event.type === "deal") this.#deals += 1;
  }

  /** Of those in memory. */
  order(number: OrderNumber): Order | undefined {
    return this.#orders.of(number, this.#held.state.orders.byNumber(number));
  }

  position(ticket: Ticket): Position | undefined {
    return this.#positions.of(ticket, this.#held.state.holdings.position(ticket));
  }

  /** By their numbers. */
  get openOrders(): Order[] {
    return this.#orders
      .all(this.#held.state.orders.open, (order) => order.number)
      .filter((order) => !isFinal(order.stage))
      .sort((a, b) => a.number - b.number);
  }

  get openPositions(): Position[] {
    return this.#positions.all(this.#held.state.holdings.positions, (position) => position.ticket);
  }

  /** Newest first, below number `before`, at most `limit`. */
  async listOrders(filter: OrderFilter, before: number, limit: number): Promise<Order[]> {
    const { state, past } = this.#held;
    if (filter.open === true) {
      const open = this.openOrders.reverse();
      return open.filter((order) => order.number < before && isListed(order, filter)).slice(0, limit);
    }
    const isInMemory = (number: number) => state.orders.byNumber(number as OrderNumber) !== undefined;
    const at = (number: number) => this.order(number as OrderNumber);
    const from = { boxes: past.archive.orders, isInMemory, at };
    const last = Math.min(before - 1, state.orders.count);
    const orders = await listNewest<KeptOrder>(from, last, limit, (order) => isListed(order, filter));
    return orders.map(withoutContent);
  }

  /** Newest first, below place `before`, at most `limit`. */
  async listDeals(filter: DealFilter, before: number, limit: number): Promise<PlacedDeal[]> {
    const { holdings } = this.#held.state;
    const isInMemory = (place: number) => place > holdings.forgotten;
    const from = { boxes: this.#held.past.archive.deals, isInMemory, at: (place: number) => holdings.dealAt(place) };
    const last = Math.min(before - 1, this.#deals);
    const deals = await listNewest(from, last, limit, (deal) => isDealListed(deal, filter));
    return deals.map(({ number: place, ...deal }) => ({ place, deal }));
  }
}
