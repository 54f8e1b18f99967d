/**
 * The life of an order: data in, data out.
 *
 * The journal replays this function at start, and its tests need nothing but values.
 * Every change of an order passes here; `version` counts them.
 */
import type { FinePrice, Price, Volume } from "../model/decimals.ts";
import type { Instant, Moment, Ticket } from "../model/ids.ts";
import type {
  Cause,
  Evidence,
  Filling,
  Order,
  OrderChange,
  Rejection,
  Stage,
  TerminalOrderType,
} from "../model/order.ts";
import type { Unnamed } from "../model/unnamed.ts";

export type OrderEvent =
  | { readonly type: "sent" }
  | { readonly type: "in_doubt"; readonly why?: string }
  | { readonly type: "placed"; readonly ticket: Ticket; readonly filling: Filling | Unnamed; readonly setup?: Moment }
  | {
      readonly type: "dealt";
      readonly ticket: Ticket;
      readonly deal: Ticket;
      readonly volume: Volume;
      readonly price: Price;
      readonly position: Ticket | undefined;
      readonly setup?: Moment;
      /** When it was dealt; counts where nothing is left of the order. */
      readonly done?: Moment;
    }
  | { readonly type: "changed"; readonly change: OrderChange; readonly becomes: TerminalOrderType }
  /** What the terminal now tells of it that has no word here; absent: nothing any more. And when it began and ended there. */
  | {
      readonly type: "stated";
      readonly state?: Unnamed;
      readonly reason?: Unnamed;
      readonly setup?: Moment;
      readonly done?: Moment;
    }
  | { readonly type: "canceled" | "expired"; readonly cause: Cause; readonly done?: Moment }
  | { readonly type: "rejected"; readonly cause: Cause; readonly rejection: Rejection; readonly done?: Moment };

export type Step =
  | { readonly kind: "advanced"; readonly order: Order }
  | { readonly kind: "repeated" }
  | { readonly kind: "impossible"; readonly why: string };

/** The stages in which each event may arrive. */
// biome-ignore format: a table is read by its columns
const arrivesIn: Record<OrderEvent["type"], readonly Stage[]> = {
  sent:     ["received"],
  in_doubt: ["received", "sent"],
  placed:   ["sent", "in_doubt"],
  dealt:    ["sent", "in_doubt", "working", "partially_filled", "canceled", "expired", "rejected"], // told behind the end of the rest
  changed:  ["working", "partially_filled"],
  stated:   ["working", "partially_filled", "filled", "canceled", "expired", "rejected"], // settles nothing, moves nothing
  canceled: ["sent", "in_doubt", "working", "partially_filled"],
  expired:  ["sent", "in_doubt", "working", "partially_filled"],
  rejected: ["received", "sent", "in_doubt", "working", "partially_filled"], // activation may be refused, of all or the rest
};

/** From here nothing more is to be expected. */
const finalStages: ReadonlySet<Stage> = new Set(["filled", "canceled", "rejected", "expired"]);

export const isFinal = (stage: Stage): boolean => finalStages.has(stage);

/** `evidence`: where the event is known from; kept when it settles a doubt. */
export function advance(order: Order, event: OrderEvent, at: Instant, evidence: Evidence = "report"): Step {
  if (isRepeat(order, event)) return { kind: "repeated" };
  if (!arrivesIn[event.type].includes(order.stage)) {
    return { kind: "impossible", why: `${event.type} while ${order.stage}` };
  }
  if (order.stage !== "in_doubt" || order.doubt === undefined) return step(order, event, at);
  return step({ ...order, doubt: { ...order.doubt, settledAt: at, evidence } }, event, at);
}

function step(order: Order, event: OrderEvent, at: Instant): Step {
  switch (event.type) {
    case "sent":
      return to(order, { stage: "sent", sentAt: at });
    case "in_doubt":
      return to(order, { stage: "in_doubt", doubt: { since: at, why: event.why ?? "" } });
    case "placed":
      return to(order, {
        stage: "working",
        ticket: event.ticket,
        filling: event.filling,
        answeredAt: at,
        ...setUp(event),
      });
    case "dealt":
      return fill(order, event, at);
    case "changed":
      return to(withoutPrices(order), { ...event.change, type: event.becomes });
    case "stated":
      return to(withoutNumbers(order), { ...stated(event), ...untold(order, event) });
    case "rejected":
      return end(order, "rejected", event.cause, at, { rejection: event.rejection, ...ended(event) });
    default:
      return end(order, event.type, event.cause, at, ended(event)); // named for the stage they lead to
  }
}

