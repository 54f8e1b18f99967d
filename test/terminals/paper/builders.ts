/** What the paper terminal's tests are written in: builders that say only what matters to a case. */
import type { AccountInfo } from "../../../src/core/model/account.ts";
import { toBrokerTime } from "../../../src/core/model/broker-clock.ts";
import type { Deal } from "../../../src/core/model/deal.ts";
import { lots, type Money, type Price, price, toLots, toMoney, toPrice } from "../../../src/core/model/decimals.ts";
import {
  type AccountAlias,
  type ClientOrderId,
  type Instant,
  magicOf,
  type OrderNumber,
  type StrategyId,
  type Ticket,
  ticket,
} from "../../../src/core/model/ids.ts";
import type { NumberedOrder, OrderChange, OrderRequest, Side, Stops } from "../../../src/core/model/order.ts";
import type { SymbolSpec, WeekSessions } from "../../../src/core/model/symbol.ts";
import type { SourceTick } from "../../../src/core/model/tick.ts";
import { TickRows } from "../../../src/core/model/tick-rows.ts";
import type { Outcome } from "../../../src/core/ports/terminal.ts";
import { type LedgerEvent, lasting } from "../../../src/terminals/paper/books.ts";
import { PaperBroker } from "../../../src/terminals/paper/broker.ts";
import { type BrokerSettings, frictionless } from "../../../src/terminals/paper/settings.ts";

/** A Tuesday, 10:00 UTC, 12:00 at the broker. */
export const noon = Date.UTC(2025, 0, 7, 10) as Instant;
export const HOUR = 3_600_000;

const always = Array.from({ length: 7 }, () => [{ from: 0, to: 86_400 }]) as unknown as WeekSessions;

export const eurusd: SymbolSpec = {
  name: "EURUSD",
  description: "",
  path: "Forex\\EURUSD",
  digits: 5,
  tickSize: 1 as Price,
  tickValue: 1,
  contractSize: 100_000,
  currencyBase: "EUR",
  currencyProfit: "USD",
  currencyMargin: "EUR",
  calcMode: "forex",
  tradeMode: "full",
  execution: "market",
  gtcMode: "gtc",
  chartMode: "bid",
  orderModes: ["market", "limit", "stop", "stop_limit", "stop_loss", "take_profit", "close_by"],
  fillingModes: ["fok", "ioc"],
  expirationModes: ["gtc", "day", "specified", "specified_day"],
  volumeMin: lots(0.01),
  volumeMax: lots(100),
  volumeStep: lots(0.01),
  volumeLimit: lots(0),
  stopsLevel: 0,
  freezeLevel: 0,
  swapMode: "disabled",
  swapLong: 0,
  swapShort: 0,
  swapRates: [0, 1, 1, 3, 1, 1, 0],
  marginInitial: 0,
  marginMaintenance: 0,
  marginHedged: 100_000,
  marginHedgedUseLeg: false,
  marginRates: {
    buy: { initial: 1, maintenance: 0 },
    sell: { initial: 1, maintenance: 0 },
    pending: { initial: 0, maintenance: 0 },
  },
  quoteSessions: always,
  tradeSessions: always,
  bookDepth: 0,
  faceValue: 0,
  accruedInterest: 0,
  liquidityRate: 0,
};

export const demo: AccountInfo = {
  alias: "paper" as AccountAlias,
  login: 1n,
  server: "Paper",
  name: "",
  company: "",
  currency: "USD",
  currencyDigits: 2,
  leverage: 100,
  tradeMode: "demo",
  marginMode: "hedging",
  stopOutMode: "percent",
  marginCallLevel: 50,
  stopOutLevel: 30,
  limitOrders: 200,
  live: false,
};

export interface Variations {
  readonly settings?: Partial<BrokerSettings>;
  readonly account?: Partial<AccountInfo>;
  readonly symbol?: Partial<SymbolSpec>;
}

export const settingsWith = ({ settings, account, symbol }: Variations = {}): BrokerSettings => ({
  ...frictionless,
  account: { ...demo, ...account },
  symbols: [{ ...eurusd, ...symbol }],
  initialBalance: 1_000_000 as Money,
  ...settings,
});

/** Always the same draw. */
export const draws = (value: number) => ({ next: () => value });

export type Asking = Omit<Partial<OrderRequest>, "volume" | "price" | "stopLimitPrice" | "stopLoss" | "takeProfit"> & {
  readonly lots?: number;
  readonly at?: number;
  readonly limit?: number;
  readonly sl?: number;
  readonly tp?: number;
};

/** The last number given to an order; each gets its own. */
let number = 0;

const level = (value: number | undefined) => (value === undefined ? undefined : price(value, 5));

