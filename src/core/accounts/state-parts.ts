/**
 * An account's state in parts: taken apart for a snapshot, and put together again.
 *
 * Orders and deals come in boxes by their number. What is long past stands still, so its
 * boxes need not be written again; only what has changed since the last time is taken.
 */

import type { Deal } from "../model/deal.ts";
import type { ClientOrderId, OrderNumber, Ticket } from "../model/ids.ts";
import type { Order } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import type { Answer, ChangeBook, OpenChange } from "../orders/change-book.ts";
import type { OrderBook } from "../orders/order-book.ts";
import type { AccountEvent } from "./account-event.ts";
import type { DealtEntry } from "./dealt-volumes.ts";
import type { Holdings } from "./holdings.ts";
import type { Part } from "./snapshots.ts";

/** How many are in a box: encoding one takes about a millisecond. */
export const BOX = 256;

export interface State {
  readonly orders: OrderBook;
  readonly holdings: Holdings;
  readonly changes: ChangeBook;
  readonly contents: Map<ClientOrderId, string>;
}

/** A key, and what it was first used for. */
interface Content {
  readonly key: ClientOrderId;
  readonly content: string;
}

interface Answered {
  readonly key: ClientOrderId;
  readonly answer: Answer;
}

/** What is small, or changes all the time. */
interface Rest {
  readonly positions: readonly Position[];
  readonly open: readonly OpenChange[];
  readonly canceling: readonly (readonly [Ticket, OpenChange])[];
}

export class StateParts {
  #orders = new Set<number>();
  /** How many deals have been taken. */
  #deals = 0;
  #contents: Content[] = [];
  #answers: Answered[] = [];

  /** Called with every event that is folded in. */
  note(event: AccountEvent): void {
    switch (event.type) {
      case "received":
        if (event.order.clientOrderId !== undefined)
          this.#contents.push({ key: event.order.clientOrderId, content: event.content });
        this.#orders.add(boxOf(event.order.number));
        break;
      case "found":
        this.#orders.add(boxOf(event.order.number));
        break;
      case "advanced":
        this.#orders.add(boxOf(event.number));
        break;
      case "asked":
        this.#contents.push({ key: event.key, content: event.content });
        break;
      case "answered":
        this.#answers.push({ key: event.key, answer: event.answer });
    }
  }

  /** What has changed since the last time, as it is now: nothing of it changes any more. `sequence` tells new parts apart. */
  take({ orders, holdings, changes }: State, sequence: number): Part[] {
    const [newest] = holdings.deals({}, Number.POSITIVE_INFINITY, 1);
    const deals = newest?.place ?? 0;
    const rest: Rest = {
      positions: [...holdings.positions],
      open: [...changes.open],
      canceling: [...changes.canceling],
    };
    const parts: Part[] = [
      ...[...this.#orders].map((index): Part => ({ kind: "orders", index, value: ordersIn(orders, index) })),
      ...boxesFrom(this.#deals, deals).map(
        (index): Part => ({ kind: "deals", index, value: dealsIn(holdings, index) }),
      ),
      ...inBoxes(this.#contents, "contents", sequence),
      ...inBoxes(this.#answers, "answers", sequence),
      ...inBoxes(holdings.dealt, "dealt", 0),
      { kind: "rest", index: 0, value: rest },
    ];
    this.#orders = new Set();
    this.#deals = deals;
    this.#contents = [];
    this.#answers = [];
    return parts;
  }

  /** Parts that could not be kept are taken again next time. */
  giveBack(parts: readonly Part[]): void {
    for (const { kind, index, value } of parts) {
      if (kind === "orders") this.#orders.add(index);
      else if (kind === "deals") this.#deals = Math.min(this.#deals, index * BOX);
      else if (kind === "contents") this.#contents.push(...(value as Content[]));
      else if (kind === "answers") this.#answers.push(...(value as Answered[]));
    }
  }

  /** Puts a part back; parts of a kind come in their order. */
  restore({ orders, holdings, changes, contents }: State, { kind, value }: Part): void {
    switch (kind) {
      case "orders":
        for (const order of value as Order[]) orders.put(order);
        break;
      case "deals":
        for (const deal of value as Deal[]) holdings.restore({ deal });
        this.#deals += (value as Deal[]).length;
        break;
      case "dealt":
        for (const dealt of value as DealtEntry[]) holdings.restore({ dealt });
        break;
      case "contents":
        for (const { key, content } of value as Content[]) contents.set(key, content);
        break;
      case "answers":
        for (const { key, answer } of value as Answered[]) changes.answer(key, answer);
        break;
      case "rest": {
        const rest = value as Rest;
        for (const position of rest.positions) holdings.restore({ position });
        changes.restore(rest.open, rest.canceling);
      }
    }
  }
}

const boxOf = (number: number): number => Math.floor((number - 1) / BOX);

function ordersIn(orders: OrderBook, index: number): Order[] {
  const numbers = Array.from({ length: BOX }, (_, i) => (index * BOX + i + 1) as OrderNumber);
  return numbers.flatMap((number) => orders.byNumber(number) ?? []);
}

const dealsIn = (holdings: Holdings, index: number): Deal[] =>
  holdings
    .deals({}, (index + 1) * BOX + 1, BOX)
    .filter(({ place }) => place > index * BOX)
    .map(({ deal }) => deal)
    .reverse();

/** The boxes in which the deals behind the first `taken` are. */
function boxesFrom(taken: number, deals: number): number[] {
  const first = Math.floor(taken / BOX);
  return deals === taken ? [] : Array.from({ length: boxOf(deals) - first + 1 }, (_, i) => first + i);
}

/** What only grows, in parts that stay. */
function inBoxes<T>(items: readonly T[], kind: Part["kind"], first: number): Part[] {
  return Array.from({ length: Math.ceil(items.length / BOX) }, (_, i) => ({
    ...{ kind, index: first + i },
    value: items.slice(i * BOX, (i + 1) * BOX),
  }));
}
