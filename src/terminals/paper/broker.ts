/**
 * A broker that exists only here: prices and requests in, answers and events out.
 *
 * Pure and deterministic: no clock, no I/O; the same settings, chance, ticks and
 * requests give the same events with the same tickets. All that is lasting is in the
 * events: `restore` applies them to an empty broker, and it stands where it stood.
 *
 * A method returns what it has recorded in the order in which it happened. What a
 * batch of ticks did is cut at the tick that did it, so whoever passes it on can tell
 * the price before its consequence, and the consequence before the next price.
 */

import type { Valuation } from "../../core/model/account.ts";
import { toBrokerTime } from "../../core/model/broker-clock.ts";
import type { Money, Volume } from "../../core/model/decimals.ts";
import type { BrokerTime, Instant, Magic, Ticket } from "../../core/model/ids.ts";
import type { NumberedOrder, OrderChange, OrderRequest, Stops } from "../../core/model/order.ts";
import type { SourceTick } from "../../core/model/tick.ts";
import { type TickRows, TickView } from "../../core/model/tick-rows.ts";
import { isUnnamed } from "../../core/model/unnamed.ts";
import type { Chance } from "../../core/ports/chance.ts";
import type { AccountSnapshot, CheckResult, Outcome } from "../../core/ports/terminal.ts";
import { Appraisal } from "./appraisal.ts";
import { Books, isPending, type LedgerEvent } from "./books.ts";
import { examineCancel, examineChange, examineStops } from "./change-checks.ts";
import { examine, type Floor } from "./checks.ts";
import { closeBy, examineCloseBy } from "./close-by.ts";
import { Cushion } from "./cushion.ts";
import { Desk } from "./desk.ts";
import { beginDay } from "./end-of-day.ts";
import { Execution } from "./execution.ts";
import { forecast } from "./forecast.ts";
import { lastOfEach } from "./last-of-each.ts";
import { Matching } from "./matching.ts";
import { changed, newOrder } from "./new-order.ts";
import { brokerDay, DAY_MS, inSession } from "./opening-hours.ts";
import { withStops } from "./positions.ts";
import type { TerminalOrder } from "./records.ts";
import { messageOf, type Refusal, type Retcode, refused, retcodes } from "./retcodes.ts";
import type { BrokerSettings } from "./settings.ts";
import { stopOut } from "./stop-out.ts";

/** What a request came to. */
export interface Answer {
  readonly outcome: Outcome;
  readonly events: readonly LedgerEvent[];
}

/** Ticks, and what the last of them has set off. */
export interface Episode {
  readonly ticks: TickRows;
  readonly events: readonly LedgerEvent[];
}

export class PaperBroker {
  readonly books: Books;
  readonly #settings: BrokerSettings;
  readonly #desks: ReadonlyMap<string, Desk>;
  readonly #appraisal: Appraisal;
  readonly #cushion: Cushion;
  readonly #execution: Execution;
  readonly #matching: Matching;
  /** When the day on record ends, on the broker's clock. */
  #tomorrow = Number.NEGATIVE_INFINITY;
  #ended = false;
  #requests = { second: 0, count: 0 };

