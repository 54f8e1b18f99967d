/**
 * Every order of one account, found by any of its names.
 *
 * A projection of the journal: `put` is called with what the journal holds, in its
 * order, and with nothing else. Orders are numbered 1, 2, 3 … as they come, those that
 * the bridge did not place included, so that the number is the place in the list.
 */
import type { ClientOrderId, Magic, OrderId, OrderNumber, StrategyId, Ticket } from "../model/ids.ts";
import { numberIn, orderNumberOf } from "../model/ids.ts";
import type { Order } from "../model/order.ts";
import { isFinal } from "./lifecycle.ts";

export type OrderName =
  | { readonly by: "client_order_id"; readonly value: ClientOrderId }
  | { readonly by: "order_id"; readonly value: OrderId }
  | { readonly by: "order_ticket"; readonly value: Ticket };

/** Which orders a list holds; absent means all. */
export interface OrderFilter {
  readonly symbol?: string;
  readonly strategyId?: StrategyId;
  readonly open?: boolean;
  readonly from?: number;
  readonly to?: number;
}

export class OrderBook {
  /** Order number n stands at n - 1. */
  readonly #orders: Order[] = [];
  readonly #open = new Map<OrderNumber, Order>();
  readonly #byKey = new Map<ClientOrderId, OrderNumber>();
  readonly #byTicket = new Map<Ticket, OrderNumber>();

  get nextNumber(): OrderNumber {
    return (this.#orders.length + 1) as OrderNumber;
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
    if (this.#orders[number - 1] === undefined && order.clientOrderId !== undefined) {
      this.#byKey.set(order.clientOrderId, number);
    }
    this.#orders[number - 1] = order;
    if (order.ticket !== undefined) this.#byTicket.set(order.ticket, number);
    if (isFinal(order.stage)) this.#open.delete(number);
    else this.#open.set(number, order);
  }

  byNumber(number: OrderNumber): Order | undefined {
    return this.#orders[number - 1];
  }

  byKey(key: ClientOrderId): Order | undefined {
    return this.#at(this.#byKey.get(key));
  }

  byTicket(ticket: Ticket): Order | undefined {
    return this.#at(this.#byTicket.get(ticket));
  }

  /** The order of ours that a terminal's `magic` names, while the terminal's ticket for it is not known. */
  awaiting(magic: Magic): Order | undefined {
    const order = this.#orders[orderNumberOf(magic) - 1];
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
    }
  }

  /** Newest first, below number `before`, at most `limit`, each as `shown` has it; undefined is not shown. */
  list(
    filter: OrderFilter,
    before: number,
    limit: number,
    shown: (order: Order) => Order | undefined = (order) => order,
  ): Order[] {
    const found: Order[] = [];
    const last = Math.min(before - 1, this.#orders.length);
    for (let number = last; number >= 1 && found.length < limit; number--) {
      const newest = this.#orders[number - 1];
      const order = newest && shown(newest);
      if (order !== undefined && matches(order, filter)) found.push(order);
    }
    return found;
  }

  /** An id ends with the order's number. */
  #byId(id: OrderId): Order | undefined {
    const order = this.#at(numberIn(id));
    return order?.id === id ? order : undefined;
  }

  #at(number: OrderNumber | undefined): Order | undefined {
    return number === undefined ? undefined : this.#orders[number - 1];
  }
}

function matches(order: Order, filter: OrderFilter): boolean {
  return (
    (filter.symbol === undefined || order.symbol === filter.symbol) &&
    (filter.strategyId === undefined || order.strategyId === filter.strategyId) &&
    (filter.open === undefined || isFinal(order.stage) !== filter.open) &&
    (filter.from === undefined || order.knownAt >= filter.from) &&
    (filter.to === undefined || order.knownAt <= filter.to)
  );
}
