/**
 * What a tick does to the orders and positions of its symbol, always in this order:
 *
 *   1. orders whose time has passed expire;
 *   2. stops and takes of positions, oldest first;
 *   3. what is left of market orders;
 *   4. stop-limits become limits (which execute on a later tick);
 *   5. stops, then limits, oldest first.
 *
 * A position opened here is looked at by the next tick. Everything is chosen before
 * anything is executed, and executed only if it still stands when its turn comes.
 */

import { toBrokerTime } from "../../core/model/broker-clock.ts";
import type { Volume } from "../../core/model/decimals.ts";
import type { BrokerTime, Instant } from "../../core/model/ids.ts";
import { type Floor, fundsFault, isFull } from "./checks.ts";
import type { Desk } from "./desk.ts";
import type { Execution } from "./execution.ts";
import { expiryOf, stamp } from "./expiry.ts";
import { opposite } from "./positions.ts";
import type { Position, TerminalOrder } from "./records.ts";
import { retcodes } from "./retcodes.ts";
import { isTriggered, levelReached, type Watched } from "./triggers.ts";

export class Matching {
  readonly #execution: Execution;
  /** The broker as it is at a moment. */
  readonly #floorAt: (time: Instant) => Floor;

  constructor(execution: Execution, floorAt: (time: Instant) => Floor) {
    this.#execution = execution;
    this.#floorAt = floorAt;
  }

  /** Only while the symbol is traded: outside its sessions prices move and nothing else. */
  tick(desk: Desk, time: Instant, brokerTime: BrokerTime): void {
    if (desk.expires(brokerTime)) this.#expire(desk, time, brokerTime);
    if (!desk.quoted) return;
    const at = desk.watched();
    const { positions, orders } = desk.holdings;
    if (positions.length > 0) this.#levels(desk, positions, at, time);
    if (orders.length > 0) this.#orders(desk, orders, at, time);
  }

  /** An order that an exchange takes through the market is executed at once; one that may only rest is canceled. */
  place(order: TerminalOrder, desk: Desk, time: Instant): void {
    if (order.type !== "limit" || !isTriggered(order, desk.watched())) return;
    if (order.filling === "boc") this.#execution.settle(order, "canceled", time);
    else this.#limit(order, desk, time);
  }

  #expire(desk: Desk, time: Instant, brokerTime: BrokerTime): void {
    for (const order of desk.holdings.orders) {
      const expiry = expiryOf(order, desk.spec);
      if (brokerTime >= expiry) this.#execution.settle(order, "expired", time, `expired [${stamp(expiry)}]`);
    }
  }

  #levels(desk: Desk, positions: readonly Position[], at: Watched, time: Instant): void {
    for (const position of positions) {
      const reason = levelReached(position, at);
      if (reason === undefined || !this.#floorAt(time).appraisal.convertible(desk.spec)) continue;
      const side = opposite(position.side);
      const [label, level, price] =
        reason === "stop_loss"
          ? ["sl", position.stopLoss, this.#execution.marketPrice(desk, side)]
          : ["tp", position.takeProfit, this.#execution.limitPrice(desk, side, position.takeProfit ?? desk.ask)];
      if (price === undefined || level === undefined) continue;
      const { digits } = desk.spec;
      const comment = `[${label} ${(level / 10 ** digits).toFixed(digits)}]`;
      this.#execution.closeByServer(position, desk, { reason, comment, price, volume: position.volume }, time);
    }
  }

  #orders(desk: Desk, orders: readonly TerminalOrder[], at: Watched, time: Instant): void {
    if (!orders.some((order) => isDue(order, at))) return;
    const due = orders.filter((order) => isDue(order, at));
    if (!this.#floorAt(time).appraisal.convertible(desk.spec)) return;
    for (const type of ["market", "stop_limit", "stop", "limit"] as const) {
      for (const order of due) {
        if (order.type === type && desk.holdings.orders.includes(order)) this.#trigger(order, desk, time);
      }
    }
  }

  #trigger(order: TerminalOrder, desk: Desk, time: Instant): void {
    switch (order.type) {
      case "market":
        this.#execution.execute(order, desk, this.#execution.marketPrice(desk, order.side), time);
        return;
      case "stop_limit":
        this.#convert(order, desk, time);
        return;
      case "stop":
        if (this.#admits(order, desk, time)) {
          this.#execution.execute(order, desk, this.#execution.marketPrice(desk, order.side), time);
        }
        return;
      case "limit":
        this.#limit(order, desk, time);
        return;
    }
  }

  #limit(order: TerminalOrder, desk: Desk, time: Instant): void {
    const price = this.#execution.limitPrice(desk, order.side, order.price ?? desk.openSide(order.side));
    if (price === undefined || !this.#admits(order, desk, time)) return;
    this.#execution.execute(order, desk, price, time);
  }

  /** The same order, from now on resting as a limit. */
  #convert(order: TerminalOrder, desk: Desk, time: Instant): void {
    const { stopLimitPrice, ...rest } = order;
    if (stopLimitPrice === undefined) throw new Error(`stop-limit order ${order.ticket} without its limit`);
    const limit: TerminalOrder = {
      ...rest,
      type: "limit",
      price: stopLimitPrice,
      setupTime: time,
      setupBrokerTime: toBrokerTime(time),
    };
    this.#execution.record({ type: "order", order: limit });
    if (order.filling === "boc") this.place(limit, desk, time);
  }

  /** A triggered order is asked for money (and room) once more; refused, it is over. */
  #admits(order: TerminalOrder, desk: Desk, time: Instant): boolean {
    const floor = this.#floorAt(time);
    const full = isFull(desk, floor.settings, floor.books);
    const fault = full ? ({ retcode: "limit_positions" } as const) : this.#unfunded(order, desk, floor);
    if (fault === undefined) return true;
    const { code } = retcodes.reject_cancel;
    this.#execution.settle(order, "rejected", time, `[${code} ${retcodes[fault.retcode].text.toLowerCase()}]`);
    return false;
  }

  #unfunded(order: TerminalOrder, desk: Desk, floor: Floor) {
    const { side, ticket, remaining } = order;
    const volume = Math.min(remaining, desk.available(side)) as Volume;
    if (volume <= 0) return undefined;
    const prospect = { desk, side, volume, price: desk.openSide(side), kind: "market", instead: ticket } as const;
    return fundsFault(prospect, volume, floor);
  }
}

/** A stop that is partly filled has been triggered: the rest of it is a market order. */
function isDue(order: TerminalOrder, at: Watched): boolean {
  if (order.type === "market") return true;
  return isTriggered(order, at) || (order.type === "stop" && order.state === "partial");
}