  constructor(settings: BrokerSettings, chance: Chance) {
    this.#settings = settings;
    this.books = new Books(settings.historyLimit);
    this.#desks = new Map(
      settings.symbols.map((spec) => [spec.name, new Desk(spec, this.books.of(spec.name), settings.depth)]),
    );
    this.#appraisal = new Appraisal(settings.account, this.books, this.#desks);
    this.#cushion = new Cushion(settings.account, this.books, this.#appraisal);
    this.#execution = new Execution(settings, this.books, this.#appraisal, chance);
    this.#matching = new Matching(this.#execution, (time) => this.#floor(time));
  }

  /** Applies an event of the ledger; for the time before the first request. */
  restore(event: LedgerEvent): void {
    this.books.apply(event);
    if (event.type === "day") this.#tomorrow = (event.day + 1) * DAY_MS;
  }

  /** Money paid in (or, below zero, out). */
  deposit(amount: Money, now: Instant, comment = "deposit"): readonly LedgerEvent[] {
    this.#execution.deal({
      symbol: "",
      type: "balance",
      entry: "in",
      reason: "client",
      magic: 0n as Magic,
      volume: 0 as Volume,
      price: 0 as never,
      profit: amount,
      swap: 0 as Money,
      commission: 0 as Money,
      time: now,
      comment,
    });
    return this.#execution.drain();
  }

  ticks(batch: TickRows): readonly Episode[] {
    const { orders, positions } = this.books;
    const last = orders.size + positions.size === 0 ? lastOfEach(batch, this.#tomorrow as BrokerTime) : undefined;
    if (last !== undefined) {
      // Nothing that they could set off: only where prices stand in the end matters.
      for (const tick of last) this.#desks.get(tick.symbol)?.take(tick);
      this.#appraisal.moved();
      return [{ ticks: batch, events: [] }];
    }
    const episodes: Episode[] = [];
    const tick = new TickView(batch);
    let from = 0;
    for (let i = 0; i < batch.length; i++) {
      tick.row = i;
      this.#tick(tick);
      if (this.#execution.idle) continue;
      episodes.push({ ticks: batch.slice(from, i + 1), events: this.#execution.drain() });
      from = i + 1;
    }
    if (from < batch.length) episodes.push({ ticks: from === 0 ? batch : batch.slice(from), events: [] });
    return episodes;
  }

  /** There will be no more prices: what is left is closed. */
  end(): void {
    this.#ended = true;
  }

  submit(order: NumberedOrder, now: Instant): Answer {
    this.#arrive(now);
    const floor = this.#floor(now);
    return order.request.positionBy === undefined ? this.#place(order, floor) : this.#closeBy(order, floor);
  }

  modify(ticket: Ticket, change: OrderChange, now: Instant): Answer {
    this.#arrive(now);
    const { timeInForce } = change;
    if (isUnnamed(timeInForce)) return this.#refuse({ retcode: "invalid_expiration" });
    const to = { ...change, timeInForce };
    const found = examineChange(ticket, to, this.#floor(now));
    if ("retcode" in found) return this.#refuse(found);
    this.#execution.record({ type: "order", order: changed(found.order, to) });
    return this.#done("done");
  }

  cancel(ticket: Ticket, now: Instant): Answer {
    this.#arrive(now);
    const found = examineCancel(ticket, this.#floor(now));
    if ("retcode" in found) return this.#refuse(found);
    this.#execution.settle(found.order, "canceled", now);
    return this.#done("done");
  }

  modifyPosition(ticket: Ticket, stops: Stops, now: Instant): Answer {
    this.#arrive(now);
    const found = examineStops(ticket, stops, this.#floor(now));
    if ("retcode" in found) return this.#refuse(found);
    this.#execution.amend(withStops(found.position, stops));
    return this.#done("done");
  }

  /** What would come of the order; nothing is recorded. */
  check(request: OrderRequest, now: Instant): CheckResult {
    const floor = { ...this.#floor(now), flooded: false };
    const valuation = this.#appraisal.valuation(now);
    const found = request.positionBy === undefined ? examine(request, floor) : examineCloseBy(request, floor);
    if ("retcode" in found) {
      const { margin, equity, freeMargin, marginLevel } = valuation;
      const { code } = retcodes[found.retcode];
      const marginNeeded = 0 as Money;
      return { retcode: code, message: messageOf(found), marginNeeded, margin, equity, freeMargin, marginLevel };
    }
    return forecast("request" in found ? found : undefined, valuation, this.#appraisal, this.#settings);
  }

  valuation(now: Instant): Valuation {
    return this.#appraisal.valuation(now);
  }

  /** `asked`: when, by the bridge's clock; the market may live in another time. */
  snapshot(since: Instant, now: Instant, asked: Instant): AccountSnapshot {
    const { orders, positions, pastOrders, deals } = this.books;
    return {
      valuation: this.valuation(now),
      orders: [...orders.values()],
      positions: [...positions.values()],
      pastOrders: [...pastOrders.values()].filter((order) => (order.doneTime ?? order.setupTime) >= since),
      deals: deals.filter((deal) => deal.time >= since),
      completeUntil: this.books.remembers(since) ? asked : (0 as Instant),
    };
  }

  #tick(tick: SourceTick): void {
    if (tick.brokerTime >= this.#tomorrow) this.#beginDay(tick.brokerTime, tick.time);
    const desk = this.#desks.get(tick.symbol);
    if (desk === undefined) return;
    if (this.#appraisal.concerns(desk)) this.#cushion.mark(desk);
    desk.take(tick);
    this.#appraisal.moved();
    const { orders, positions } = desk.holdings;
    if (orders.length + positions.length > 0 && this.#isOpen(desk, tick.time, tick.brokerTime)) {
      this.#matching.tick(desk, tick.time, tick.brokerTime);
    }
    if (this.#appraisal.concerns(desk) && this.#cushion.isThin(desk)) {
      this.#cushion.renew(stopOut(this.#execution, this.#floor(tick.time)));
    }
  }

  /** Every request is a sign of life: it may begin a day, and it counts. */
  #arrive(now: Instant): void {
    const brokerTime = toBrokerTime(now);
    if (brokerTime >= this.#tomorrow) this.#beginDay(brokerTime, now);
    const second = Math.floor(now / 1000);
    if (second !== this.#requests.second) this.#requests = { second, count: 0 };
    this.#requests.count++;
  }

  #beginDay(brokerTime: BrokerTime, now: Instant): void {
    const day = brokerDay(brokerTime);
    beginDay(day, this.#execution, this.#floor(now));
    this.#tomorrow = (day + 1) * DAY_MS;
  }

  #floor(now: Instant): Floor {
    const { requestsPerSecond } = this.#settings;
    return {
      settings: this.#settings,
      books: this.books,
      appraisal: this.#appraisal,
      now,
      desk: (symbol) => this.#desks.get(symbol),
      isOpen: (desk) => this.#isOpen(desk, now, toBrokerTime(now)),
      flooded: requestsPerSecond > 0 && this.#requests.count > requestsPerSecond,
    };
  }

  #isOpen({ spec }: Desk, now: Instant, brokerTime: BrokerTime): boolean {
    if (this.#ended || now < (spec.startTime ?? now)) return false;
    if (spec.expirationTime !== undefined && now >= spec.expirationTime) return false;
    return !this.#settings.sessions || inSession(spec.tradeSessions, brokerTime);
  }

  #place(numbered: NumberedOrder, floor: Floor): Answer {
    const asked = examine(numbered.request, floor);
    if ("retcode" in asked) return this.#refuse(asked, floor.desk(numbered.request.symbol));
    const { desk } = asked;
    const order = this.#execution.take(newOrder(numbered, asked, floor.now));
    if (isPending(order)) {
      this.#matching.place(order, desk, floor.now);
      return this.#done("done");
    }
    const { execution } = desk.spec;
    const slips = execution === "market" || execution === "exchange";
    const price = slips ? this.#execution.marketPrice(desk, order.side) : desk.openSide(order.side);
    const { remaining, state } = this.#execution.execute(order, desk, price, floor.now);
    if (remaining === 0) return this.#done("done");
    if (remaining < order.volume) return this.#done("done_partial");
    return this.#done(state === "placed" ? "placed" : "canceled");
  }

  #closeBy(order: NumberedOrder, floor: Floor): Answer {
    const found = examineCloseBy(order.request, floor);
    if ("retcode" in found) return this.#refuse(found);
    closeBy(found, order, this.#execution, floor.now);
    return this.#done("done");
  }

  /** The orders and deals that the request has touched, each as it stands now. */
  #done(retcode: Retcode): Answer {
    const events = this.#execution.drain();
    const orders = new Map<Ticket, TerminalOrder>();
    for (const event of events) if (event.type === "order") orders.set(event.order.ticket, event.order);
    const deals = events.flatMap((event) =>
      event.type === "deal" && event.deal.order !== undefined ? event.deal : [],
    );
    return { outcome: { kind: "done", retcode: retcodes[retcode].code, orders: [...orders.values()], deals }, events };
  }

  #refuse(refusal: Refusal, desk?: Desk): Answer {
    const quotes = refusal.retcode === "requote" || refusal.retcode === "price_changed";
    const outcome = refused(refusal);
    const events = this.#execution.drain();
    if (!quotes || desk === undefined) return { outcome, events };
    return { outcome: { ...outcome, quote: { bid: desk.bid, ask: desk.ask } }, events };
  }
}
