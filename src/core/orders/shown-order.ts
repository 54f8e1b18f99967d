/**
 * An order and its deals, as the terminal shows them: what of it is news, as events of the order's life.
 *
 * Nothing here decides whether it may be: the lifecycle does.
 */
import type { Deal } from "../model/deal.ts";
import {
  type AccountAlias,
  type Instant,
  type Moment,
  momentOf,
  type OrderNumber,
  orderId,
  strategyIdOf,
} from "../model/ids.ts";
import type { Cause, Order, OrderChange, Reason, TerminalOrder } from "../model/order.ts";
import { retcodeName } from "../model/retcodes.ts";
import { isUnnamed, type Unnamed } from "../model/unnamed.ts";
import { isFinal, type OrderEvent } from "./lifecycle.ts";

/**
 * What the terminal's view adds to ours. Fills are not read from it: deals tell them. A state that has no word here tells
 * that the order is there, and nothing of how it stands: it ends nothing. A type that has none leaves ours as it is.
 */
export function eventsOf(order: Order, seen: TerminalOrder, canceler: Cause | undefined): OrderEvent[] {
  const events: OrderEvent[] = [];
  // What it came to the answer will say, or its deals.
  const unanswered = order.stage === "sent" && (seen.state === "started" || seen.state === "filled");
  if (order.ticket === undefined && !unanswered)
    events.push({ type: "placed", ticket: seen.ticket, filling: seen.filling, ...setupOf(seen) });
  if (order.type !== "market" && mayRest(order, seen)) {
    const becomes = isUnnamed(seen.type) ? order.type : seen.type;
    events.push({ type: "changed", change: changeOf(seen), becomes });
  }
  switch (seen.state) {
    case "canceled":
      events.push({
        type: "canceled",
        cause: canceler ?? "broker",
        ...doneOf(seen),
      });
      break;
    case "expired":
      events.push({ type: "expired", cause: "expiry", ...doneOf(seen) });
      break;
    case "rejected":
      events.push({ type: "rejected", cause: "broker", rejection: activationRefused(seen), ...doneOf(seen) });
      break;
  }
  if (!unanswered) events.push({ type: "stated", ...unnamedOf(seen), ...setupOf(seen), ...doneOf(seen) });
  return events;
}

export const setupOf = ({ setupTime, setupBrokerTime }: TerminalOrder): { readonly setup?: Moment } => {
  const setup = momentOf(setupTime, setupBrokerTime);
  return setup === undefined ? {} : { setup };
};

const doneOf = ({ doneTime, doneBrokerTime }: TerminalOrder): { readonly done?: Moment } => {
  const done = doneTime === undefined ? undefined : momentOf(doneTime, doneBrokerTime);
  return done === undefined ? {} : { done };
};

const mayRest = ({ stage }: Order, { state }: TerminalOrder): boolean =>
  state === "placed" || state === "partial" || (isUnnamed(state) && !isFinal(stage));

/** What has no word here of how the terminal tells an order's state and reason. */
const unnamedOf = ({ state, reason }: TerminalOrder): { readonly state?: Unnamed; readonly reason?: Unnamed } => ({
  ...(isUnnamed(state) ? { state } : {}),
  ...(isUnnamed(reason) ? { reason } : {}),
});

/**
 * Closing by makes a deal on either position, each of the whole volume: the order is filled by the one on its own. A deal
 * of a type that has no word here may be anything, and fills nothing.
 */
export function dealt(order: Order, deal: Deal, setup?: Moment): OrderEvent | undefined {
  if (deal.order === undefined || isUnnamed(deal.type)) return undefined;
  if (order.type === "close_by" && deal.position !== order.position) return undefined;
  const { ticket, volume, price, position } = deal;
  const done = momentOf(deal.time, deal.brokerTime);
  return {
    ...{ type: "dealt", ticket: deal.order, deal: ticket, volume, price, position },
    ...(setup === undefined || order.setup !== undefined ? {} : { setup }),
    ...(done === undefined || order.filled + volume < order.volume ? {} : { done }),
  };
}

/** Nothing changes any more of an order that was. Fills are not read from orders, but from deals. */
export const hasEnded = ({ state }: TerminalOrder): boolean =>
  state === "canceled" || state === "expired" || state === "rejected";

const causeOf: Partial<Record<Reason, Cause>> = {
  stop_loss: "stop_loss",
  take_profit: "take_profit",
  stop_out: "stop_out",
  rollover: "broker",
  variation_margin: "broker",
  split: "broker",
  corporate_action: "broker",
};

/** Undefined of what somebody asked for, and of a reason that has no word: that an order is ours its magic tells. */
export const causeOfReason = (reason: Reason | Unnamed): Cause | undefined =>
  isUnnamed(reason) ? undefined : causeOf[reason];

/** An order that the bridge did not place: a manual one, or the broker's own. */
export function foreign(account: AccountAlias, number: OrderNumber, seen: TerminalOrder, now: Instant): Order {
  const { state: _state, reason, remaining: _remaining, ...timed } = seen;
  const { setupTime: _1, setupBrokerTime: _2, doneTime: _3, doneBrokerTime: _4, ...rest } = timed;
  return {
    ...rest,
    ...unnamedOf(seen),
    ...setupOf(seen),
    id: orderId(account, number),
    number,
    account,
    strategyId: strategyIdOf(seen.magic),
    filled: 0 as Order["filled"],
    deviation: 0,
    stage: "working",
    version: 1,
    cause: causeOfReason(reason) ?? "broker",
    deals: [],
    knownAt: now,
    traceId: "",
  };
}

function changeOf(seen: TerminalOrder): OrderChange {
  return {
    price: seen.price ?? (0 as OrderChange["price"]),
    ...(seen.stopLimitPrice === undefined ? {} : { stopLimitPrice: seen.stopLimitPrice }),
    ...(seen.stopLoss === undefined ? {} : { stopLoss: seen.stopLoss }),
    ...(seen.takeProfit === undefined ? {} : { takeProfit: seen.takeProfit }),
    timeInForce: seen.timeInForce,
    ...(seen.expireTime === undefined ? {} : { expireTime: seen.expireTime }),
  };
}

/** MetaTrader gives no code with a rejected order; a pending one is rejected when its activation was refused. */
const activationRefused = (seen: TerminalOrder) => ({
  reason: retcodeName(10041),
  retcode: 10041,
  message: seen.comment === "" ? "the broker refused the order's activation" : seen.comment,
  retriable: false,
});
