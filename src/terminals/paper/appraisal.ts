/**
 * The account at the newest prices: profit, margin, what is free.
 *
 * Margin does not move with prices, so it is reckoned once per change of the books, from sums that the books keep by
 * symbol; profit is reckoned once per price, and after that as far as positions change.
 * A position whose symbol (or conversion pair) has no quote yet counts without
 * profit, and `complete` says so: nobody is stopped out on a guess.
 */
import type { AccountInfo, PositionValue, Valuation } from "../../core/model/account.ts";
import { type FinePrice, fine, type Money, money, type Price, type Volume } from "../../core/model/decimals.ts";
import type { Instant, Ticket } from "../../core/model/ids.ts";
import type { Side } from "../../core/model/order.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import { type Books, isPending } from "./books.ts";
import { Conversion, type Quotes } from "./conversion.ts";
import type { Desk } from "./desk.ts";
import { LegSum } from "./leg-sum.ts";
import { accountMargin, type MarginLeg, marginToOpen, orderMargin, type SymbolLegs } from "./margin.ts";
import { followsLast, profitOf } from "./profit.ts";
import type { Position, TerminalOrder } from "./records.ts";
import { valuationOf } from "./valuation.ts";
import { Worth } from "./worth.ts";

/** Volume that would be opened, or would wait, at a price. */
export interface Prospect {
  readonly desk: Desk;
  readonly side: Side;
  readonly volume: Volume;
  readonly price: Price;
  readonly kind: "market" | "pending";
  /** A pending order that is being executed: what it holds is set free. */
  readonly instead?: Ticket;
}

type RatesByDesk = Map<Desk, Map<string, number | undefined>>;

export class Appraisal {
  readonly conversion: Conversion;
  readonly #account: AccountInfo;
  readonly #books: Books;
  readonly #desks: ReadonlyMap<string, Desk>;
  #margin = { version: -1, amount: 0 as Money };
  readonly #worth: Worth;
  readonly #rates: RatesByDesk = new Map();
  readonly #convertible = new Map<SymbolSpec, boolean>();

  constructor(account: AccountInfo, books: Books, desks: ReadonlyMap<string, Desk>) {
    this.#account = account;
    this.#books = books;
    this.#desks = desks;
    const quotes: Quotes = {
      bid: (symbol) => priceOf(desks.get(symbol)?.bid),
      ask: (symbol) => priceOf(desks.get(symbol)?.ask),
    };
    const specs = [...desks.values()].map((desk) => desk.spec);
    this.conversion = new Conversion(specs, quotes, account.currency);
    const value = (position: Position) => this.#value(position);
    this.#worth = new Worth(books.positions, value, (symbol) => this.#terms(symbol));
    books.onPosition = (ticket) => this.#worth.changed(ticket);
  }

  /** Whether a deal on the symbol could be turned into the account's money now. */
  convertible(spec: SymbolSpec): boolean {
    let known = this.#convertible.get(spec);
    if (known === undefined) {
      known = hasRates(this.conversion, spec);
      this.#convertible.set(spec, known);
    }
    return known;
  }

  /** Whether the symbol's prices can move the worth of positions on other symbols. */
  concerns(desk: Desk): boolean {
    if (desk.holdings.positions.length > 0) return true;
    return this.#books.positions.size > 0 && desk.spec.calcMode.startsWith("forex");
  }

