/**
 * What has happened on one account: the journal, what follows from it, and who is told.
 *
 * Always true:
 *   - The projections are a fold over the journal; a restart folds it again and ends in
 *     the same state.
 *   - `write` reserves at once (the next caller sees it) and publishes only what is
 *     durable, in the journal's order.
 *   - When the journal cannot be written nothing more is decided: `write` fails, and who
 *     waits for anything is woken. What memory holds beyond the disk is shown to nobody,
 *     and `reopen` lets go of it.
 */
import { BridgeError } from "../errors.ts";
import type { Valuation } from "../model/account.ts";
import type { Deal } from "../model/deal.ts";
import type { Money } from "../model/decimals.ts";
import type { ClientOrderId, Instant, OrderId, OrderNumber, Ticket } from "../model/ids.ts";
import type { Evidence, Order } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import { type Answer, type Change, ChangeBook, hasStops, type OpenChange } from "../orders/change-book.ts";
import { advance, isFinal, type OrderEvent } from "../orders/lifecycle.ts";
import { OrderBook, type OrderFilter, type OrderName } from "../orders/order-book.ts";
import { tellWrite, type WriteTimes } from "../orders/order-trace.ts";
import type { Journal } from "../ports/journal.ts";
import { nobody, type Witness } from "../ports/witness.ts";
import { Feed } from "../streams/feed.ts";
import { Durable } from "./durable.ts";
import { type DealFilter, Holdings } from "./holdings.ts";

export type PositionChange = "opened" | "changed" | "closed";

/** An entry of the journal. */
export type AccountEvent =
  /** A new order, its key and number reserved. */
  | { readonly type: "received"; readonly order: Order; readonly content: string }
  /** An order that the bridge did not place, as the terminal first showed it. */
  | { readonly type: "found"; readonly order: Order }
  /** `evidence`: where it is known from, of an order that was in doubt. */
  | {
      readonly type: "advanced";
      readonly number: OrderNumber;
      readonly event: OrderEvent;
      readonly at: Instant;
      readonly evidence?: Evidence;
    }
  /** A cancellation or change is about to leave, its key reserved. The first version did not write what it was. */
  | {
      readonly type: "asked";
      readonly key: ClientOrderId;
      readonly content: string;
      readonly change?: Change;
      readonly at?: Instant;
      readonly cause?: "bridge";
    }
  /** Nobody knows what became of the change. */
  | { readonly type: "doubted"; readonly key: ClientOrderId; readonly why: string }
  | { readonly type: "answered"; readonly key: ClientOrderId; readonly answer: Answer }
  | { readonly type: "deal"; readonly deal: Deal }
  | { readonly type: "position"; readonly change: PositionChange; readonly position: Position };

/** What readers of the account stream are told. */
export type AccountFact =
  | { readonly type: "position"; readonly change: PositionChange; readonly position: Position }
  | { readonly type: "balance"; readonly deal: Deal; readonly balance: Money };

type OrderStates = readonly (Order | undefined)[];

/** What an event is called in a trace. */
const nameOf = (event: AccountEvent | undefined): string =>
  event?.type === "advanced" ? event.event.type : (event?.type ?? "");

/** The first version of the journal told neither what was asked nor when. */
const asked = ({ key, change, at = 0 as Instant, cause }: AccountEvent & { type: "asked" }): OpenChange => ({
  ...{ key, at },
  ...(cause === undefined ? {} : { cause }),
  ...(change === undefined ? {} : { change }),
});

/** How many events are kept for readers that come back. */
const keep = 10_000;
/** How far a reader may be behind: less than is kept, so that it can come back where it was cut off. */
const backlog = 5_000;

export class AccountRecord {
  orders = new OrderBook();
  changes = new ChangeBook();
  holdings: Holdings;
  readonly orderFeed: Feed<Order>;
  readonly accountFeed: Feed<AccountFact>;
  readonly witness: Witness;
  readonly #journal: Journal<AccountEvent>;
  #contents = new Map<ClientOrderId, string>();
  readonly #watchers = new Map<string, Set<() => void>>();
  readonly #failed = new Set<() => void>();
  #durableOrders = new Durable<OrderNumber, Order>();
  #durablePositions = new Durable<Ticket, Position>();
  /** How many deals are on disk. */
  #durableDeals = 0;
  #unpublished = 0;
  #failure: unknown;

  private constructor(journal: Journal<AccountEvent>, valuation: Valuation, witness: Witness) {
    this.witness = witness;
    this.#journal = journal;
    this.holdings = new Holdings(valuation);
    this.orderFeed = new Feed(journal.epoch, keep, backlog);
    this.accountFeed = new Feed(journal.epoch, keep, backlog);
  }

