/**
 * What a broker does when the money no longer carries what is open: pending orders
 * that hold margin go first, the largest first, then positions, the largest loss
 * first, until the account is above the level or nothing more can be closed.
 *
 * Nobody is stopped out on a guess: while a position cannot be valued, nothing happens.
 */
import type { Valuation } from "../../core/model/account.ts";
import type { Money, Volume } from "../../core/model/decimals.ts";
import { toMoney } from "../../core/model/decimals.ts";
import type { Ticket } from "../../core/model/ids.ts";
import { isPending } from "./books.ts";
import type { Floor } from "./checks.ts";
import { marketFault } from "./checks.ts";
import type { Execution } from "./execution.ts";
import { opposite } from "./positions.ts";
import type { Position, TerminalOrder } from "./records.ts";
import { isStopOut } from "./valuation.ts";

/** Returns what the account is worth after it. */
export function stopOut(execution: Execution, floor: Floor): Valuation {
  const { appraisal, settings, now } = floor;
  let valuation = appraisal.valuation(now);
  if (!appraisal.complete) return valuation;
  const tried = new Set<Ticket>();
  while (isStopOut(valuation, settings.account)) {
    const comment = commentOf(valuation, floor);
    const order = heaviest(floor);
    if (order !== undefined) execution.settle(order, "canceled", now, comment);
    else if (!closeWorst(execution, floor, valuation, comment, tried)) return valuation;
    valuation = appraisal.valuation(now);
  }
  return valuation;
}

/** The level that was passed, as percent of margin or as money. */
function commentOf({ marginLevel, equity }: Valuation, { settings: { account } }: Floor): string {
  if (account.stopOutMode === "percent") return `[so ${marginLevel.toFixed(2)}%]`;
  return `[so ${toMoney(equity, account.currencyDigits).toFixed(account.currencyDigits)}]`;
}

/** The pending order that holds the most margin, if one holds any. */
function heaviest({ books, appraisal }: Floor): TerminalOrder | undefined {
  let most: { order: TerminalOrder; held: Money } | undefined;
  if (books.pendings === 0) return undefined;
  for (const order of books.orders.values()) {
    const held = isPending(order) ? appraisal.held(order) : (0 as Money);
    if (held > (most?.held ?? 0)) most = { order, held };
  }
  return most?.order;
}

/** Closes the position with the largest loss among those that can be closed now; false when there is none. */
function closeWorst(
  execution: Execution,
  floor: Floor,
  valuation: Valuation,
  comment: string,
  tried: Set<Ticket>,
): boolean {
  for (;;) {
    const position = worst(floor, valuation, tried);
    if (position === undefined) return false;
    const desk = floor.desk(position.symbol);
    if (desk !== undefined && marketFault(desk, floor) === undefined) {
      const volume = Math.min(position.volume, desk.spec.volumeMax) as Volume;
      const price = execution.marketPrice(desk, opposite(position.side));
      const closing = { reason: "stop_out", comment, price, volume } as const;
      if (execution.closeByServer(position, desk, closing, floor.now)) return true;
    }
    tried.add(position.ticket);
  }
}

function worst({ books }: Floor, valuation: Valuation, tried: ReadonlySet<Ticket>): Position | undefined {
  let least = Number.POSITIVE_INFINITY;
  let found: Position | undefined;
  for (const { position: ticket, profit } of valuation.positions) {
    const position = tried.has(ticket) ? undefined : books.positions.get(ticket);
    if (position === undefined || profit + position.swap >= least) continue;
    least = profit + position.swap;
    found = position;
  }
  return found;
}
