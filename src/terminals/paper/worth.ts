/**
 * What the open positions would bring at the newest prices.
 *
 * A price moves those of its symbol, and those whose rate it is; an order moves one. A value holds until the terms of
 * its symbol or its position have changed. So neither an order nor most prices are reckoned with thousands of positions.
 *
 * The sum is of whole minor units: taking a value away from it leaves nothing behind.
 */
import type { PositionValue } from "../../core/model/account.ts";
import type { Money } from "../../core/model/decimals.ts";
import type { Ticket } from "../../core/model/ids.ts";
import { dealPrice } from "./positions.ts";
import type { Position } from "./records.ts";

interface Entry {
  readonly value: PositionValue;
  /** Profit and swap. */
  readonly amount: number;
  /** False: there is no price or rate yet, and it counts without profit. */
  readonly known: boolean;
}

/** What the values of a symbol's positions hang on: its prices and rates. The same terms, the same values. */
type Terms = readonly (number | undefined)[];

export class Worth {
  readonly #positions: ReadonlyMap<Ticket, Position>;
  readonly #judge: (position: Position) => Omit<PositionValue, "position"> | undefined;
  readonly #termsOf: (symbol: string) => Terms;
  /** In the order of the positions. */
  readonly #entries = new Map<Ticket, Entry>();
  /** Of all positions that there have been. */
  readonly #symbols = new Set<string>();
  /** On which all entries of a symbol stand; of a symbol that is not here, some may stand on others. */
  readonly #terms = new Map<string, Terms>();
  /** Undefined until somebody asks. A list that was given away is never changed. */
  #values: readonly PositionValue[] | undefined;
  #amount = 0;
  #unknown = 0;
  #begun = false;
  #moved = true;

  constructor(
    positions: ReadonlyMap<Ticket, Position>,
    judge: (position: Position) => Omit<PositionValue, "position"> | undefined,
    termsOf: (symbol: string) => Terms,
  ) {
    this.#positions = positions;
    this.#judge = judge;
    this.#termsOf = termsOf;
  }

  /** A price has moved, and with it any rate. */
  moved(): void {
    this.#moved = true;
  }

  /** The position is new, another than it was, or gone. */
  changed(ticket: Ticket): void {
    if (!this.#begun) return;
    const before = this.#entries.get(ticket);
    const position = this.#positions.get(ticket);
    if (position === undefined) {
      if (before !== undefined) this.#count(before, -1);
      this.#entries.delete(ticket);
      this.#values = undefined;
      return;
    }
    const { value } = this.#put(position);
    this.#values = before === undefined && this.#values ? [...this.#values, value] : undefined;
    if (this.#moved) this.#terms.delete(position.symbol);
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
    if (!this.#moved) return;
    this.#moved = false;
    if (!this.#begun) for (const { symbol } of this.#positions.values()) this.#symbols.add(symbol);
    this.#begun = true;
    const others = this.#symbolsOnOtherTerms();
    if (others.size === 0) return;
    this.#values = undefined;
    for (const position of this.#positions.values()) if (others.has(position.symbol)) this.#put(position);
  }

  #symbolsOnOtherTerms(): ReadonlySet<string> {
    const others = new Set<string>();
    for (const symbol of this.#symbols) {
      const terms = this.#termsOf(symbol);
      if (same(terms, this.#terms.get(symbol))) continue;
      this.#terms.set(symbol, terms);
      others.add(symbol);
    }
    return others;
  }

  #put(position: Position): Entry {
    const { ticket, symbol, swap } = position;
    const before = this.#entries.get(ticket);
    if (before !== undefined) this.#count(before, -1);
    const found = this.#judge(position);
    const { price, profit } = found ?? { price: dealPrice(position), profit: 0 as Money };
    const entry = { value: { position: ticket, price, profit }, amount: profit + swap, known: found !== undefined };
    this.#entries.set(ticket, entry);
    this.#symbols.add(symbol);
    this.#count(entry, 1);
    return entry;
  }

  #count({ amount, known }: Entry, times: 1 | -1): void {
    this.#amount += times * amount;
    if (!known) this.#unknown += times;
  }
}

const same = (terms: Terms, others: Terms | undefined): boolean =>
  others !== undefined && terms.length === others.length && terms.every((term, i) => term === others[i]);