function isRepeat(order: Order, event: OrderEvent): boolean {
  switch (event.type) {
    case "dealt":
      return order.deals.includes(event.deal);
    case "in_doubt":
      return order.stage !== "received" && order.stage !== "sent"; // a doubt after the answer is none
    case "placed":
      return order.ticket === event.ticket;
    case "changed":
      return (
        order.type === event.becomes &&
        order.price === event.change.price &&
        order.stopLimitPrice === event.change.stopLimitPrice &&
        order.stopLoss === event.change.stopLoss &&
        order.takeProfit === event.change.takeProfit &&
        order.timeInForce === event.change.timeInForce &&
        order.expireTime === event.change.expireTime
      );
    case "stated":
      return order.state === event.state && order.reason === event.reason && isEmpty(untold(order, event));
    default:
      return order.stage === event.type;
  }
}

function fill(order: Order, event: OrderEvent & { type: "dealt" }, at: Instant): Step {
  // What has no ticket was refused as a whole.
  if (order.stage === "rejected" && order.ticket === undefined)
    return { kind: "impossible", why: "dealt while refused" };
  const filled = (order.filled + event.volume) as Volume;
  if (filled > order.volume) return { kind: "impossible", why: "filled beyond its volume" };
  const crossed = isFinal(order.stage);
  const open = crossed ? order.stage : "partially_filled";
  const stage = filled === order.volume ? "filled" : open;
  const before = (order.averagePrice ?? 0) * order.filled;
  return to(order, {
    stage,
    ticket: event.ticket,
    filled,
    averagePrice: Math.round((before + event.price * 1000 * event.volume) / filled) as FinePrice,
    deals: [...order.deals, event.deal],
    answeredAt: order.answeredAt ?? at,
    ...(event.position === undefined ? {} : { position: event.position }),
    ...(order.setup === undefined ? setUp(event) : {}),
    ...(stage === "filled"
      ? { ...ended(event), finalAt: at, cause: crossed || order.cause === "client" ? "broker" : order.cause }
      : {}),
  });
}

function end(order: Order, stage: Stage, cause: Cause, at: Instant, more: Partial<Order> = {}): Step {
  return to(order, { stage, cause, answeredAt: order.answeredAt ?? at, finalAt: at, ...more });
}

function withoutPrices(order: Order): Order {
  const {
    price: _price,
    stopLimitPrice: _limit,
    stopLoss: _loss,
    takeProfit: _profit,
    expireTime: _time,
    ...rest
  } = order;
  return rest;
}

const setUp = ({ setup }: { readonly setup?: Moment }): Partial<Order> => (setup === undefined ? {} : { setup });

const ended = ({ done }: { readonly done?: Moment }): Partial<Order> => (done === undefined ? {} : { done });

/** When it began and ended at the broker, as far as that is news. */
const untold = (
  order: Order,
  { setup, done }: { readonly setup?: Moment; readonly done?: Moment },
): Partial<Order> => ({
  ...(order.setup !== undefined || setup === undefined ? {} : { setup }),
  ...(order.done !== undefined || done === undefined || !isFinal(order.stage) ? {} : { done }),
});

const isEmpty = (fields: object): boolean => Object.keys(fields).length === 0;

const stated = ({ state, reason }: OrderEvent & { type: "stated" }): Partial<Order> => ({
  ...(state === undefined ? {} : { state }),
  ...(reason === undefined ? {} : { reason }),
});

function withoutNumbers(order: Order): Order {
  const { state: _state, reason: _reason, ...rest } = order;
  return rest;
}

function to(order: Order, change: Partial<Order>): Step {
  return { kind: "advanced", order: { ...order, ...change, version: order.version + 1 } };
}