  /** What closing `volume` of the position at `price` earns; undefined when there is no rate. */
  profit(position: Position, volume: Volume, price: Price): Money | undefined {
    const desk = this.#desks.get(position.symbol);
    if (desk === undefined) return undefined;
    const earned = profitOf(desk.spec, position.side, volume, position.openPrice, price);
    const converted = this.conversion.profitToDeposit(desk.spec, earned, price);
    return converted === undefined ? undefined : money(converted, this.#account.currencyDigits);
  }

  /** The rate that a position's margin is converted at from now on. */
  marginRate(spec: SymbolSpec, side: Side, price: FinePrice): number | undefined {
    return this.conversion.marginRate(spec, side, price);
  }

  /** Whether every open position has a price and a rate. */
  get complete(): boolean {
    return this.#worth.complete;
  }

  /** After any symbol has taken a price. */
  moved(): void {
    this.#worth.moved();
    // Even an empty map makes itself a new table when it is cleared, and this is asked of every tick.
    if (this.#rates.size > 0) this.#rates.clear();
    if (this.#convertible.size > 0) this.#convertible.clear();
  }

  valuation(time: Instant): Valuation {
    const { balance, credit } = this.#books;
    const { amount: profit, values: positions } = this.#worth;
    return valuationOf({ time, balance, credit, margin: this.margin(), profit, positions }, this.#account);
  }

  margin(): Money {
    const { version } = this.#books;
    if (this.#margin.version !== version) {
      this.#margin = { version, amount: accountMargin(this.#symbols(), this.#account) };
    }
    return this.#margin.amount;
  }

  /** What the order needs for itself, whatever else is open. */
  needs(prospect: Prospect): Money {
    return orderMargin(this.#leg(prospect), this.#account, prospect.kind);
  }

  /** What must be free for it beside what is open. */
  required(prospect: Prospect): Money {
    const leg = this.#leg(prospect);
    if (prospect.kind === "pending") return orderMargin(leg, this.#account, "pending");
    return marginToOpen(this.#legs(prospect.desk, prospect.instead), leg, this.#account);
  }

  /** Free margin, without what the pending order `instead` holds. */
  free(instead?: Ticket): Money {
    const { balance, credit } = this.#books;
    const margin = instead === undefined ? this.margin() : accountMargin(this.#symbols(instead), this.#account);
    return (balance + credit + this.#worth.amount - margin) as Money;
  }

  /** What a pending order holds. */
  held(order: TerminalOrder): Money {
    const leg = this.#pendingLeg(order);
    return leg === undefined ? (0 as Money) : orderMargin(leg, this.#account, "pending");
  }

  #value(position: Position): Omit<PositionValue, "position"> | undefined {
    const desk = this.#desks.get(position.symbol);
    if (desk === undefined || !desk.quoted) return undefined;
    const price = closingPrice(desk, position.side);
    const earned = profitOf(desk.spec, position.side, position.volume, position.openPrice, price);
    const rate = this.#rate(desk, position.side, price, earned);
    return rate === undefined ? undefined : { price, profit: money(earned * rate, this.#account.currencyDigits) };
  }

  /** All that `#value` takes from elsewhere than the position. */
  #terms(symbol: string): readonly (number | undefined)[] {
    const desk = this.#desks.get(symbol);
    if (desk === undefined || !desk.quoted) return [];
    const terms: (number | undefined)[] = [];
    for (const side of ["buy", "sell"] as const) {
      const price = closingPrice(desk, side);
      terms.push(price, this.#rate(desk, side, price, 1), this.#rate(desk, side, price, -1));
    }
    return terms;
  }

  /** All positions of a side that win (or lose) convert at the same rate: it is asked for once between two prices. */
  #rate(desk: Desk, side: Side, price: Price, earned: number): number | undefined {
    let known = this.#rates.get(desk);
    if (known === undefined) {
      known = new Map();
      this.#rates.set(desk, known);
    }
    const kind = earned > 0 ? (side === "buy" ? "buy wins" : "sell wins") : side === "buy" ? "buy loses" : "sell loses";
    if (!known.has(kind)) known.set(kind, this.conversion.profitRate(desk.spec, earned, price));
    return known.get(kind);
  }

  #leg({ desk, side, volume, price }: Prospect): MarginLeg {
    const rate = this.conversion.marginRate(desk.spec, side, fine(price)) ?? 1;
    return { spec: desk.spec, side, volume, price: fine(price), rate };
  }

  /** Of every symbol on which anything is open or waits. */
  #symbols(except?: Ticket): SymbolLegs[] {
    const symbols: SymbolLegs[] = [];
    for (const desk of this.#desks.values()) {
      const { orders, positions } = desk.holdings;
      if (orders.length + positions.length > 0) symbols.push(this.#legs(desk, except));
    }
    return symbols;
  }

  #legs({ spec, holdings }: Desk, except?: Ticket): SymbolLegs {
    const pendings = { buy: new LegSum(), sell: new LegSum() };
    for (const order of holdings.orders) {
      const leg = order.ticket === except ? undefined : this.#pendingLeg(order);
      if (leg !== undefined) pendings[leg.side].add(leg);
    }
    return { spec, positions: holdings.legs, pendings };
  }

  /** Nothing for the orders of symbols whose pendings hold no margin: the usual case. */
  #pendingLeg(order: TerminalOrder): MarginLeg | undefined {
    const desk = this.#desks.get(order.symbol);
    if (desk === undefined || !isPending(order) || desk.spec.marginRates.pending.initial === 0) return undefined;
    const { side, remaining: volume, price = desk.openSide(side) } = order;
    return this.#leg({ desk, side, volume, price, kind: "pending" });
  }
}

const closingPrice = (desk: Desk, side: Side): Price =>
  followsLast(desk.spec) && desk.last > 0 ? desk.last : desk.closeSide(side);

const hasRates = (conversion: Conversion, spec: SymbolSpec): boolean =>
  conversion.profitRate(spec, 1) !== undefined &&
  conversion.profitRate(spec, -1) !== undefined &&
  conversion.marginRate(spec, "buy") !== undefined &&
  conversion.marginRate(spec, "sell") !== undefined;

const priceOf = (price: Price | undefined): Price | undefined => (price !== undefined && price > 0 ? price : undefined);
