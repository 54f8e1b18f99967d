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
import type { Money, Volume } from "../model/decimals.ts";
import type { ClientOrderId, OrderId, OrderNumber, Ticket } from "../model/ids.ts";
import type { Order } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import { ChangeBook } from "../orders/change-book.ts";
import { isFinal } from "../orders/lifecycle.ts";
import { isListed, OrderBook, type OrderFilter, type OrderName } from "../orders/order-book.ts";
import { tellWrite, type WriteTimes } from "../orders/order-trace.ts";
import type { Journal } from "../ports/journal.ts";
import { nobody, type Witness } from "../ports/witness.ts";
import { Feed, type Piece } from "../streams/feed.ts";
import type { AccountEvent, PositionChange } from "./account-event.ts";
import { type KeptOrder, type Used, withoutContent } from "./archive.ts";
import { BOX } from "./boxes.ts";
import { Durable } from "./durable.ts";
import { fold } from "./fold.ts";
import { type DealFilter, Holdings, isListed as isDealListed } from "./holdings.ts";
import { listNewest } from "./listing.ts";
import { Past, type Taken } from "./past.ts";
import { type Part, snapshotEvery } from "./snapshots.ts";
import type { State } from "./state-parts.ts";
import { Watchers } from "./watchers.ts";

/** What readers of the account stream are told. */
export type AccountFact =
  | { readonly type: "position"; readonly change: PositionChange; readonly position: Position }
  | { readonly type: "balance"; readonly deal: Deal; readonly balance: Money };

/** A deal and its place: 1 is the oldest. */
interface PlacedDeal {
  readonly place: number;
  readonly deal: Deal;
}

type OrderStates = readonly (Order | undefined)[];

/** What an event is called in a trace. */
const nameOf = (event: AccountEvent | undefined): string =>
  event?.type === "advanced" ? event.event.type : (event?.type ?? "");

/** How many events are kept for readers that come back. */
const keep = 10_000;
/** How far a reader may be behind: less than is kept, so that it can come back where it was cut off. */
const backlog = 5_000;

/** Told of each event that was folded in, and of the order it left behind. */
type Folded = (sequence: number, event: AccountEvent, order: Order | undefined) => void;

interface Opening {
  readonly journal: Journal<AccountEvent>;
  readonly valuation: Valuation;
  readonly witness: Witness;
  /** Events between two snapshots. */
  readonly every: number;
}

export class AccountRecord {
  readonly orderFeed: Feed<Order>;
  readonly accountFeed: Feed<AccountFact>;
  readonly witness: Witness;
  readonly #opening: Opening;
  readonly #journal: Journal<AccountEvent>;
  /** All of it goes when the journal is read anew. */
  #state: State;
  readonly #watchers = new Watchers();
  readonly #failed = new Set<() => void>();
  #durableOrders = new Durable<OrderNumber, Order>();
  #durablePositions = new Durable<Ticket, Position>();
  /** How many deals are on disk. */
  #durableDeals = 0;
  #unpublished = 0;
  #failure: unknown;
  #past: Past;

  private constructor(parts: Opening) {
    const { journal, valuation, witness, every } = parts;
    this.#opening = parts;
    this.witness = witness;
    this.#journal = journal;
    this.#past = new Past(journal.shelf, every);
    this.#past.onDamage = (why) => this.#fail(why);
    this.#state = {
      orders: new OrderBook(),
      changes: new ChangeBook(),
      holdings: new Holdings(valuation, (deal) => this.#past.hasDeal(deal)),
      contents: new Map(),
      owed: new Map(),
    };
    this.orderFeed = new Feed(journal.epoch, keep, backlog);
    this.accountFeed = new Feed(journal.epoch, keep, backlog);
  }

