/**
 * Whether orders that raced each other have gone beyond a limit: what they came to at the broker is added up while it
 * happens. Only orders count that left under the limit; what was there before may be as large as it likes.
 */
import { type Instant, type OrderNumber, orderNumberOf, strategyIdOf } from "../../src/core/model/ids.ts";
import type { NumberedOrder } from "../../src/core/model/order.ts";
import { sharesOf } from "../netting-share.ts";
import type { Bridge } from "./bridge.ts";
import type { Broker } from "./broker.ts";
import type { Chronicle } from "./chronicle.ts";
import type { Operator } from "./operator.ts";
import type { Limited, Supervisor } from "./supervisor.ts";
import { began } from "./world.ts";

export class LimitsCheck {
  readonly wrong: string[] = [];
  readonly #bridge: Bridge;
  readonly #broker: Broker;
  readonly #supervisor: Supervisor;
  readonly #operator: Operator;
  readonly #approved = new Map<OrderNumber, Instant>();
  /** How many deals were looked at. */
  #deals = 0;
  /** Symbols on which somebody else has dealt: what the bridge knew of their positions nobody can tell. */
  readonly touched = new Set<string>();

  constructor(bridge: Bridge, broker: Broker, supervisor: Supervisor, operator: Operator) {
    this.#bridge = bridge;
    this.#broker = broker;
    this.#supervisor = supervisor;
    this.#operator = operator;
  }

  /** After anything that may have changed the broker's books. */
  look(): void {
    const { books, account } = this.#broker;
    const deals = books.deals.slice(this.#deals);
    this.#deals = books.deals.length;
    for (const { symbol, reason, magic } of deals) {
      if (reason !== "expert" || orderNumberOf(magic) === 0) this.touched.add(symbol);
    }
    for (const limited of this.#supervisor.limited) {
      const left = this.#leftUnder(limited);
      const numbers = new Set(left.map(({ number }) => number as number));
      const ours = ({ magic }: { readonly magic: bigint }) => numbers.has(orderNumberOf(magic as never));
      const { maxOpenOrders, maxPosition } = limited.limits;
      if (maxOpenOrders !== undefined) {
        const open = [...books.orders.values()].filter((order) => ours(order) && order.type !== "market").length;
        this.#atMost("max_open_orders", open, maxOpenOrders);
      }
      if (maxPosition === undefined) continue;
      if (account.marginMode === "hedging") {
        const volumes = new Map<string, number>();
        const add = (name: string, volume: number) => volumes.set(name, (volumes.get(name) ?? 0) + volume);
        for (const one of books.orders.values()) if (ours(one)) add(`${one.symbol} ${one.side}`, one.remaining);
        for (const one of books.positions.values()) if (ours(one)) add(`${one.symbol} ${one.side}`, one.volume);
        for (const volume of volumes.values()) this.#atMost("max_position", volume / 1e8, maxPosition);
      } else if (limited.strategyId !== undefined) {
        for (const deal of deals) {
          if (this.touched.has(deal.symbol) || !ours(deal)) continue;
          const share = sharesOf(books.deals, deal.symbol, limited.strategyId).get(deal) ?? 0;
          this.#atMost("max_position", share / 1e8, maxPosition);
        }
      } else {
        for (const { symbol, entry, magic, type } of deals) {
          if (entry === "out" || this.touched.has(symbol) || !ours({ magic })) continue;
          for (const one of books.positions.values()) {
            if (one.symbol === symbol && one.side === type) this.#atMost("max_position", one.volume / 1e8, maxPosition);
          }
        }
      }
    }
  }

  /** What has to be known of the orders themselves. */
  judge(chronicle: Chronicle): string[] {
    for (const limited of this.#supervisor.limited) {
      const { maxVolume, maxOrdersPerSecond } = limited.limits;
      const left = this.#leftUnder(limited).filter((order) => !this.#mayReduce(order));
      if (maxVolume !== undefined) {
        for (const { request } of left) this.#atMost("max_volume", request.volume / 1e8, maxVolume);
      }
      if (maxOrdersPerSecond === undefined) continue;
      const times = left.map(({ number }) => chronicle.order(number)?.knownAt ?? 0);
      for (const last of times) {
        const count = times.filter((time) => time > last - 1000 && time <= last).length;
        this.#atMost("max_orders_per_second", count, maxOrdersPerSecond);
      }
    }
    return [...new Set(this.wrong)];
  }

  /** Orders that could open something, and left while the limit was in force. */
  #leftUnder({ strategyId, from, until }: Limited): NumberedOrder[] {
    const end = Math.min(until, this.#operator.easedAfter(from));
    return this.#bridge.lives.flatMap(({ link }) =>
      link.submitted.flatMap(({ order, at }) => {
        const { magic, request } = order;
        const counts = strategyId === undefined || strategyIdOf(magic) === strategyId;
        // What was approved before may leave after: it waits for the disk in between.
        const under = at < end && this.#approvedAt(order) > from;
        return counts && under && request.position === undefined ? order : [];
      }),
    );
  }

  /** As soon as a bridge that lives can tell. */
  #approvedAt({ number }: NumberedOrder): number {
    const known = this.#approved.get(number) ?? this.#bridge.account?.record.orders.byNumber(number)?.knownAt;
    if (known === undefined) return Number.NEGATIVE_INFINITY;
    this.#approved.set(number, known);
    return known - began;
  }

  /** A market order on a netting account may be held by no limit, as it closes. */
  #mayReduce({ request }: NumberedOrder): boolean {
    return this.#broker.account.marginMode === "netting" && request.type === "market";
  }

  #atMost(limit: string, value: number, most: number): void {
    if (value > most) this.wrong.push(`${value} came together beyond ${limit} ${most}`);
  }
}
