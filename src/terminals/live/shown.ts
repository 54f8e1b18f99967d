/**
 * What the terminal has shown of its records: the open orders and positions, and what was lately.
 *
 * The answer to a command names tickets; what they stand for comes as reports, before or
 * after it. Here the two meet.
 */
import type { Deal } from "../../core/model/deal.ts";
import type { Ticket } from "../../core/model/ids.ts";
import type { TerminalOrder } from "../../core/model/order.ts";
import type { Position } from "../../core/model/position.ts";
import type { AccountSnapshot } from "../../core/ports/terminal.ts";

/** Orders that are over, and orders whose deals are kept: the oldest are forgotten. */
const mostPast = 1024;
/** More than any broker allows to be open: a terminal that shows more is held against the newest. */
const mostOpen = 65_536;

export class Shown {
  readonly #open = new Map<Ticket, TerminalOrder>();
  readonly #past = new Map<Ticket, TerminalOrder>();
  readonly #deals = new Map<Ticket, Deal[]>();
  readonly #positions = new Map<Ticket, Position>();
  readonly #watchers = new Set<() => void>();

  order(ticket: Ticket): TerminalOrder | undefined {
    return this.#open.get(ticket) ?? this.#past.get(ticket);
  }

  /** The deals of an order, as they were told. */
  dealsOf(order: Ticket): readonly Deal[] {
    return this.#deals.get(order) ?? [];
  }

  position(ticket: Ticket): Position | undefined {
    return this.#positions.get(ticket);
  }

  showOrder(order: TerminalOrder): void {
    this.#put(order);
    this.#tell();
  }

  showDeal(deal: Deal): void {
    if (deal.order === undefined) return;
    const deals = this.#deals.get(deal.order) ?? [];
    if (deals.some(({ ticket }) => ticket === deal.ticket)) return;
    this.#deals.set(deal.order, [...deals, deal]);
    keepNewest(this.#deals, mostPast);
    this.#tell();
  }

  showPosition(position: Position): void {
    this.#positions.set(position.ticket, position);
    keepNewest(this.#positions, mostOpen);
  }

  showClosed({ ticket }: Position): void {
    this.#positions.delete(ticket);
  }

  /** The records of one moment: what they do not show as open is not. */
  showAll({ orders, positions }: Pick<AccountSnapshot, "orders" | "positions">): void {
    this.#open.clear();
    for (const order of orders) this.#put(order);
    this.#positions.clear();
    for (const position of positions) this.showPosition(position);
    this.#tell();
  }

  /** Calls back whenever an order or a deal is shown; the returned function ends that. */
  watch(shown: () => void): () => void {
    this.#watchers.add(shown);
    return () => this.#watchers.delete(shown);
  }

  #put(order: TerminalOrder): void {
    const over = isOver(order);
    if (!over && this.#past.has(order.ticket)) return; // told late
    (over ? this.#past : this.#open).set(order.ticket, order);
    if (over) this.#open.delete(order.ticket);
    keepNewest(this.#past, mostPast);
    keepNewest(this.#open, mostOpen);
  }

  #tell(): void {
    for (const shown of [...this.#watchers]) shown();
  }
}

/** Nothing more happens to it. */
export const isOver = ({ state }: TerminalOrder): boolean =>
  state === "filled" || state === "canceled" || state === "rejected" || state === "expired";

function keepNewest(map: Map<Ticket, unknown>, most: number): void {
  for (const oldest of map.keys()) {
    if (map.size <= most) return;
    map.delete(oldest);
  }
}
