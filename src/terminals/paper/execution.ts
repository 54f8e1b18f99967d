/**
 * From an order to deals and positions, written down as it happens.
 *
 * Always true:
 *   - An event is applied to the books in the moment it is recorded, so the next
 *     step sees it, and `drain` hands over exactly what was applied, in that order.
 *   - A deal is followed by its order and then by its position: first the execution,
 *     then what it has done.
 *   - Slippage is against the client and only where an order takes the market's price.
 */
import { toBrokerTime } from "../../core/model/broker-clock.ts";
import type { Deal } from "../../core/model/deal.ts";
import type { Money, Price, Volume } from "../../core/model/decimals.ts";
import type { Instant, Ticket } from "../../core/model/ids.ts";
import type { Reason, Side, TerminalOrderState } from "../../core/model/order.ts";
import type { Chance } from "../../core/ports/chance.ts";
import type { Appraisal } from "./appraisal.ts";
import type { Books, LedgerEvent } from "./books.ts";
import { commissionOf } from "./commission.ts";
import type { Desk } from "./desk.ts";
import { portion } from "./filling.ts";
import { type Effect, type Fill, hedge, isClosing, net, opposite } from "./positions.ts";
import type { Position, TerminalOrder } from "./records.ts";
import type { BrokerSettings } from "./settings.ts";

/** Why the broker closes by itself, and what it writes on the order. */
export interface ServerClosing {
  readonly reason: Extract<Reason, "stop_loss" | "take_profit" | "stop_out">;
  readonly comment: string;
  readonly price: Price;
  readonly volume: Volume;
}

export class Execution {
  readonly #settings: BrokerSettings;
  readonly #books: Books;
  readonly #appraisal: Appraisal;
  readonly #chance: Chance;
  #events: LedgerEvent[] = [];

  constructor(settings: BrokerSettings, books: Books, appraisal: Appraisal, chance: Chance) {
    this.#settings = settings;
    this.#books = books;
    this.#appraisal = appraisal;
    this.#chance = chance;
  }

  record(event: LedgerEvent): void {
    this.#books.apply(event);
    this.#events.push(event);
  }

  /** What has been recorded since the last time. */
  drain(): readonly LedgerEvent[] {
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return events;
  }

  get idle(): boolean {
    return this.#events.length === 0;
  }

