/** What becomes of an account's state by each event of its journal: the same in memory as after any restart. */
import type { Instant, Ticket } from "../model/ids.ts";
import type { Order } from "../model/order.ts";
import { hasStops, type OpenChange } from "../orders/change-book.ts";
import { advance, isFinal } from "../orders/lifecycle.ts";
import type { AccountEvent } from "./account-event.ts";
import type { Past } from "./past.ts";
import type { State } from "./state-parts.ts";

/** Folds one event in; returns the order it left behind, if it concerns one. */
export function fold(
  { orders, holdings, changes, contents }: State,
  past: Past,
  event: AccountEvent,
): Order | undefined {
  const knowsOrder = (ticket: Ticket) => orders.byTicket(ticket) !== undefined || past.hasOrder(ticket);
  past.note(event, contents);
  switch (event.type) {
    case "received":
      if (event.order.clientOrderId !== undefined) contents.set(event.order.clientOrderId, event.content);
      orders.put(event.order);
      return event.order;
    case "found":
      orders.put(event.order);
      return event.order;
    case "advanced": {
      const before = orders.byNumber(event.number);
      const step = before && advance(before, event.event, event.at, event.evidence);
      if (step?.kind !== "advanced") return undefined; // decided before it was written: cannot be
      const { order } = step;
      orders.put(order);
      if (event.event.type === "dealt") holdings.claim(event.event.deal);
      if (event.event.type === "changed") changes.orderChanged(order);
      if (order.ticket !== undefined && isFinal(order.stage)) changes.ended(order.ticket);
      return order;
    }
    case "asked":
      contents.set(event.key, event.content);
      changes.ask(asked(event));
      return undefined;
    case "doubted":
      changes.doubt(event.key, event.why);
      return undefined;
    case "answered":
      changes.answer(event.key, event.answer);
      return undefined;
    case "deal":
      holdings.add(event.deal);
      if (event.deal.order !== undefined && !knowsOrder(event.deal.order)) holdings.keepFor(event.deal);
      return undefined;
    case "position":
      if (event.change === "closed") holdings.remove(event.position.ticket);
      else {
        const before = holdings.position(event.position.ticket);
        holdings.put(event.position);
        if (before !== undefined && !hasStops(before, event.position)) changes.stopsChanged(event.position);
      }
      return undefined;
  }
}

/** The first version of the journal told neither what was asked nor when. */
const asked = ({ key, change, at = 0 as Instant, cause }: AccountEvent & { type: "asked" }): OpenChange => ({
  ...{ key, at },
  ...(cause === undefined ? {} : { cause }),
  ...(change === undefined ? {} : { change }),
});
