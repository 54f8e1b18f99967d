/**
 * Every order of one account, found by any of its names.
 *
 * A projection of the journal: `put` is called with what the journal holds, in its
 * order, and with nothing else. Orders are numbered 1, 2, 3 … as they come, those that
 * the bridge did not place included. What is over for long is no longer here, but in the
 * account's archive.
 */
import type { ClientOrderId, Magic, OrderId, OrderNumber, StrategyId, Ticket } from "../model/ids.ts";
import { numberIn, orderNumberOf } from "../model/ids.ts";
import type { Order } from "../model/order.ts";
import { isFinal } from "./lifecycle.ts";

export type OrderName =
  | { readonly by: "client_order_id"; readonly value: ClientOrderId }
  | { readonly by: "order_id"; readonly value: OrderId }
  | { readonly by: "order_ticket"; readonly value: Ticket }
  | { readonly by: "number"; readonly value: OrderNumber };

/** Which orders a list holds; absent means all. */
export interface OrderFilter {
  readonly symbol?: string;
  readonly strategyId?: StrategyId;
  readonly open?: boolean;
  readonly from?: number;
  readonly to?: number;
}

export class OrderBook {
  /** Those in memory. */
  readonly #orders = new Map<OrderNumber, Order>();
  #count = 0;
  readonly #open = new Map<OrderNumber, Order>();
  readonly #byKey = new Map<ClientOrderId, OrderNumber>();
  readonly #byTicket = new Map<Ticket, OrderNumber>();

  get nextNumber(): OrderNumber {
    return (this.#count + 1) as OrderNumber;
  }

  /** How many there have been: their numbers are 1, 2, 3 … */
  get count(): number {
    return this.#count;
  }

  get newest(): Order | undefined {
    return this.#orders.get(this.#count as OrderNumber);
  }

  get inMemory(): Iterable<Order> {
    return this.#orders.values();
  }

  /** What is not final, oldest first. */
  get open(): Iterable<Order> {
    return this.#open.values();
  }

  /** Of which nobody knows whether they exist at the broker. */
  get doubted(): Order[] {
    return [...this.#open.values()].filter((order) => order.stage === "in_doubt");
  }

  put(order: Order): void {
    const { number } = order;
    if (order.clientOrderId !== undefined && !this.#orders.has(number)) this.#byKey.set(order.clientOrderId, number);
    this.#orders.set(number, order);
    if (number > this.#count) this.#count = number;
    if (order.ticket !== undefined) this.#byTicket.set(order.ticket, number);
    if (isFinal(order.stage)) this.#open.delete(number);
    else this.#open.set(number, order);
  }

  /** It is over, and kept elsewhere. */
  remove({ number, clientOrderId, ticket }: Order): void {
    this.#orders.delete(number);
    if (clientOrderId !== undefined) this.#byKey.delete(clientOrderId);
    if (ticket !== undefined) this.#byTicket.delete(ticket);
  }

  /** So many there had been before. */
  restore(count: number): void {
    this.#count = count;
  }

  byNumber(number: OrderNumber): Order | undefined {
    return this.#orders.get(number);
  }

  byKey(key: ClientOrderId): Order | undefined {
    return this.#at(this.#byKey.get(key));
  }

  byTicket(ticket: Ticket): Order | undefined {
    return this.#at(this.#byTicket.get(ticket));
  }

  /** The order of ours that a terminal's `magic` names, while the terminal's ticket for it is not known. */
  awaiting(magic: Magic): Order | undefined {
    const order = this.#orders.get(orderNumberOf(magic));
    return order?.magic === magic && order.ticket === undefined && !isFinal(order.stage) ? order : undefined;
  }

  find(name: OrderName): Order | undefined {
    switch (name.by) {
      case "client_order_id":
        return this.byKey(name.value);
      case "order_id":
        return this.#byId(name.value);
      case "order_ticket":
        return this.byTicket(name.value);
      case "number":
        return this.byNumber(name.value);
    }
  }

  /** An id ends with the order's number. */
  #byId(id: OrderId): Order | undefined {
    const order = this.#at(numberIn(id));
    return order?.id === id ? order : undefined;
  }

  #at(number: OrderNumber | undefined): Order | undefined {
    return number === undefined ? undefined : this.#orders.get(number);
  }
}

export function isListed(order: Order, filter: OrderFilter): boolean {
  return (
    (filter.symbol === undefined || order.symbol === filter.symbol) &&
    (filter.strategyId === undefined || order.strategyId === filter.strategyId) &&
    (filter.open === undefined || isFinal(order.stage) !== filter.open) &&
    (filter.from === undefined || order.knownAt >= filter.from) &&
    (filter.to === undefined || order.knownAt <= filter.to)
  );
}
