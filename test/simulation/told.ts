/**
 * What strategies were told: promises, to be held against what really is.
 */
import type { ClientOrderId } from "../../src/core/model/ids.ts";
import type { Order } from "../../src/core/model/order.ts";

/** An order as somebody was told of it. */
export interface Answer {
  readonly key: ClientOrderId;
  readonly order: Order;
  /** The highest version of the order that anybody had been told when the question was asked. */
  readonly known: number;
}

export class Told {
  readonly answers: Answer[] = [];
  /** How the command of each key that is not an order has ended. */
  readonly ends = new Map<ClientOrderId, string[]>();
  /** For each change of each order (by its key) or position (by its ticket): the keys under which it was asked for. */
  readonly asked = new Map<string, Set<ClientOrderId>>();
  /** What nobody may ever be told. */
  readonly wrong: string[] = [];
  readonly #versions = new Map<string, number>();

  /** The highest version of the order that somebody was told. */
  version(key: ClientOrderId): number {
    return this.#versions.get(key) ?? 0;
  }

  answer(key: ClientOrderId, order: Order, known: number): void {
    this.answers.push({ key, order, known });
    const name = order.clientOrderId ?? key;
    this.#versions.set(name, Math.max(this.#versions.get(name) ?? 0, order.version));
  }

  ask(change: string, key: ClientOrderId): void {
    this.asked.set(change, (this.asked.get(change) ?? new Set()).add(key));
  }

  end(key: ClientOrderId, how: string): void {
    const before = this.ends.get(key);
    if (before === undefined) this.ends.set(key, [how]);
    else before.push(how);
  }
}
