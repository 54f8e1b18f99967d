/**
 * What happens at the broker's midnight: swaps, and stops that last a day only.
 *
 * It happens with the first sign of life of the new day, at the last prices of the
 * old one. Every night is dealt with once, whatever was asleep meanwhile: the day
 * that has begun is on record. (Orders of the day expire by their own time, see
 * `expiry.ts`.)
 */
import { type FinePrice, fine, type Money, money, type Price } from "../../core/model/decimals.ts";
import type { Instant } from "../../core/model/ids.ts";
import type { Floor } from "./checks.ts";
import type { Desk } from "./desk.ts";
import type { Execution } from "./execution.ts";
import { dropsDaily } from "./expiry.ts";
import { weekdayOf } from "./opening-hours.ts";
import { dealPrice, opposite, withStops } from "./positions.ts";
import type { Position } from "./records.ts";
import { nightSwap } from "./swap.ts";

/** Deals with the nights before `day`, then begins it. */
export function beginDay(day: number, execution: Execution, floor: Floor): void {
  const { books, now } = floor;
  for (let night = books.day ?? day; night < day; night++) {
    for (const { ticket } of [...books.positions.values()]) {
      const position = books.positions.get(ticket);
      const desk = position === undefined ? undefined : floor.desk(position.symbol);
      if (position !== undefined && desk !== undefined) rollOver(position, desk, night, execution, floor, now);
    }
  }
  execution.record({ type: "day", day });
}

function rollOver(held: Position, desk: Desk, night: number, execution: Execution, floor: Floor, now: Instant): void {
  let position = held;
  if (dropsDaily(desk.spec) && desk.spec.gtcMode === "daily") position = withStops(position, {});
  const currentPrice = desk.quoted ? desk.closeSide(position.side) : dealPrice(position);
  const { conversion } = floor.appraisal;
  const swap = nightSwap(desk.spec, { ...position, currentPrice }, weekdayOf(night), conversion);
  if (swap.kind === "money") {
    const amount = money(swap.amount, floor.settings.account.currencyDigits);
    position = { ...position, swap: (position.swap + amount) as Money };
  }
  const profit = floor.appraisal.profit(position, position.volume, currentPrice);
  if (swap.kind === "reopen" && profit !== undefined) {
    const from = swap.from === "bid" && desk.quoted ? desk.bid : currentPrice;
    reopen(position, currentPrice, fine(from) + swap.shift * 1000, profit, desk, execution, now);
  } else if (
    position.swap !== held.swap ||
    position.stopLoss !== held.stopLoss ||
    position.takeProfit !== held.takeProfit
  ) {
    execution.amend(position);
  }
}

/** Closed at the day's last price and opened again, with the same ticket, at a price that contains the swap. */
function reopen(
  position: Position,
  close: Price,
  open: number,
  profit: Money,
  desk: Desk,
  execution: Execution,
  now: Instant,
): void {
  const both = {
    position: position.identifier,
    symbol: position.symbol,
    reason: "client",
    magic: position.magic,
    volume: position.volume,
    commission: 0 as Money,
    time: now,
    comment: "rollover",
  } as const;
  execution.deal({ ...both, type: opposite(position.side), entry: "out", price: close, profit, swap: position.swap });
  const reopened = { ...position, openPrice: Math.round(open) as FinePrice, swap: 0 as Money };
  execution.deal({
    ...both,
    type: position.side,
    entry: "in",
    price: dealPrice(reopened),
    profit: 0 as Money,
    swap: 0 as Money,
  });
  execution.restate(desk, { ...reopened, updateTime: now });
}