export function asks(side: Side, { lots: volume = 0.1, at, limit, sl, tp, ...rest }: Asking = {}): NumberedOrder {
  number += 1;
  const prices = { price: level(at), stopLimitPrice: level(limit), stopLoss: level(sl), takeProfit: level(tp) };
  const request = {
    account: demo.alias,
    clientOrderId: `c${number}` as ClientOrderId,
    strategyId: 7 as StrategyId,
    symbol: "EURUSD",
    side,
    type: "market",
    volume: lots(volume),
    ...Object.fromEntries(Object.entries(prices).filter(([, value]) => value !== undefined)),
    filling: "auto",
    timeInForce: "gtc",
    deviation: 0,
    comment: "",
    ...rest,
  } as OrderRequest;
  return { number: number as OrderNumber, magic: magicOf(7 as StrategyId, number as OrderNumber), request };
}

/** A paper broker with a deposit, its market, and all that has been told so far. */
export class Session {
  readonly broker: PaperBroker;
  readonly ledger: LedgerEvent[] = [];
  /** What a terminal keeps of it. */
  readonly kept: LedgerEvent[] = [];
  now: Instant;

  constructor(variations: Variations = {}, chance = draws(0), now: Instant = noon) {
    const settings = settingsWith(variations);
    this.broker = new PaperBroker(settings, chance);
    this.now = now;
    this.#note(this.broker.deposit(settings.initialBalance, now));
  }

  #note(events: readonly LedgerEvent[]): void {
    this.ledger.push(...events);
    this.kept.push(...lasting(events));
  }

  tickOf(bid: number, ask: number, symbol = "EURUSD", digits = 5): SourceTick {
    return {
      symbol,
      time: this.now,
      brokerTime: toBrokerTime(this.now),
      bid: price(bid, digits),
      ask: price(ask, digits),
      last: 0 as Price,
      volume: lots(0),
      flags: 6,
    };
  }

  /** A price, and what it set off. */
  tick(bid: number, ask: number, symbol?: string, digits?: number): string[] {
    const events = this.broker
      .ticks(TickRows.of([this.tickOf(bid, ask, symbol, digits)]))
      .flatMap((episode) => episode.events);
    this.#note(events);
    return told(events);
  }

  #take({ outcome, events }: { outcome: Outcome; events: readonly LedgerEvent[] }): Told {
    this.#note(events);
    return { outcome, retcode: outcome.retcode, events: told(events) };
  }

  submit(order: NumberedOrder): Told {
    return this.#take(this.broker.submit(order, this.now));
  }

  buy(asking?: Asking): Told {
    return this.submit(asks("buy", asking));
  }

  sell(asking?: Asking): Told {
    return this.submit(asks("sell", asking));
  }

  cancel(order: number): Told {
    return this.#take(this.broker.cancel(ticket(order), this.now));
  }

  modify(order: number, change: Pick<Asking, "at" | "limit" | "sl" | "tp" | "timeInForce" | "expireTime">): Told {
    const { request } = asks("buy", change);
    return this.#take(this.broker.modify(ticket(order), request as OrderChange, this.now));
  }

  protect(position: number, stops: Pick<Asking, "sl" | "tp">): Told {
    const { stopLoss, takeProfit } = asks("buy", stops).request;
    const levels = { ...(stopLoss && { stopLoss }), ...(takeProfit && { takeProfit }) };
    return this.#take(this.broker.modifyPosition(ticket(position), levels as Stops, this.now));
  }

  later(ms: number): this {
    this.now = (this.now + ms) as Instant;
    return this;
  }

  position(number: number) {
    return this.broker.books.positions.get(ticket(number));
  }

  /** An order, active or past. */
  order(number: number) {
    return this.broker.books.orders.get(ticket(number)) ?? this.broker.books.pastOrders.get(ticket(number));
  }

  get deals(): readonly Deal[] {
    return this.broker.books.deals.filter((deal) => deal.type === "buy" || deal.type === "sell");
  }

  get lastDeal(): Deal {
    const deal = this.deals.at(-1);
    if (deal === undefined) throw new Error("no deal");
    return deal;
  }

  get balance(): number {
    return toMoney(this.broker.books.balance, 2);
  }
}

export interface Told {
  readonly outcome: Outcome;
  readonly retcode: number;
  readonly events: string[];
}

/** "deal 501 buy in 0.1 @ 1.1001": events as a person would note them down. The beginning of days is left out. */
function told(events: readonly LedgerEvent[]): string[] {
  return events.flatMap((event) => {
    switch (event.type) {
      case "order":
        return `order ${event.order.ticket} ${event.order.state}`;
      case "deal": {
        const { ticket, type, entry, volume, price } = event.deal;
        return `deal ${ticket} ${type} ${entry} ${toLots(volume)} @ ${toPrice(price, 5)}`;
      }
      case "position":
        return `position ${event.position.ticket} ${event.position.side} ${toLots(event.position.volume)}`;
      case "position_closed":
        return `position ${event.position.ticket} closed`;
      default:
        return [];
    }
  });
}

export const opened = (variations?: Variations, chance?: { next(): number }): Session => {
  const session = new Session(variations, chance);
  session.tick(1.1, 1.1001);
  return session;
};

export const cents = (amount: number): Money => Math.round(amount * 100) as Money;
export const points = (value: number): Price => price(value, 5);
export const t = (n: number): Ticket => ticket(n);
