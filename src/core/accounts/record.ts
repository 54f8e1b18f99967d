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
import type { Volume } from "../model/decimals.ts";
import type { ClientOrderId, OrderId, OrderNumber, Ticket } from "../model/ids.ts";
import type { Order } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import type { ChangeBook } from "../orders/change-book.ts";
import type { OrderBook, OrderFilter, OrderName } from "../orders/order-book.ts";
import { tellWrite, type WriteTimes } from "../orders/order-trace.ts";
import type { Appended, Journal } from "../ports/journal.ts";
import { nobody, type Witness } from "../ports/witness.ts";
import type { Feed } from "../streams/feed.ts";
import type { AccountEvent } from "./account-event.ts";
import { type KeptOrder, type Used, withoutContent } from "./archive.ts";
import { type AccountFact, Feeds } from "./feeds.ts";
import { fold } from "./fold.ts";
import type { DealFilter, Holdings } from "./holdings.ts";
import { OnDisk } from "./on-disk.ts";
import { Outage } from "./outage.ts";
import type { Past, Taken } from "./past.ts";
import { type Held, type Opening, restored } from "./restored.ts";
import { snapshotEvery } from "./snapshots.ts";
import type { State } from "./state-parts.ts";
import { Watchers } from "./watchers.ts";

type OrderStates = readonly (Order | undefined)[];

/** What an event is called in a trace. */
const nameOf = (event: AccountEvent | undefined): string =>
  event?.type === "advanced" ? event.event.type : (event?.type ?? "");

/** Refused, it has not happened. */
const isWish = ({ type }: AccountEvent): boolean => type === "received" || type === "asked";

export class AccountRecord {
  readonly orderFeed: Feed<Order>;
  readonly accountFeed: Feed<AccountFact>;
  readonly witness: Witness;
  readonly outage = new Outage();
  readonly #opening: Opening;
  readonly #journal: Journal<AccountEvent>;
  readonly #feeds: Feeds;
  readonly #watchers = new Watchers();
  /** All of it goes when the journal is read anew. */
  #state: State;
  #past: Past;
  #disk: OnDisk;
  #unpublished = 0;

  private constructor(opening: Opening, witness: Witness, feeds: Feeds, held: Held) {
    this.orderFeed = feeds.orders;
    this.accountFeed = feeds.account;
    this.witness = witness;
    this.#opening = opening;
    this.#journal = opening.journal;
    this.#feeds = feeds;
    this.#state = held.state;
    this.#past = held.past;
    this.#disk = new OnDisk(held);
    this.outage.watch(() => this.#watchers.tellAll());
    this.#past.onDamage((why) => this.outage.begin(why));
  }

  static async open(
    journal: Journal<AccountEvent>,
    valuation: Valuation,
    witness: Witness = nobody,
    every = snapshotEvery,
  ): Promise<AccountRecord> {
    const opening = { journal, valuation, every };
    let feeds = new Feeds(journal.epoch, 0, []);
    const held = await restored(opening, (snapshot, kept) => {
      feeds = new Feeds(journal.epoch, snapshot, kept);
      return (sequence, event, order) => feeds.publish(sequence, event, order, valuation.balance);
    });
    const record = new AccountRecord(opening, witness, feeds, held);
    // After a long fold, before anybody waits for anything.
    const taken = record.#past.take(record.orderFeed.cursor.sequence, record.#state);
    if (taken !== undefined) void record.#keep(taken);
    journal.onFailure((why) => record.outage.begin(why));
    return record;
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
    const { state, past } = await restored(this.#opening, () => {
      news = [];
      return (sequence, event, order) => {
        if (sequence > told) news.push({ sequence, event, order });
      };
    });
    state.holdings.valuation = this.holdings.valuation;
    const held = { state: { ...state, owed: this.owed }, past };
    this.#state = held.state;
    this.#past = past;
    this.#disk = new OnDisk(held);
    this.#unpublished = 0;
    this.outage.end();
    for (const { sequence, event, order } of news) {
      this.#feeds.publish(sequence, event, order, this.holdings.valuation.balance);
      if (order !== undefined) this.witness.reached(order);
    }
    past.onDamage((why) => this.outage.begin(why));
  }

