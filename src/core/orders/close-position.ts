/** Closing a position, whole, in part, or by an opposite one: an order that is made of what is open. */
import { BridgeError } from "../errors.ts";
import { toLots, type Volume } from "../model/decimals.ts";
import { type ClientOrderId, type StrategyId, strategyIdOf, type Ticket } from "../model/ids.ts";
import type { Filling, OrderRequest } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import type { OrderDraft } from "./draft.ts";
import { type Caller, contentOf, type OrderDesk } from "./order-desk.ts";
import { give, type Placed, type Timing } from "./place-order.ts";
import { named, validate } from "./validate.ts";

/** What to close; absent fields are the position's. */
export interface CloseDraft {
  readonly clientOrderId: ClientOrderId;
  readonly strategyId: StrategyId | undefined;
  readonly position: Ticket;
  /** Lots; absent: all. */
  readonly volume: number | undefined;
  readonly price: number | undefined;
  readonly filling: Filling | "auto";
  readonly deviation: number;
  readonly comment: string;
}

export interface CloseByDraft {
  readonly clientOrderId: ClientOrderId;
  readonly strategyId: StrategyId | undefined;
  readonly position: Ticket;
  readonly opposite: Ticket;
  readonly comment: string;
}

export function closePosition(desk: OrderDesk, draft: CloseDraft, timing: Timing, caller: Caller): Promise<Placed> {
  const request = () => {
    const position = openPosition(desk, draft.position, "position_ticket");
    const order: OrderDraft = {
      account: desk.account,
      clientOrderId: draft.clientOrderId,
      strategyId: draft.strategyId ?? ownerOf(position),
      symbol: position.symbol,
      side: named("side", position.side) === "buy" ? "sell" : "buy",
      type: "market",
      volume: draft.volume ?? toLots(position.volume),
      price: draft.price,
      stopLimitPrice: undefined,
      stopLoss: undefined,
      takeProfit: undefined,
      filling: draft.filling,
      timeInForce: undefined,
      expireTime: undefined,
      deviation: draft.deviation,
      comment: draft.comment,
      position: draft.position,
    };
    const parsed = validate(order, desk.symbol(position.symbol));
    if (parsed.volume <= position.volume) return parsed;
    const description = `must be at most the position's ${toLots(position.volume)} lots`;
    throw new BridgeError("invalid_argument", `volume: ${description}`, {
      violations: [{ field: "volume", description }],
      metadata: { retcode: "10038" },
    });
  };
  return give(desk, draft.clientOrderId, contentOf("close", draft), request, timing, caller);
}

export function closeBy(desk: OrderDesk, draft: CloseByDraft, timing: Timing, caller: Caller): Promise<Placed> {
  const request = (): OrderRequest => {
    const position = openPosition(desk, draft.position, "position_ticket");
    const opposite = openPosition(desk, draft.opposite, "opposite_position_ticket");
    const side = named("side", opposite.side);
    if (position.symbol !== opposite.symbol || named("side", position.side) === side) {
      const description = "must be on the same symbol and of the opposite side";
      throw new BridgeError("invalid_argument", `opposite_position_ticket: ${description}`, {
        violations: [{ field: "opposite_position_ticket", description }],
      });
    }
    return {
      account: desk.account,
      clientOrderId: draft.clientOrderId,
      strategyId: draft.strategyId ?? ownerOf(position),
      symbol: position.symbol,
      side,
      type: "market",
      volume: Math.min(position.volume, opposite.volume) as Volume,
      filling: "auto",
      timeInForce: "gtc",
      deviation: 0,
      comment: draft.comment,
      position: draft.position,
      positionBy: draft.opposite,
    };
  };
  return give(desk, draft.clientOrderId, contentOf("close_by", draft), request, timing, caller);
}

function openPosition(desk: OrderDesk, ticket: Ticket, field: string): Position {
  const position = desk.record.holdings.position(ticket);
  if (position !== undefined) return position;
  throw new BridgeError("unknown_position", `${field}: ${ticket} is not open`, {
    violations: [{ field, description: "must be the ticket of an open position; ListPositions names them" }],
  });
}

const ownerOf = (position: Position): StrategyId => strategyIdOf(position.magic);
