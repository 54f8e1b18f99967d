/**
 * What of an account's past is not on the shelf yet, and what may leave memory once it is.
 *
 * Always true:
 *   - Whatever has changed since it was taken last stays in memory, and so does what is not
 *     over, what may still count for a limit, and what deals are owed of.
 *   - What could not be put on the shelf is taken again.
 */
import type { OrderNumber } from "../model/ids.ts";
import type { Order } from "../model/order.ts";
import type { AccountEvent } from "./account-event.ts";
import type { Finished, KeptChange } from "./archive.ts";
import { type State, stays } from "./state-parts.ts";

export class Unshelved {
  #orders = new Set<OrderNumber>();
  /** How many deals have been taken. */
  #deals = 0;
  #changes: KeptChange[] = [];
  #answered = 0;

  /** As they were when a snapshot was kept. */
  restore({ deals, answered }: { readonly deals: number; readonly answered: number }): void {
    this.#deals = deals;
    this.#answered = answered;
  }

  /** How many changes have been answered. */
  get answered(): number {
    return this.#answered;
  }

  /** Called with every event that is folded in. */
  note(event: AccountEvent, contents: State["contents"]): void {
    switch (event.type) {
      case "received":
      case "found":
        this.#orders.add(event.order.number);
        break;
      case "advanced":
        this.#orders.add(event.number);
        break;
      case "answered": {
        this.#answered += 1;
        const { key, answer } = event;
        this.#changes.push({ number: this.#answered, key, content: contents.get(key) ?? "", answer });
      }
    }
  }

  /** An order is in memory again. */
  recalled(number: OrderNumber): void {
    this.#orders.add(number);
  }

  /** What has changed since the last time, as it is now: no more than looked up, as everything waits for it. */
  take({ orders, holdings }: State): Finished {
    const changed: Order[] = [];
    for (const number of this.#orders) {
      const order = orders.byNumber(number);
      if (order !== undefined) changed.push(order);
    }
    const taken = { orders: changed, deals: holdings.dealsBehind(this.#deals), changes: this.#changes };
    this.#orders = new Set();
    this.#deals = holdings.dealCount;
    this.#changes = [];
    return taken;
  }

  /** They are not on the shelf: they are taken again. */
  giveBack({ orders, deals, changes }: Finished): void {
    for (const { number } of orders) this.#orders.add(number);
    const [oldest] = deals;
    if (oldest !== undefined) this.#deals = Math.min(this.#deals, oldest.number - 1);
    this.#changes = [...changes, ...this.#changes];
  }

  /** These are on the shelf as they were taken: what of them is over, and has not changed since, leaves memory. */
  release({ orders = [], deals = [], changes = [] }: Partial<Finished>, state: State): void {
    const { orders: inMemory, holdings, changes: book, contents, owed } = state;
    for (const { number, clientOrderId } of orders) {
      const order = inMemory.byNumber(number as OrderNumber);
      if (order === undefined || stays(order, inMemory) || this.#orders.has(number) || owed.has(number)) continue;
      inMemory.remove(order);
      if (clientOrderId !== undefined) contents.delete(clientOrderId);
    }
    holdings.forget(deals.at(-1)?.number ?? 0);
    for (const { key } of changes) {
      book.forget(key);
      contents.delete(key);
    }
  }
}