  /** Folds the journal. */
  static async open(
    journal: Journal<AccountEvent>,
    valuation: Valuation,
    witness: Witness = nobody,
  ): Promise<AccountRecord> {
    const record = new AccountRecord(journal, valuation, witness);
    for await (const { sequence, event } of journal.entries()) record.#publish(sequence, event, record.#apply(event));
    journal.onFailure((why) => record.#fail(why));
    return record;
  }

  /**
   * Waits until the journal can be written again after a failure; memory is what the disk has
   * kept then. Events whose sync failed late are among it, and are published now.
   */
  async reopen(): Promise<void> {
    await this.#journal.reopened();
    const told = this.orderFeed.cursor.sequence;
    const kept = new AccountRecord(this.#journal, this.holdings.valuation, this.witness);
    const news: { readonly sequence: number; readonly event: AccountEvent; readonly order: Order | undefined }[] = [];
    let deals = 0;
    for await (const { sequence, event } of this.#journal.entries()) {
      const order = kept.#apply(event);
      if (sequence > told) news.push({ sequence, event, order });
      else if (event.type === "deal") deals += 1;
    }
    kept.holdings.valuation = this.holdings.valuation;
    this.orders = kept.orders;
    this.holdings = kept.holdings;
    this.#contents = kept.#contents;
    this.changes = kept.changes;
    this.#durableOrders = new Durable();
    this.#durablePositions = new Durable();
    this.#durableDeals = deals;
    this.#unpublished = 0;
    this.#failure = undefined;
    for (const { sequence, event, order } of news) {
      this.#publish(sequence, event, order);
      if (order !== undefined) this.witness.reached(order);
    }
  }

  /** Why nothing can be written; undefined while all is well. */
  get failure(): unknown {
    return this.#failure;
  }

  get whyShut(): string {
    return reasonOf(this.#failure).message;
  }

  /** Calls back when the journal cannot be written. */
  watchFailure(callback: () => void): () => void {
    this.#failed.add(callback);
    return () => this.#failed.delete(callback);
  }

  /** Journals events that belong together. They count at once; the promise resolves when they are durable. */
  async write(events: readonly AccountEvent[]): Promise<void> {
    if (events.length === 0) return this.settled();
    if (this.#failure !== undefined) throw this.#unavailable();
    const asked = this.witness.now();
    const { sequence, durable, commit } = this.#journal.append(events);
    const first = sequence - events.length + 1;
    const before: (Order | undefined)[] = [];
    const after = events.map((event) => {
      before.push(event.type === "advanced" ? this.orders.byNumber(event.number) : undefined);
      return this.#change(event);
    });
    this.#unpublished += 1;
    try {
      await durable;
    } catch (cause) {
      throw this.#fail(cause);
    }
    this.#unpublished -= 1;
    const kept = this.witness.now();
    for (const [i, event] of events.entries()) this.#publish(first + i, event, after[i]);
    this.#witness(events, before, after, { asked, commit, kept, published: this.witness.now() });
    // Last, so that who is woken finds everything told.
    for (const [i, event] of events.entries()) {
      const changed = after[i];
      if (changed !== undefined) this.#tell(changed.id);
      else if (event.type === "answered" || event.type === "doubted") this.#tell(event.key);
    }
  }

  /** Resolves when everything that a reader could see is durable. */
  async settled(): Promise<void> {
    if (this.#failure !== undefined) throw this.#unavailable();
    if (this.#unpublished === 0) return;
    try {
      await this.#journal.flushed();
    } catch (cause) {
      throw this.#fail(cause);
    }
  }

  /** Waits for what is on its way to the disk; what never gets there is not shown. */
  async shown(): Promise<void> {
    await this.settled().catch(() => undefined);
  }

  /** The order of that name as it is on disk. */
  find(name: OrderName): Order | undefined {
    const order = this.orders.find(name);
    return order && this.durableOrder(order.number);
  }

  /** Orders as they are on disk: newest first, below number `before`, at most `limit`. */
  listOrders(filter: OrderFilter, before: number, limit: number): Order[] {
    return this.orders.list(filter, before, limit, (order) => this.#durableOrders.of(order.number, order));
  }

  /** Deals on disk: newest first, below place `before`, at most `limit`. */
  listDeals(filter: DealFilter, before: number, limit: number): ReturnType<Holdings["deals"]> {
    return this.holdings.deals(filter, Math.min(before, this.#durableDeals + 1), limit);
  }

  /** The order as it is on disk. */
  durableOrder(number: OrderNumber): Order | undefined {
    return this.#durableOrders.of(number, this.orders.byNumber(number));
  }

  /** What is open on disk. */
  get openOrders(): Order[] {
    return this.#durableOrders
      .all(this.orders.open, (order) => order.number)
      .filter((order) => !isFinal(order.stage))
      .sort((a, b) => a.number - b.number);
  }

  get openPositions(): Position[] {
    return this.#durablePositions.all(this.holdings.positions, (position) => position.ticket);
  }

  /** What a key was first used for; undefined when it is free. */
  contentOf(key: ClientOrderId): string | undefined {
    return this.#contents.get(key);
  }

  /** Calls back when the order, or the command of the key, has changed and that is durable. */
  watch(name: OrderId | ClientOrderId, callback: () => void): () => void {
    const watchers = this.#watchers.get(name) ?? new Set();
    this.#watchers.set(name, watchers.add(callback));
    return () => {
      watchers.delete(callback);
      if (watchers.size === 0 && this.#watchers.get(name) === watchers) this.#watchers.delete(name);
    };
  }

  /** Folds one event in, and remembers what the disk holds until the event is there too. */
  #change(event: AccountEvent): Order | undefined {
    if (event.type === "received" || event.type === "found") {
      this.#durableOrders.changing(event.order.number, undefined);
    } else if (event.type === "advanced") {
      this.#durableOrders.changing(event.number, this.orders.byNumber(event.number));
    } else if (event.type === "position") {
      const { ticket } = event.position;
      this.#durablePositions.changing(ticket, this.holdings.position(ticket));
    }
    return this.#apply(event);
  }

  /** Folds one event in; returns the order it left behind, if it concerns one. */
  #apply(event: AccountEvent): Order | undefined {
    switch (event.type) {
      case "received":
        if (event.order.clientOrderId !== undefined) this.#contents.set(event.order.clientOrderId, event.content);
        this.orders.put(event.order);
        return event.order;
      case "found":
        this.orders.put(event.order);
        return event.order;
      case "advanced": {
        const before = this.orders.byNumber(event.number);
        const step = before && advance(before, event.event, event.at, event.evidence);
        if (step?.kind !== "advanced") return undefined; // decided before it was written: cannot be
        const { order } = step;
        this.orders.put(order);
        if (event.event.type === "changed") this.changes.orderChanged(order);
        if (order.ticket !== undefined && isFinal(order.stage)) this.changes.ended(order.ticket);
        return order;
      }
      case "asked":
        this.#contents.set(event.key, event.content);
        this.changes.ask(asked(event));
        return undefined;
      case "doubted":
        this.changes.doubt(event.key, event.why);
        return undefined;
      case "answered":
        this.changes.answer(event.key, event.answer);
        return undefined;
      case "deal":
        this.holdings.add(event.deal);
        return undefined;
      case "position":
        if (event.change === "closed") this.holdings.remove(event.position.ticket);
        else {
          const before = this.holdings.position(event.position.ticket);
          this.holdings.put(event.position);
          if (before !== undefined && !hasStops(before, event.position)) this.changes.stopsChanged(event.position);
        }
        return undefined;
    }
  }

  #publish(sequence: number, event: AccountEvent, order: Order | undefined): void {
    this.orderFeed.advance(sequence);
    this.accountFeed.advance(sequence);
    if (order !== undefined) {
      this.#durableOrders.changed(order.number, order, this.orders.byNumber(order.number));
      this.orderFeed.publish(sequence, order);
    } else if (event.type === "position") {
      const { change, position } = event;
      const left = change === "closed" ? undefined : position;
      this.#durablePositions.changed(position.ticket, left, this.holdings.position(position.ticket));
      this.accountFeed.publish(sequence, event);
    } else if (event.type === "deal") {
      this.#durableDeals += 1;
      if (event.deal.order !== undefined) return;
      this.accountFeed.publish(sequence, {
        type: "balance",
        deal: event.deal,
        balance: this.holdings.valuation.balance,
      });
    }
  }

  /** Who watches is told of every stage that an order has reached, and once of the write. */
  #witness(events: readonly AccountEvent[], before: OrderStates, after: OrderStates, times: WriteTimes): void {
    for (const [i, order] of after.entries()) {
      if (order === undefined) continue;
      if (order.stage !== before[i]?.stage) this.witness.reached(order);
      if (after[i + 1]?.number !== order.number) tellWrite(this.witness, order, nameOf(events[i]), times);
    }
  }

  #tell(name: OrderId | ClientOrderId): void {
    for (const callback of this.#watchers.get(name) ?? []) callback();
  }

  /** Nothing more will become durable: whoever waits for it is told. */
  #fail(cause: unknown): BridgeError {
    if (this.#failure === undefined) {
      this.#failure = cause;
      for (const watchers of [...this.#watchers.values()]) for (const callback of [...watchers]) callback();
      for (const callback of this.#failed) callback();
    }
    return this.#unavailable();
  }

  #unavailable(): BridgeError {
    const { message, metadata } = reasonOf(this.#failure);
    return new BridgeError("journal_unavailable", `${message}; nothing was sent`, {
      cause: this.#failure,
      metadata,
      retryAfterMs: 1000,
    });
  }
}

function reasonOf(failure: unknown): Pick<BridgeError, "message" | "metadata"> {
  if (failure instanceof BridgeError) return failure;
  const why = failure instanceof Error ? failure.message : String(failure);
  return { message: `the journal cannot be written: ${why}`, metadata: {} };
}
