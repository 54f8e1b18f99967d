/**
 * What the paper broker has on record, as the fold over its ledger.
 *
 * Always true:
 *   - Nothing changes but through `apply`. A restart applies the ledger's events to
 *     empty books and has the same books: tickets, balance, orders and positions.
 *   - What follows from prices (profit, equity, margin) is not on record.
 *   - Active orders and positions of a symbol are lists in the order of their tickets.
 *     A list is replaced, never changed, so that one being walked stays as it was.
 */
import type { Deal } from "../../core/model/deal.ts";
import type { Money } from "../../core/model/decimals.ts";
import { type Instant, type Ticket, ticket } from "../../core/model/ids.ts";
import type { TerminalOrderState } from "../../core/model/order.ts";
import { LegSum } from "./leg-sum.ts";
import type { Sides } from "./margin.ts";
import type { Position, TerminalOrder } from "./records.ts";

/** What is written down of everything that happens. Reports are made of it. */
export type LedgerEvent =
  | { readonly type: "order"; readonly order: TerminalOrder }
  | { readonly type: "deal"; readonly deal: Deal }
  /** `marginRate`: margin currency to deposit currency, frozen until the volume changes. */
  | { readonly type: "position"; readonly position: Position; readonly marginRate: number }
  | { readonly type: "position_closed"; readonly position: Position }
  /** The broker's calendar day whose beginning has been dealt with: swaps, orders of the day. */
  | { readonly type: "day"; readonly day: number };

/** Of what happened in one go, what the books come to: of an order that passed through several states the last. */
export function lasting(events: readonly LedgerEvent[]): LedgerEvent[] {
  const told = new Set<Ticket>();
  const last: LedgerEvent[] = [];
  for (const event of events.toReversed()) {
    if (event.type === "order") {
      if (told.has(event.order.ticket)) continue;
      told.add(event.order.ticket);
    }
    last.push(event);
  }
  return last.reverse();
}

/** What is open and waiting on one symbol. */
export interface Holdings {
  orders: readonly TerminalOrder[];
  positions: readonly Position[];
  /** The positions, as margin adds them up. */
  readonly legs: Sides;
}

const active: ReadonlySet<TerminalOrderState> = new Set(["started", "placed", "partial"]);

export const isActive = (order: TerminalOrder): boolean => active.has(order.state);

/** An order that waits in the market: not the remainder of a market order. */
export const isPending = (order: TerminalOrder): boolean => order.type !== "market" && order.type !== "close_by";

const FIRST_ORDER = ticket(1001);
/** Of the opening deposit, so that trades begin at 501. */
const FIRST_DEAL = ticket(500);

export class Books {
  balance = 0 as Money;
  credit = 0 as Money;
  /** The last day begun; undefined before the first. */
  day: number | undefined;
  readonly orders = new Map<Ticket, TerminalOrder>();
  readonly positions = new Map<Ticket, Position>();
  readonly pastOrders = new Map<Ticket, TerminalOrder>();
  readonly deals: Deal[] = [];
  /** How many active orders are pending. */
  pendings = 0;
  /** Grows with every change of an order or position: what was reckoned from them before no longer holds. */
  version = 0;
  /** Calls back with each position that is new, another than it was, or gone. */
  onPosition: (ticket: Ticket) => void = () => undefined;
  readonly #historyLimit: number;
  readonly #marginRates = new Map<Ticket, number>();
  readonly #holdings = new Map<string, Holdings>();
  #nextOrder = FIRST_ORDER;
  #nextDeal = FIRST_DEAL;
  /** The newest moment of what history no longer holds. */
  #forgotten = Number.NEGATIVE_INFINITY;

  constructor(historyLimit: number) {
    this.#historyLimit = historyLimit;
  }

  get nextOrder(): Ticket {
    return this.#nextOrder;
  }

  get nextDeal(): Ticket {
    return this.#nextDeal;
  }

  /** The same object for ever: it may be kept. */
  of(symbol: string): Holdings {
    let holdings = this.#holdings.get(symbol);
    if (holdings === undefined) {
      holdings = { orders: [], positions: [], legs: { buy: new LegSum(), sell: new LegSum() } };
      this.#holdings.set(symbol, holdings);
    }
    return holdings;
  }