  /** The market's price for an order that takes it, and the broker's slippage on top. */
  marketPrice(desk: Desk, side: Side): Price {
    const quote = desk.openSide(side);
    const steps = Math.floor(this.#settings.slippage / desk.spec.tickSize);
    if (steps === 0) return quote;
    const slip = Math.floor(this.#chance.next() * (steps + 1)) * desk.spec.tickSize;
    return Math.max(desk.spec.tickSize, side === "buy" ? quote + slip : quote - slip) as Price;
  }

  /** The price of an order that is dealt at `level` or better; undefined when the market is worse. */
  limitPrice(desk: Desk, side: Side, level: Price): Price | undefined {
    const quote = desk.openSide(side);
    if (side === "buy" ? quote > level : quote < level) return undefined;
    return this.#settings.priceImprovement ? quote : level;
  }

  /** A new order with the next ticket, on record. */
  take(order: Omit<TerminalOrder, "ticket" | "remaining">): TerminalOrder {
    const numbered: TerminalOrder = {
      ...order,
      ticket: this.#books.nextOrder,
      remaining: order.volume,
      setupBrokerTime: toBrokerTime(order.setupTime),
    };
    this.record({ type: "order", order: numbered });
    return numbered;
  }

  /** Ends an order, or lets it wait, in the given state. */
  settle(order: TerminalOrder, state: TerminalOrderState, time: Instant, comment = order.comment): TerminalOrder {
    const done =
      state === "started" || state === "placed" || state === "partial"
        ? {}
        : { doneTime: time, doneBrokerTime: toBrokerTime(time) };
    const settled = { ...order, state, comment, ...done };
    this.record({ type: "order", order: settled });
    return settled;
  }

  /** Deals what filling mode and depth allow of what is left of the order; without depth, what never waits is canceled. */
  execute(order: TerminalOrder, desk: Desk, price: Price, time: Instant): TerminalOrder {
    const target = this.#target(order, desk);
    const closes = order.type === "market" && isClosing(order);
    if (closes && target === undefined) return this.settle(order, "canceled", time);
    const wanted = closes && this.#hedging ? least(order.remaining, target?.volume) : order.remaining;
    const { dealt, restStays } = portion(order.filling, wanted, desk.available(order.side));
    if (dealt > 0) {
      desk.consume(order.side, dealt);
      return this.#fill(desk, target, { order, volume: dealt, price, time }, restStays);
    }
    if (!restStays) return this.settle(order, "canceled", time);
    return order.state === "started" ? this.settle(order, "placed", time) : order;
  }

  /** Closes as much of the position as depth allows with an order of the broker's own; false when that is nothing. */
  closeByServer(position: Position, desk: Desk, closing: ServerClosing, time: Instant): boolean {
    const side = opposite(position.side);
    const volume = least(closing.volume, desk.available(side));
    if (volume <= 0) return false;
    const order = this.take({
      symbol: position.symbol,
      side,
      type: "market",
      state: "started",
      reason: closing.reason,
      magic: position.magic,
      volume,
      filling: "fok",
      timeInForce: "gtc",
      position: position.identifier,
      setupTime: time,
      comment: closing.comment,
    });
    desk.consume(side, volume);
    this.#fill(desk, position, { order, volume, price: closing.price, time }, false);
    return true;
  }

  /** A change of the position that no deal has made. */
  amend(position: Position): void {
    this.record({ type: "position", position, marginRate: this.#books.marginRate(position.ticket) });
  }

  /** A deal on record. What it costs or earns is the caller's reckoning. */
  deal(deal: Omit<Deal, "ticket" | "fee">): Deal {
    const booked: Deal = {
      ...deal,
      ticket: this.#books.nextDeal,
      fee: 0 as Money,
      brokerTime: toBrokerTime(deal.time),
    };
    this.record({ type: "deal", deal: booked });
    return booked;
  }

  /** The profit of a closed volume. Whoever lets an order through has seen to it that there is a rate. */
  earned(position: Position, volume: Volume, price: Price): Money {
    const profit = this.#appraisal.profit(position, volume, price);
    if (profit === undefined) throw new Error(`no rate for the profit of position ${position.ticket}`);
    return profit;
  }

  /** The position as it is after its volume has changed: its margin is converted anew. */
  restate(desk: Desk, position: Position): void {
    const rate = this.#appraisal.marginRate(desk.spec, position.side, position.openPrice);
    const timed = {
      ...position,
      openBrokerTime: toBrokerTime(position.openTime),
      updateBrokerTime: toBrokerTime(position.updateTime),
    };
    this.record({ type: "position", position: timed, marginRate: rate ?? this.#books.marginRate(position.ticket) });
  }

  get #hedging(): boolean {
    return this.#settings.account.marginMode === "hedging";
  }

  /** The position that a fill of the order meets. */
  #target(order: TerminalOrder, desk: Desk): Position | undefined {
    if (!this.#hedging) return desk.holdings.positions[0];
    return this.#books.positions.get(order.position ?? order.ticket);
  }

  #fill(desk: Desk, target: Position | undefined, fill: Fill, restStays: boolean): TerminalOrder {
    const { order, volume, price, time } = fill;
    const effect = this.#hedging ? hedge(target, fill) : net(target, fill);
    const { before, after } = effect;
    const identifier = (after ?? before)?.identifier ?? order.ticket;
    this.#book(effect, fill, identifier);

    const remaining = (order.remaining - volume) as Volume;
    const state = remaining === 0 ? "filled" : restStays ? "partial" : "canceled";
    const named = order.type === "market" && order.reason === "expert" ? { price } : {};
    const settled = this.settle({ ...order, remaining, position: identifier, ...named }, state, time);

    if (before !== undefined && before.ticket !== after?.ticket) {
      this.record({ type: "position_closed", position: before });
    }
    if (after !== undefined) this.restate(desk, after);
    return settled;
  }

  #book(effect: Effect, { order, volume, price, time }: Fill, position: Ticket): void {
    const { entry, before, closed, opened, swap } = effect;
    const { stopLoss, takeProfit } = entry === "out" && before !== undefined ? before : order;
    const { currencyDigits } = this.#settings.account;
    this.deal({
      order: order.ticket,
      position,
      symbol: order.symbol,
      type: order.side,
      entry,
      reason: order.reason,
      magic: order.magic,
      volume,
      price,
      ...(stopLoss !== undefined && { stopLoss }),
      ...(takeProfit !== undefined && { takeProfit }),
      profit: before !== undefined && closed > 0 ? this.earned(before, closed, price) : (0 as Money),
      swap,
      commission: commissionOf(this.#settings.commissionPerLot, opened, currencyDigits),
      time,
      comment: order.comment,
    });
  }
}

const least = (a: Volume, b: Volume | undefined): Volume => (b === undefined || a < b ? a : b);
