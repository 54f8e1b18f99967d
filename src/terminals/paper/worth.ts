/**
 * What the open positions would bring at the newest prices.
 *
 * A price moves all of them, an order moves one: a value holds until a price has moved or its position has changed. So
 * an order on an account with thousands of positions is not reckoned with each of them anew.
 *
 * The sum is of whole minor units: taking a value away from it leaves nothing behind.
 */
import type { PositionValue } from "../../core/model/account.ts";
import type { Money } from "../../core/model/decimals.ts";
import type { Ticket } from "../../core/model/ids.ts";
import type { Position } from "../../core/model/position.ts";
import { dealPrice } from "./positions.ts";

interface Entry {
  readonly value: PositionValue;
  /** Profit and swap. */
  readonly amount: number;
  /** False: there is no price or rate yet, and it counts without profit. */
  readonly known: boolean;
}

export class Worth {
  readonly #positions: ReadonlyMap<Ticket, Position>;
  readonly #judge: (position: Position) => Omit<PositionValue, "position"> | undefined;
  readonly #entries = new Map<Ticket, Entry>();
  /** In the order of the positions; undefined until somebody asks. A list that was given away is never changed. */
  #values: readonly PositionValue[] | undefined;
  #amount = 0;
  #unknown = 0;
  #stale = true;

  constructor(
    positions: ReadonlyMap<Ticket, Position>,
    judge: (position: Position) => Omit<PositionValue, "position"> | undefined,
  ) {
    this.#positions = positions;
    this.#judge = judge;
  }

  /** A price has moved, and with it any rate. */
  moved(): void {
    this.#stale = true;
  }

  /** The position is new, another than it was, or gone. */
  changed(ticket: Ticket): void {
    if (this.#stale) return;
    const before = this.#entries.get(ticket);
    const position = this.#positions.get(ticket);
    if (before !== undefined) this.#count(before, -1);
    const after = position && this.#put(position).value;
    if (after === undefined) this.#entries.delete(ticket);
    const isNew = before === undefined && after !== undefined;
    this.#values = isNew && this.#values ? [...this.#values, after] : undefined;
  }

  /** Profit and swap of all of them. */
  get amount(): Money {
    this.#reckon();
    return this.#amount as Money;
  }

  /** Whether every position had a price and a rate. */
  get complete(): boolean {
    this.#reckon();
    return this.#unknown === 0;
  }

  get values(): readonly PositionValue[] {
    this.#reckon();
    this.#values ??= Array.from(this.#entries.values(), ({ value }) => value);
    return this.#values;
  }

  #reckon(): void {
    if (!this.#stale) return;
    this.#stale = false;
    this.#entries.clear();
    this.#values = undefined;
    this.#amount = 0;
    this.#unknown = 0;
    for (const position of this.#positions.values()) this.#put(position);
  }

  #put(position: Position): Entry {
    const { ticket, swap } = position;
    const found = this.#judge(position);
    const { price, profit } = found ?? { price: dealPrice(position), profit: 0 as Money };
    const entry = { value: { position: ticket, price, profit }, amount: profit + swap, known: found !== undefined };
    this.#entries.set(ticket, entry);
    this.#count(entry, 1);
    return entry;
  }

  #count({ amount, known }: Entry, times: 1 | -1): void {
    this.#amount += times * amount;
    if (!known) this.#unknown += times;
  }
}
