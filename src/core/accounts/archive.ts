/**
 * What an account has finished, and memory no longer holds: orders, deals, and the changes
 * that were asked for.
 *
 * An order comes back from here when a report tells something new of it. Everything else
 * only looks.
 */
import type { BridgeError } from "../errors.ts";
import type { ClientOrderId } from "../model/ids.ts";
import { numberIn } from "../model/ids.ts";
import type { Order } from "../model/order.ts";
import type { Answer } from "../orders/change-book.ts";
import type { OrderName } from "../orders/order-book.ts";
import type { Shelf } from "../ports/journal.ts";
import { Boxes } from "./boxes.ts";
import { nameOf } from "./compact-index.ts";
import type { NumberedDeal } from "./holdings.ts";

/** An order, and what its key was first used for. */
export type KeptOrder = Order & { readonly content?: string };

/** A change that was answered. */
export interface KeptChange {
  readonly number: number;
  readonly key: ClientOrderId;
  readonly content: string;
  readonly answer: Answer;
}

/** What a key was used for, and what came of it. */
export type Used = { readonly content: string } & ({ readonly order: Order } | { readonly answer: Answer });

/** What is finished and not on the shelf yet, as it was when it was taken. */
export interface Finished {
  readonly orders: readonly Order[];
  readonly deals: readonly NumberedDeal[];
  readonly changes: readonly KeptChange[];
}

/** What goes on while it is put on the shelf. */
export interface Putting {
  /** What the orders' keys were first used for. */
  readonly contents: ReadonlyMap<ClientOrderId, string>;
  /** Boxes in one transaction. */
  readonly together: number;
  /** Called with what is on the shelf from now on, some at a time. */
  readonly put: (part: Partial<Finished>) => void;
}

export const withoutContent = ({ content: _content, ...order }: KeptOrder): Order => order;

const orderNames = ({ clientOrderId, ticket }: Order): readonly bigint[] => [
  ...(clientOrderId === undefined ? [] : [nameOf(clientOrderId)]),
  ...(ticket === undefined ? [] : [ticket]),
];

export class Archive {
  readonly orders: Boxes<KeptOrder>;
  readonly deals: Boxes<NumberedDeal>;
  readonly changes: Boxes<KeptChange>;

  /** `damaged` is called when something of it cannot be trusted. */
  constructor(shelf: Shelf | undefined, damaged: (why: BridgeError) => void) {
    this.orders = new Boxes("orders", shelf, orderNames, damaged);
    this.deals = new Boxes("deals", shelf, ({ ticket }) => [ticket], damaged);
    this.changes = new Boxes("changes", shelf, ({ key }) => [nameOf(key)], damaged);
  }

  /** `sequence`: the event that they are as of. */
  async put({ orders, deals, changes }: Finished, sequence: number, putting: Putting): Promise<void> {
    const { contents, together, put } = putting;
    const kept = (order: Order): KeptOrder => {
      const content = order.clientOrderId && contents.get(order.clientOrderId);
      return content === undefined ? order : { ...order, content };
    };
    for await (const some of this.orders.put(orders, sequence, together, kept)) put({ orders: some });
    for await (const some of this.deals.put(deals, sequence, together)) put({ deals: some });
    for await (const some of this.changes.put(changes, sequence, together)) put({ changes: some });
  }

  /** Undefined at once where there is none of that name. */
  order(name: OrderName): Promise<KeptOrder | undefined> | undefined {
    const numbers = this.#numbersOf(name);
    return numbers.length === 0 ? undefined : this.orders.first(numbers, (order) => isCalled(order, name));
  }

  #numbersOf(name: OrderName): number[] {
    switch (name.by) {
      case "number":
        return [name.value].filter((number) => this.orders.has(number));
      case "order_id":
        return [numberIn(name.value)].filter((number) => this.orders.has(number));
      case "order_ticket":
        return this.orders.numbersOf(name.value);
      case "client_order_id":
        return this.orders.numbersOf(nameOf(name.value));
    }
  }

  mayBeUsed(key: ClientOrderId): boolean {
    const name = nameOf(key);
    return this.orders.numbersOf(name).length + this.changes.numbersOf(name).length > 0;
  }

  /** Undefined at once where the key was not used. */
  used(key: ClientOrderId): Promise<Used | undefined> | undefined {
    const name = nameOf(key);
    const [orders, changes] = [this.orders.numbersOf(name), this.changes.numbersOf(name)];
    return orders.length + changes.length === 0 ? undefined : this.#used(key, orders, changes);
  }

  async #used(key: ClientOrderId, orders: readonly number[], changes: readonly number[]): Promise<Used | undefined> {
    const order = await this.orders.first(orders, ({ clientOrderId }) => clientOrderId === key);
    if (order !== undefined) return { content: order.content ?? "", order: withoutContent(order) };
    return this.changes.first(changes, (one) => one.key === key);
  }
}

function isCalled(order: Order, name: OrderName): boolean {
  switch (name.by) {
    case "client_order_id":
      return order.clientOrderId === name.value;
    case "order_id":
      return order.id === name.value;
    case "order_ticket":
      return order.ticket === name.value;
    case "number":
      return order.number === name.value;
  }
}