  /** From the newest snapshot, and the events behind it. */
  static async open(
    journal: Journal<AccountEvent>,
    valuation: Valuation,
    witness: Witness = nobody,
    every = snapshotEvery,
  ): Promise<AccountRecord> {
    const opening = { journal, valuation, witness, every };
    const record = await AccountRecord.#read(opening, (one) => (sequence, event, order) => {
      one.#publish(sequence, event, order);
    });
    // After a long fold, before anybody waits for anything.
    const taken = record.#past.take(record.orderFeed.cursor.sequence, record.#state);
    if (taken !== undefined) void record.#keep(taken);
    journal.onFailure((why) => record.#fail(why));
    return record;
  }

  /**
   * From the newest snapshot and the events behind it; from all events where what is beside the journal turns out to
   * be damaged on the way. `each` is asked anew for each way.
   */
  static async #read(opening: Opening, each: (record: AccountRecord) => Folded): Promise<AccountRecord> {
    const record = await AccountRecord.#fromSnapshot(opening);
    try {
      await record.#fold(each(record));
      return record;
    } catch (error) {
      if (!record.#past.isDamaged) throw error;
      await record.#past.end().catch(() => undefined); // the next start finds it damaged again
      const anew = new AccountRecord(opening);
      await anew.#fold(each(anew));
      return anew;
    }
  }

  /** Empty where there is no snapshot that can be trusted: the journal tells the same, only later. */
  static async #fromSnapshot(opening: Opening): Promise<AccountRecord> {
    const record = new AccountRecord(opening);
    try {
      const { sequence: last } = opening.journal.append([]);
      for await (const { kind, value } of record.#past.restore(record.#state, last)) {
        if (kind === "orderFeed") record.orderFeed.restore(value as Piece<Order>);
        if (kind === "accountFeed") record.accountFeed.restore(value as Piece<AccountFact>);
      }
      record.#durableDeals = record.holdings.dealCount;
      record.orderFeed.advance(record.#past.snapshot);
      record.accountFeed.advance(record.#past.snapshot);
      return record;
    } catch {
      return new AccountRecord(opening);
    }
  }

  get orders(): OrderBook {
    return this.#state.orders;
  }

  get changes(): ChangeBook {
    return this.#state.changes;
  }

  get holdings(): Holdings {
    return this.#state.holdings;
  }

  /** What the terminal says was filled of orders that have ended, where not all of their deals have come. */
  get owed(): Map<OrderNumber, Volume> {
    return this.#state.owed;
  }

  /** Every event behind the snapshot. */
  async #fold(each: Folded): Promise<void> {
    try {
      for await (const page of this.#journal.pages(this.#past.snapshot)) {
        for (const { sequence, event } of page) {
          if (event.type === "advanced" && this.orders.byNumber(event.number) === undefined) {
            const order = await this.archived({ by: "number", value: event.number });
            if (order !== undefined) this.recall(order);
          }
          each(sequence, event, fold(this.#state, this.#past, event));
          if (this.#past.isLong(sequence)) await this.#past.shelve(sequence, this.#state);
        }
      }
    } finally {
      await this.#past.shelved();
    }
  }

  /**
   * Waits until the journal can be written again after a failure; memory is what the disk has
   * kept then. Events whose sync failed late are among it, and are published now.
   */
  async reopen(): Promise<void> {
    await this.#journal.reopened();
    await this.#journal.flushed().catch(() => undefined); // where the journal is well, and what is beside it is not
    await this.#past.end();
    const told = this.orderFeed.cursor.sequence;
    let news: { readonly sequence: number; readonly event: AccountEvent; readonly order: Order | undefined }[] = [];
    let deals = 0;
    const kept = await AccountRecord.#read(this.#opening, (one) => {
      news = [];
      deals = one.#durableDeals;
      return (sequence, event, order) => {
        if (sequence > told) news.push({ sequence, event, order });
        else if (event.type === "deal") deals += 1;
      };
    });
    kept.holdings.valuation = this.holdings.valuation;
    this.#state = { ...kept.#state, owed: this.owed };
    this.#past = kept.#past;
    this.#past.onDamage = (why) => this.#fail(why);
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

  /** Whether something that has left memory turned out not to be as it was written. */
  get isDamaged(): boolean {
    return this.#past.isDamaged;
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
    const taken = this.#past.take(sequence, this.#state);
    this.#unpublished += 1;
    try {
      await durable;
    } catch (cause) {
      throw this.#fail(cause);
    }
    this.#unpublished -= 1;
    const kept = this.witness.now();
    for (const [i, event] of events.entries()) this.#publish(first + i, event, after[i]);
    if (taken !== undefined) void this.#keep(taken);
    this.#witness(events, before, after, { asked, commit, kept, published: this.witness.now() });
    // Last, so that who is woken finds everything told.
    for (const [i, event] of events.entries()) {
      const changed = after[i];
      if (changed !== undefined) this.#watchers.tell(changed.id);
      else if (event.type === "answered" || event.type === "doubted") this.#watchers.tell(event.key);
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

  /** Waits for what is on its way to the disk, if anything is; what never gets there is not shown. */
  shown(): undefined | Promise<void> {
    return this.#unpublished === 0 ? undefined : this.settled().catch(() => undefined);
  }

  /** The newest state of an order, on disk or not. */
  async newest(name: OrderName): Promise<Order | undefined> {
    const order = this.orders.find(name);
    if (order !== undefined) return order;
    const archived = await this.archived(name);
    return archived && withoutContent(archived);
  }

  /** The order of that name as it is on disk. */
  async find(name: OrderName): Promise<Order | undefined> {
    const order = this.orders.find(name);
    return order === undefined ? this.newest(name) : this.#durable(order.number);
  }

  /** Orders as they are on disk: newest first, below number `before`, at most `limit`. */
  async listOrders(filter: OrderFilter, before: number, limit: number): Promise<Order[]> {
    const at = (number: number) => this.#durable(number as OrderNumber);
    if (filter.open === true) {
      const open = this.openOrders.reverse();
      return open.filter((order) => order.number < before && isListed(order, filter)).slice(0, limit);
    }
    const last = Math.min(before - 1, this.orders.count);
    const isInMemory = (number: number) => this.orders.byNumber(number as OrderNumber) !== undefined;
    const from = { boxes: this.#past.archive.orders, isInMemory, at };
    const orders = await listNewest<KeptOrder>(from, last, limit, (order) => isListed(order, filter));
    return orders.map(withoutContent);
  }

  /** Deals on disk: newest first, below place `before`, at most `limit`. */
  async listDeals(filter: DealFilter, before: number, limit: number): Promise<PlacedDeal[]> {
    const isInMemory = (place: number) => place > this.holdings.forgotten;
    const at = (number: number) => this.holdings.dealAt(number);
    const last = Math.min(before - 1, this.#durableDeals);
    const from = { boxes: this.#past.archive.deals, isInMemory, at };
    const deals = await listNewest(from, last, limit, (deal) => isDealListed(deal, filter));
    return deals.map(({ number: place, ...deal }) => ({ place, deal }));
  }

  #durable(number: OrderNumber): Order | undefined {
    return this.#durableOrders.of(number, this.orders.byNumber(number));
  }

  /** An order that has left memory; undefined at once where there is none of that name. */
  archived(name: OrderName): Promise<KeptOrder | undefined> | undefined {
    return this.#past.order(name);
  }

  /** Whether there is an order of that ticket, here or in the archive. */
  knowsOrder(ticket: Ticket): boolean {
    return this.orders.byTicket(ticket) !== undefined || this.#past.hasOrder(ticket);
  }

  /** An order that has left memory comes back; unless it was there first. */
  recall(order: KeptOrder): void {
    if (this.orders.byNumber(order.number) === undefined) this.#past.recall(order, this.#state);
  }

  /** What a key was used for that memory does not know; undefined at once where it was not. */
  used(key: ClientOrderId): Promise<Used | undefined> | undefined {
    return this.#state.contents.has(key) ? undefined : this.#past.used(key);
  }

  /** Whether the key may have been used: it is known, or shares its name with one that is. */
  mayBeUsed(key: ClientOrderId): boolean {
    return this.#state.contents.has(key) || this.#past.used(key) !== undefined;
  }

  /** The position as it is on disk. */
  durablePosition(ticket: Ticket): Position | undefined {
    return this.#durablePositions.of(ticket, this.holdings.position(ticket));
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

  /** What a key in memory was first used for. */
  contentOf(key: ClientOrderId): string | undefined {
    return this.#state.contents.get(key);
  }

  /** Calls back when the order, or the command of the key, has changed and that is durable. */
  watch(name: OrderId | ClientOrderId, callback: () => void): () => void {
    return this.#watchers.watch(name, callback);
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
    return fold(this.#state, this.#past, event);
  }

  /** In the turn in which the last of its events was published: the feeds are where the state was when it was taken. */
  async #keep(taken: Taken): Promise<void> {
    const feeds = [
      ...this.orderFeed.pieces(BOX).map((value, index): Part => ({ kind: "orderFeed", index, value })),
      ...this.accountFeed.pieces(BOX).map((value, index): Part => ({ kind: "accountFeed", index, value })),
    ];
    await this.#past.keep({ ...taken, parts: [...taken.parts, ...feeds] }, this.#state);
  }

  #publish(sequence: number, event: AccountEvent, order: Order | undefined): void {
    this.orderFeed.advance(sequence);
    this.accountFeed.advance(sequence);
    if (order !== undefined) {
      this.#durableOrders.changed(order.number, order, this.orders.byNumber(order.number) ?? order);
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

  /** Nothing more will become durable: whoever waits for it is told. */
  #fail(cause: unknown): BridgeError {
    if (this.#failure === undefined) {
      this.#failure = cause;
      this.#watchers.tellAll();
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
