/**
 * What was asked of the terminal besides orders, by its key: cancellations, changes, stops.
 *
 * A projection of the journal. What has no answer is under way or in doubt; what has one
 * keeps it for ever, so that its key is answered with the same words.
 */
import type { Fault } from "../errors.ts";
import type { ClientOrderId, Instant, Ticket } from "../model/ids.ts";
import type { Order, OrderChange, Stops } from "../model/order.ts";
import type { Position } from "../model/position.ts";

export type Change =
  | { readonly kind: "cancel"; readonly order: Ticket }
  | { readonly kind: "modify"; readonly order: Ticket; readonly to: OrderChange }
  | { readonly kind: "stops"; readonly position: Ticket; readonly to: Stops };

/** How a change ended. */
export type Answer =
  | { readonly kind: "done" }
  | {
      readonly kind: "failed";
      readonly fault: Fault;
      readonly message: string;
      readonly metadata: Readonly<Record<string, string>>;
    };

/** A change without an answer. */
export interface OpenChange {
  readonly key: ClientOrderId;
  /** Absent in journals of the first version. */
  readonly change?: Change;
  readonly at: Instant;
  /** Whose doing it is; absent: a client's. */
  readonly cause?: "bridge";
  /** Why nobody knows what became of it; absent while the terminal may still answer. */
  readonly doubt?: string;
  /** What its order or position has become since: what was asked for, if only for a moment, or, perhaps, something else. */
  readonly seen?: "it" | "another";
}

export class ChangeBook {
  readonly #open = new Map<ClientOrderId, OpenChange>();
  readonly #answers = new Map<ClientOrderId, Answer>();
  /** Orders whose cancellation was asked for and not refused, and by what; until they have ended. */
  readonly #canceling = new Map<Ticket, OpenChange>();

  get open(): Iterable<OpenChange> {
    return this.#open.values();
  }

  /** Orders whose end was asked for, and the change that did. */
  get canceling(): Iterable<readonly [Ticket, OpenChange]> {
    return this.#canceling;
  }

  /** What was open, and being canceled, in a book of before. */
  restore(open: readonly OpenChange[], canceling: readonly (readonly [Ticket, OpenChange])[]): void {
    for (const change of open) this.#open.set(change.key, change);
    for (const [order, change] of canceling) this.#canceling.set(order, change);
  }

  /** Of which nobody knows what became. */
  get doubted(): OpenChange[] {
    return [...this.#open.values()].filter((change) => change.doubt !== undefined);
  }

  byKey(key: ClientOrderId): OpenChange | undefined {
    return this.#open.get(key);
  }

  /** Undefined while there is none. */
  answerOf(key: ClientOrderId): Answer | undefined {
    return this.#answers.get(key);
  }

  /** Who has asked for the end of this order; undefined: nobody here. */
  cancelerOf(order: Ticket): "client" | "bridge" | undefined {
    const asked = this.#canceling.get(order);
    return asked && (asked.cause ?? "client");
  }

  ask(asked: OpenChange): void {
    const rivals = [...this.#open.values()].filter((one) => areRivals(one.change, asked.change));
    this.#open.set(asked.key, asked);
    // Either may undo the other before anybody looks.
    if (rivals.length > 0) for (const one of [...rivals, asked]) this.#see(one, false);
    if (asked.change?.kind === "cancel") this.#canceling.set(asked.change.order, asked);
  }

  doubt(key: ClientOrderId, why: string): void {
    const asked = this.#open.get(key);
    if (asked !== undefined) this.#open.set(key, { ...asked, doubt: why });
  }

  answer(key: ClientOrderId, answer: Answer): void {
    const change = this.#open.get(key)?.change;
    this.#open.delete(key);
    this.#answers.set(key, answer);
    if (answer.kind === "failed" && change?.kind === "cancel" && this.#canceling.get(change.order)?.key === key) {
      this.#canceling.delete(change.order);
    }
  }

  /** It is kept elsewhere. */
  forget(key: ClientOrderId): void {
    this.#answers.delete(key);
  }

  /** The order has new prices, whoever has given it those. */
  orderChanged(order: Order): void {
    for (const asked of [...this.#open.values()]) {
      const { change } = asked;
      if (change?.kind === "modify" && change.order === order.ticket) this.#see(asked, isLike(order, change.to));
    }
  }

  /** The position has new stops, whoever has set them. */
  stopsChanged(position: Position): void {
    for (const asked of [...this.#open.values()]) {
      const { change } = asked;
      if (change?.kind === "stops" && change.position === position.ticket)
        this.#see(asked, hasStops(position, change.to));
    }
  }

  #see(asked: OpenChange, it: boolean): void {
    if (asked.seen !== "it") this.#open.set(asked.key, { ...asked, seen: it ? "it" : "another" });
  }

  /** The order is final: whose doing it was is decided. */
  ended(order: Ticket): void {
    this.#canceling.delete(order);
  }
}

/** Whether two changes want other prices for the same order, or other stops for the same position. */
function areRivals(a: Change | undefined, b: Change | undefined): boolean {
  if (a?.kind === "modify" && b?.kind === "modify") return a.order === b.order && !isLike(a.to, b.to);
  if (a?.kind === "stops" && b?.kind === "stops") return a.position === b.position && !hasStops(a.to, b.to);
  return false;
}

export function isLike(order: Partial<OrderChange>, to: OrderChange): boolean {
  return (
    order.price === to.price &&
    order.stopLimitPrice === to.stopLimitPrice &&
    order.stopLoss === to.stopLoss &&
    order.takeProfit === to.takeProfit &&
    order.timeInForce === to.timeInForce &&
    order.expireTime === to.expireTime
  );
}

export const hasStops = ({ stopLoss, takeProfit }: Stops, to: Stops): boolean =>
  stopLoss === to.stopLoss && takeProfit === to.takeProfit;