  marginRate(position: Ticket): number {
    return this.#marginRates.get(position) ?? 1;
  }

  /** Whether history holds everything from `since` on. */
  remembers(since: Instant): boolean {
    return since > this.#forgotten;
  }

  apply(event: LedgerEvent): void {
    switch (event.type) {
      case "order":
        this.#order(event.order);
        break;
      case "deal":
        this.#deal(event.deal);
        break;
      case "position":
        this.#position(event.position, event.marginRate);
        break;
      case "position_closed":
        this.#positionClosed(event.position);
        break;
      case "day":
        this.day = event.day;
    }
  }

  #order(order: TerminalOrder): void {
    const before = this.orders.get(order.ticket);
    const holdings = this.of(order.symbol);
    if (isActive(order)) {
      this.orders.set(order.ticket, order);
      holdings.orders = placed(holdings.orders, order);
    } else {
      this.orders.delete(order.ticket);
      holdings.orders = without(holdings.orders, order.ticket);
      this.pastOrders.set(order.ticket, order);
      this.#forgetOrders();
    }
    this.pendings += count(this.orders.get(order.ticket)) - count(before);
    if (order.ticket >= this.#nextOrder) this.#nextOrder = ticket(order.ticket + 1n);
    this.version++;
  }

  #deal(deal: Deal): void {
    const amount = deal.profit + deal.swap + deal.commission + deal.fee;
    if (deal.type === "credit") this.credit = (this.credit + amount) as Money;
    else this.balance = (this.balance + amount) as Money;
    this.deals.push(deal);
    this.#forgetDeals();
    if (deal.ticket >= this.#nextDeal) this.#nextDeal = ticket(deal.ticket + 1n);
    this.version++;
  }

  #position(position: Position, marginRate: number): void {
    const holdings = this.of(position.symbol);
    this.#unweigh(position.ticket);
    this.positions.set(position.ticket, position);
    this.#marginRates.set(position.ticket, marginRate);
    holdings.legs[position.side].add(weighed(position, marginRate));
    holdings.positions = placed(holdings.positions, position);
    this.version++;
    this.onPosition(position.ticket);
  }

  #positionClosed({ ticket, symbol }: Position): void {
    this.#unweigh(ticket);
    this.positions.delete(ticket);
    this.#marginRates.delete(ticket);
    const holdings = this.of(symbol);
    holdings.positions = without(holdings.positions, ticket);
    this.version++;
    this.onPosition(ticket);
  }

  /** Takes the position, as it was, from its symbol's sums. */
  #unweigh(ticket: Ticket): void {
    const before = this.positions.get(ticket);
    if (before !== undefined) this.of(before.symbol).legs[before.side].remove(weighed(before, this.marginRate(ticket)));
  }

  #forgetOrders(): void {
    if (this.pastOrders.size <= this.#historyLimit) return;
    for (const [oldest, order] of this.pastOrders) {
      this.pastOrders.delete(oldest);
      this.#forgotten = Math.max(this.#forgotten, order.doneTime ?? order.setupTime);
      return;
    }
  }

  /** By a quarter at a time: taking one off the front of an array moves all the others. */
  #forgetDeals(): void {
    if (this.deals.length <= this.#historyLimit * 1.25) return;
    for (const deal of this.deals.splice(0, this.deals.length - this.#historyLimit)) {
      this.#forgotten = Math.max(this.#forgotten, deal.time);
    }
  }
}

const weighed = ({ volume, openPrice }: Position, rate: number) => ({ volume, price: openPrice, rate });

const count = (order: TerminalOrder | undefined): number => (order !== undefined && isPending(order) ? 1 : 0);

function placed<T extends { readonly ticket: Ticket }>(list: readonly T[], item: T): readonly T[] {
  const last = list.at(-1);
  if (last === undefined || last.ticket < item.ticket) return [...list, item];
  const at = list.findIndex((each) => each.ticket >= item.ticket);
  return list.toSpliced(at, list[at]?.ticket === item.ticket ? 1 : 0, item);
}

function without<T extends { readonly ticket: Ticket }>(list: readonly T[], ticket: Ticket): readonly T[] {
  return list.filter((each) => each.ticket !== ticket);
}