  /** Why nothing can be written; undefined while all is well. */
  get failure(): unknown {
    return this.outage.cause;
  }

  /** Whether something that has left memory turned out not to be as it was written. */
  get isDamaged(): boolean {
    return this.#past.isDamaged;
  }

  /** Journals events that belong together. They count at once; the promise resolves when they are durable. */
  async write(events: readonly AccountEvent[]): Promise<void> {
    if (events.length === 0) return this.settled();
    if (this.failure !== undefined) throw this.outage.error;
    const asked = this.witness.now();
    const { sequence, durable, commit } = this.#append(events);
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
    for (const [i, event] of events.entries()) {
      this.#disk.changed(event, after[i]);
      this.#feeds.publish(first + i, event, after[i], this.holdings.valuation.balance);
    }
    if (taken !== undefined) void this.#keep(taken);
    this.#witness(events, before, after, { asked, commit, kept, published: this.witness.now() });
    // Last, so that who is woken finds everything told.
    for (const [i, event] of events.entries()) {
      const changed = after[i];
      if (changed !== undefined) this.#watchers.tell(changed.id);
      else if (event.type === "answered" || event.type === "doubted") this.#watchers.tell(event.key);
    }
  }

  /** Where the queue is full, a wish is refused; what has happened would be forgotten, and has to be read again. */
  #append(events: readonly AccountEvent[]): Appended {
    try {
      return this.#journal.append(events);
    } catch (cause) {
      throw cause instanceof BridgeError && !events.some(isWish) ? this.#fail(cause) : cause;
    }
  }

  /** Resolves when everything that a reader could see is durable. */
  async settled(): Promise<void> {
    if (this.failure !== undefined) throw this.outage.error;
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
    return order === undefined ? this.newest(name) : this.#disk.order(order.number);
  }

  /** Orders on disk: newest first, below number `before`, at most `limit`. */
  listOrders(filter: OrderFilter, before: number, limit: number): Promise<Order[]> {
    return this.#disk.listOrders(filter, before, limit);
  }

  /** Deals on disk: newest first, below place `before`, at most `limit`. */
  listDeals(filter: DealFilter, before: number, limit: number): ReturnType<OnDisk["listDeals"]> {
    return this.#disk.listDeals(filter, before, limit);
  }

  /** What is open on disk. */
  get openOrders(): Order[] {
    return this.#disk.openOrders;
  }

  get openPositions(): Position[] {
    return this.#disk.openPositions;
  }

  /** Of those in memory. */
  durableOrder(number: OrderNumber): Order | undefined {
    return this.#disk.order(number);
  }

  durablePosition(ticket: Ticket): Position | undefined {
    return this.#disk.position(ticket);
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
    return this.#state.contents.has(key) || this.#past.mayBeUsed(key);
  }

  /** What a key in memory was first used for. */
  contentOf(key: ClientOrderId): string | undefined {
    return this.#state.contents.get(key);
  }

  /** Calls back when the order, or the command of the key, has changed and that is durable. */
  watch(name: OrderId | ClientOrderId, callback: () => void): () => void {
    return this.#watchers.watch(name, callback);
  }

  /** Folds one event in; readers are shown what was before until it is on disk. */
  #change(event: AccountEvent): Order | undefined {
    this.#disk.changing(event);
    return fold(this.#state, this.#past, event);
  }

  /** In the turn in which the last of its events was published: the feeds are where the state was when it was taken. */
  async #keep(taken: Taken): Promise<void> {
    await this.#past.keep({ ...taken, parts: [...taken.parts, ...this.#feeds.parts()] }, this.#state);
  }

  /** Who watches is told of every stage that an order has reached, and once of the write. */
  #witness(events: readonly AccountEvent[], before: OrderStates, after: OrderStates, times: WriteTimes): void {
    for (const [i, order] of after.entries()) {
      if (order === undefined) continue;
      if (order.stage !== before[i]?.stage) this.witness.reached(order);
      if (after[i + 1]?.number !== order.number) tellWrite(this.witness, order, nameOf(events[i]), times);
    }
  }

  /** What a caller is told of it. */
  #fail(cause: unknown): BridgeError {
    this.outage.begin(cause);
    return this.outage.error;
  }
}
