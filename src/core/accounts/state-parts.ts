/**
 * What an account is at work on, in parts: taken apart for a snapshot, and put together
 * again. What is finished is not among it, but in the archive.
 */
import type { Deal } from "../model/deal.ts";
import type { Volume } from "../model/decimals.ts";
import type { ClientOrderId, OrderNumber, Ticket } from "../model/ids.ts";
import type { Order } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import type { ChangeBook, OpenChange } from "../orders/change-book.ts";
import { isFinal } from "../orders/lifecycle.ts";
import type { OrderBook } from "../orders/order-book.ts";
import type { KeptOrder } from "./archive.ts";
import { BOX } from "./boxes.ts";
import type { DayResult } from "./day-results.ts";
import type { Dealt } from "./dealt-volumes.ts";
import type { Holdings } from "./holdings.ts";
import type { Part } from "./snapshots.ts";

export interface State {
  readonly orders: OrderBook;
  readonly holdings: Holdings;
  readonly changes: ChangeBook;
  /** What the keys in memory were first used for. */
  readonly contents: Map<ClientOrderId, string>;
  /** What the terminal says was filled of orders that have ended, where not all of their deals have come. */
  readonly owed: Map<OrderNumber, Volume>;
}

/** Milliseconds in which an order counts for the limit of orders a second. */
const counted = 1000;

/** What is not over, or may still count for a limit, is at hand, also after a restart. */
export const stays = ({ stage, knownAt }: Order, { newest }: OrderBook): boolean =>
  !isFinal(stage) || knownAt > (newest?.knownAt ?? 0) - counted;

/** What is small, or changes all the time. */
interface Rest {
  readonly positions: readonly Position[];
  readonly open: readonly OpenChange[];
  /** What the open changes' keys were used for, in their order. */
  readonly contents: readonly string[];
  readonly canceling: readonly (readonly [Ticket, OpenChange])[];
  readonly unclaimed: readonly Deal[];
  readonly newestDeal?: Deal | undefined;
  readonly day: DayResult;
  readonly counts: { readonly orders: number; readonly deals: number; readonly answered: number };
}

/** As it is now: nothing of it changes any more. */
export function partsOf({ orders, holdings, changes, contents }: State, answered: number): Part[] {
  const open = [...changes.open];
  const rest: Rest = {
    positions: [...holdings.positions],
    open,
    contents: open.map(({ key }) => contents.get(key) ?? ""),
    canceling: [...changes.canceling],
    unclaimed: [...holdings.unclaimed],
    newestDeal: holdings.newestDeal,
    day: holdings.day,
    counts: { orders: orders.count, deals: holdings.dealCount, answered },
  };
  const working: KeptOrder[] = [];
  for (const order of orders.inMemory) {
    if (!stays(order, orders)) continue;
    const content = order.clientOrderId && contents.get(order.clientOrderId);
    working.push(content === undefined ? order : { ...order, content });
  }
  return [{ kind: "rest", index: 0, value: rest }, ...inBoxes(working, "working"), ...inBoxes(holdings.dealt, "dealt")];
}

/** Puts a part back; parts of a kind come in their order. Returns how many things the archive has, where the part tells it. */
export function restorePart(state: State, { kind, value }: Part): Rest["counts"] | undefined {
  const { orders, holdings, changes, contents } = state;
  switch (kind) {
    case "working":
      for (const order of value as KeptOrder[]) putBack(state, order);
      return undefined;
    case "dealt":
      for (const dealt of value as Dealt[]) holdings.restore({ dealt });
      return undefined;
    case "rest": {
      const rest = value as Rest;
      for (const position of rest.positions) holdings.restore({ position });
      holdings.restore({ deals: rest.counts.deals, newest: rest.newestDeal, unclaimed: rest.unclaimed, day: rest.day });
      changes.restore(rest.open, rest.canceling);
      for (const [i, { key }] of rest.open.entries()) contents.set(key, rest.contents[i] as string);
      orders.restore(rest.counts.orders);
      return rest.counts;
    }
    default:
      return undefined;
  }
}

/** An order is in memory again, with what its key was used for. */
export function putBack({ orders, contents }: State, { content, ...order }: KeptOrder): void {
  orders.put(order);
  if (order.clientOrderId !== undefined && content !== undefined) contents.set(order.clientOrderId, content);
}

function inBoxes<T>(items: readonly T[], kind: Part["kind"]): Part[] {
  return Array.from({ length: Math.ceil(items.length / BOX) }, (_, index) => ({
    ...{ kind, index },
    value: items.slice(index * BOX, (index + 1) * BOX),
  }));
}
