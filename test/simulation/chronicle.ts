/**
 * What the journal on the disk says has happened: read from its lines, without the record
 * that the bridge makes of them.
 */
import type { AccountEvent } from "../../src/core/accounts/account-event.ts";
import type { Instant, OrderNumber } from "../../src/core/model/ids.ts";
import type { Order, Stage } from "../../src/core/model/order.ts";
import type { Answer, Change } from "../../src/core/orders/change-book.ts";
import { advance } from "../../src/core/orders/lifecycle.ts";
import { decodeEvent } from "../../src/store/journal-record.ts";

/** An event that a stream tells of, and its place in the journal. */
export interface Told<T> {
  readonly sequence: number;
  readonly what: T;
}

/** Where an order may go from each stage. */
// biome-ignore format: a table is read by its columns
const leadsTo: Readonly<Record<Stage, readonly Stage[]>> = {
  received:         ["sent", "in_doubt", "rejected"],
  sent:             ["in_doubt", "working", "partially_filled", "filled", "canceled", "rejected", "expired"],
  in_doubt:         ["working", "partially_filled", "filled", "canceled", "rejected", "expired"],
  working:          ["working", "partially_filled", "filled", "canceled", "rejected", "expired"],
  partially_filled: ["partially_filled", "filled", "canceled", "rejected", "expired"],
  filled:           [],
  canceled:         ["canceled", "filled"],
  rejected:         ["rejected", "filled"],
  expired:          ["expired", "filled"],
};

/** A change that was asked for, and how it ended. */
export interface Changed {
  readonly change: Change;
  answer?: Answer;
}

export class Chronicle {
  /** Every state of every order: the version is the place. */
  readonly orders = new Map<OrderNumber, Order[]>();
  readonly orderNews: Told<Order>[] = [];
  /** What the account stream tells, in a few words. */
  readonly facts: Told<string>[] = [];
  /** By their keys. */
  readonly changes = new Map<string, Changed>();
  /** What dead-man switches have asked for, and when. */
  readonly ofSwitches: { readonly key: string; readonly at: Instant }[] = [];
  readonly wrong: string[] = [];
  readonly length: number;
  readonly #keys = new Map<string, number>();

  constructor(lines: readonly string[]) {
    this.length = lines.length;
    for (const [i, line] of lines.entries()) this.#fold(i + 1, decodeEvent(line) as AccountEvent);
  }

  /** As it was last. */
  order(number: OrderNumber): Order | undefined {
    return this.orders.get(number)?.at(-1);
  }

  *all(): Generator<Order> {
    for (const states of this.orders.values()) yield states.at(-1) as Order;
  }

  #fold(sequence: number, event: AccountEvent): void {
    switch (event.type) {
      case "received":
      case "found":
        this.#begin(sequence, event.order);
        break;
      case "advanced":
        this.#advance(sequence, event);
        break;
      case "asked":
        this.#take(event.key);
        this.#ofSwitch(event.key, event.at);
        if (event.change !== undefined) this.changes.set(event.key, { change: event.change });
        break;
      case "answered":
        this.#answer(event.key, event.answer);
        break;
      case "position":
        this.facts.push({ sequence, what: factOf(event.change, event.position.ticket, event.position.volume) });
        break;
      case "deal":
        if (event.deal.order === undefined) this.facts.push({ sequence, what: `balance ${event.deal.ticket}` });
    }
  }

  #begin(sequence: number, order: Order): void {
    if (this.orders.has(order.number)) this.wrong.push(`number ${order.number} is given twice`);
    if (order.version !== 1) this.wrong.push(`order ${order.number} begins with version ${order.version}`);
    if (order.clientOrderId !== undefined) this.#take(order.clientOrderId);
    this.#ofSwitch(order.clientOrderId, order.knownAt);
    this.orders.set(order.number, [order]);
    this.orderNews.push({ sequence, what: order });
  }

  #advance(sequence: number, { number, event, at }: Extract<AccountEvent, { type: "advanced" }>): void {
    const states = this.orders.get(number);
    const before = states?.at(-1);
    if (states === undefined || before === undefined) {
      this.wrong.push(`order ${number} is ${event.type} before it exists`);
      return;
    }
    const step = advance(before, event, at);
    if (step.kind !== "advanced") {
      this.wrong.push(`order ${number}: ${event.type} while ${before.stage} was written down, and is ${step.kind}`);
      return;
    }
    const { order } = step;
    const onlyTold = event.type === "stated" && order.stage === before.stage; // when it began or ended, told late
    if (!onlyTold && !leadsTo[before.stage].includes(order.stage)) {
      this.wrong.push(`order ${number} went from ${before.stage} to ${order.stage}`);
    }
    if (order.version !== before.version + 1) this.wrong.push(`order ${number} went to version ${order.version}`);
    if (order.filled > order.volume) this.wrong.push(`order ${number} is filled beyond its volume`);
    states.push(order);
    this.orderNews.push({ sequence, what: order });
  }

  #answer(key: string, answer: Answer): void {
    const changed = this.changes.get(key);
    if (changed === undefined) this.wrong.push(`${key} was answered before it was asked for`);
    else if (changed.answer !== undefined) this.wrong.push(`${key} was answered twice`);
    else changed.answer = answer;
  }

  /** Every key that was taken. */
  get keys(): Iterable<string> {
    return this.#keys.keys();
  }

  #ofSwitch(key: string | undefined, at: Instant | undefined): void {
    if (key?.startsWith("deadman:") && at !== undefined) this.ofSwitches.push({ key, at });
  }

  #take(key: string): void {
    const times = (this.#keys.get(key) ?? 0) + 1;
    this.#keys.set(key, times);
    if (times > 1) this.wrong.push(`the key ${key} was taken ${times} times`);
  }
}

export const factOf = (change: string, ticket: bigint, volume: number): string => `${change} ${ticket} ${volume}`;
