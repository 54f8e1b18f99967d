/**
 * What a deal does to a position, in the two account models.
 *
 * Hedging: every opening order has a position of its own; a closing order names the
 * one it closes. Netting: one position per symbol, which a deal opens, grows,
 * shrinks, closes or reverses.
 */
import type { DealEntry } from "../../core/model/deal.ts";
import { type FinePrice, fine, type Money, type Price, roundHalfAway, type Volume } from "../../core/model/decimals.ts";
import type { Instant } from "../../core/model/ids.ts";
import type { Side } from "../../core/model/order.ts";
import type { Position, TerminalOrder } from "./records.ts";

/** An execution before it is booked. */
export interface Fill {
  readonly order: TerminalOrder;
  readonly volume: Volume;
  readonly price: Price;
  readonly time: Instant;
}

/** What a fill does to the position it meets. */
export interface Effect {
  readonly entry: DealEntry;
  readonly before?: Position;
  readonly after?: Position;
  /** The volume of `before` that is closed. */
  readonly closed: Volume;
  /** The volume that is opened or added. */
  readonly opened: Volume;
  /** The part of the gathered swap that the closed volume realises. */
  readonly swap: Money;
}

const NONE = 0 as Volume;

export const opposite = (side: Side): Side => (side === "buy" ? "sell" : "buy");

/** Whether the order closes a position by ticket (an opening order's position is its own ticket). */
export const isClosing = (order: TerminalOrder): boolean =>
  order.position !== undefined && order.position !== order.ticket;

/** Hedging: `position` is the one the order closes, or the one an earlier fill of the same order has opened. */
export function hedge(position: Position | undefined, fill: Fill): Effect {
  if (position === undefined) return open(fill);
  if (position.side !== fill.order.side) return close(position, fill);
  return grow(position, fill);
}

/** Netting: `position` is the symbol's only one. */
export function net(position: Position | undefined, fill: Fill): Effect {
  if (position === undefined) return open(fill);
  const { order } = fill;
  if (position.side === order.side) {
    const grown = grow(position, fill);
    return { ...grown, after: { ...withStops(grown.after, order), magic: order.magic, comment: order.comment } };
  }
  if (fill.volume > position.volume) return reverse(position, fill);
  const closed = close(position, fill);
  if (closed.after === undefined || order.reason !== "expert") return closed;
  return { ...closed, after: { ...closed.after, magic: order.magic, comment: order.comment } };
}

function open(fill: Fill): Effect {
  const { order, volume, time } = fill;
  const after: Position = withStops(
    {
      ticket: order.ticket,
      identifier: order.ticket,
      symbol: order.symbol,
      side: order.side,
      volume,
      openPrice: fine(fill.price),
      swap: 0 as Money,
      magic: order.magic,
      reason: order.reason,
      openTime: time,
      updateTime: time,
      comment: order.comment,
    },
    order,
  );
  return { entry: "in", after, closed: NONE, opened: volume, swap: 0 as Money };
}

function grow(before: Position, fill: Fill): Effect & { after: Position } {
  const after = {
    ...before,
    volume: (before.volume + fill.volume) as Volume,
    openPrice: average(before, fill),
    updateTime: fill.time,
  };
  return { entry: "in", before, after, closed: NONE, opened: fill.volume, swap: 0 as Money };
}

function close(before: Position, fill: Fill): Effect {
  const { volume, time } = fill;
  const swap = shareOf(before, volume);
  const closing = { entry: "out", before, closed: volume, opened: NONE, swap } as const;
  if (volume >= before.volume) return closing;
  return { ...closing, after: remaining(before, volume, time) };
}

function reverse(before: Position, fill: Fill): Effect {
  const opened = (fill.volume - before.volume) as Volume;
  const fresh = open({ ...fill, volume: opened }).after;
  return {
    entry: "inout",
    before,
    ...(fresh && { after: { ...fresh, identifier: before.identifier } }),
    closed: before.volume,
    opened,
    swap: before.swap,
  };
}

/** The position without `volume` of it: the same ticket, price and levels, and the swap of what is left. */
export function remaining(before: Position, volume: Volume, time: Instant): Position {
  return {
    ...before,
    volume: (before.volume - volume) as Volume,
    swap: (before.swap - shareOf(before, volume)) as Money,
    updateTime: time,
  };
}

/** The swap that goes with a part of the position. */
export function shareOf(position: Position, volume: Volume): Money {
  if (volume >= position.volume) return position.swap;
  return roundHalfAway((position.swap * volume) / position.volume) as Money;
}

/** Weighted by volume, cut (not rounded) after three digits more than the symbol's. */
function average(before: Position, fill: Fill): FinePrice {
  const weighed = BigInt(before.openPrice) * BigInt(before.volume) + BigInt(fine(fill.price)) * BigInt(fill.volume);
  return Number(weighed / BigInt(before.volume + fill.volume)) as FinePrice;
}

/** The position with the order's levels in the place of its own: both, or none. */
export function withStops(position: Position, stops: { stopLoss?: Price; takeProfit?: Price }): Position {
  const { stopLoss: _, takeProfit: __, ...bare } = position;
  return {
    ...bare,
    ...(stops.stopLoss !== undefined && { stopLoss: stops.stopLoss }),
    ...(stops.takeProfit !== undefined && { takeProfit: stops.takeProfit }),
  };
}

/** A position's price as a deal can carry it: whole points. */
export const dealPrice = (position: Position): Price => Math.round(position.openPrice / fine(1 as Price)) as Price;
