/**
 * What is over on an account. It is noted here until it is on the shelf, leaves memory once
 * it is, and is found again by its names.
 *
 * Memory holds what happened since the last snapshot, what is at work, and of everything
 * else its names: at most 32 bytes for each key, order ticket and deal ticket. A long fold
 * goes on while what is over is being written, and holds what happened between two
 * snapshots at most twice.
 */
import type { BridgeError } from "../errors.ts";
import type { ClientOrderId, OrderNumber, Ticket } from "../model/ids.ts";
import type { OrderName } from "../orders/order-book.ts";
import type { Shelf } from "../ports/journal.ts";
import type { AccountEvent } from "./account-event.ts";
import { Archive, type Finished, type KeptOrder, type Putting, type Used } from "./archive.ts";
import { type Part, Snapshots } from "./snapshots.ts";
import { partsOf, putBack, restorePart, type State } from "./state-parts.ts";
import { Unshelved } from "./unshelved.ts";

/** Boxes that a fold puts on the shelf at a time: nobody is served while it goes on. */
const together = 8;

/** What a snapshot is to keep, as it was when it was taken. */
export interface Taken {
  readonly sequence: number;
  readonly finished: Finished;
  readonly parts: readonly Part[];
}

export class Past {
  readonly archive: Archive;
  readonly #snapshots: Snapshots;
  readonly #unshelved = new Unshelved();
  readonly #every: number;
  #damage: BridgeError | undefined;
  #onDamage: (why: BridgeError) => void = () => undefined;
  /** How often something has left memory. */
  #releases = 0;
  /** Up to which event the archive has everything, or is getting it. */
  #shelved = 0;
  #shelving: Promise<void> = Promise.resolve();

  /** `every`: events between two snapshots. */
  constructor(shelf: Shelf | undefined, every: number) {
    this.archive = new Archive(shelf, (why) => {
      this.#damage = why;
      this.#onDamage(why);
    });
    this.#snapshots = new Snapshots(shelf, this.archive, every);
    this.#every = every;
  }

  /** Calls back when the shelf turns out not to be as it was written; at once where it has already. */
  onDamage(callback: (why: BridgeError) => void): void {
    this.#onDamage = callback;
    if (this.#damage !== undefined) callback(this.#damage);
  }

  /** Whether something on the shelf is not as it was written. */
  get isDamaged(): boolean {
    return this.#damage !== undefined;
  }

  /** No more snapshots are kept from here. What is damaged there is not trusted by any later start either. */
  async end(): Promise<void> {
    this.#snapshots.stop();
    if (this.isDamaged) await this.#snapshots.forget();
  }

  /** The last event of the newest snapshot. */
  get snapshot(): number {
    return this.#snapshots.sequence;
  }

  /** Puts the newest snapshot into the state; gives out the parts that are not of it. `last`: the journal's own end. */
  async *restore(state: State, last: number): AsyncGenerator<Part, void> {
    for await (const part of this.#snapshots.parts(last)) {
      const counts = restorePart(state, part);
      if (counts === undefined) yield part;
      else this.#unshelved.restore(counts);
    }
    this.#shelved = this.#snapshots.sequence;
  }

  /** Called with every event, before it is folded in. */
  note(event: AccountEvent, contents: State["contents"]): void {
    this.#unshelved.note(event, contents);
  }

  /** Whether a fold has come so far that what is over is to leave memory on the way. */
  isLong(sequence: number): boolean {
    return sequence - this.#shelved >= this.#every;
  }

  /** What is over by now goes on the shelf while the fold goes on, after what went before it. */
  async shelve(sequence: number, state: State): Promise<void> {
    await this.#shelving;
    this.#shelved = sequence;
    const finished = this.#unshelved.take(state);
    this.#shelving = this.#shelve(sequence, finished, state);
  }

  async #shelve(sequence: number, finished: Finished, state: State): Promise<void> {
    const put = this.archive.put(finished, sequence, this.#putting(state, together));
    const kept = await put.then(
      () => true,
      () => false,
    );
    this.#let(kept, finished, state);
  }

  /** Resolves when nothing is on its way to the shelf that a fold has put there. */
  shelved(): Promise<void> {
    return this.#shelving;
  }

  /** What a snapshot is to keep, where one is due; nobody else takes one until it is given to `keep`. */
  take(sequence: number, state: State): Taken | undefined {
    if (!this.#snapshots.begin(sequence)) return undefined;
    const finished = this.#unshelved.take(state);
    return { sequence, finished, parts: partsOf(state, this.#unshelved.answered) };
  }

  async keep({ sequence, finished, parts }: Taken, state: State): Promise<void> {
    this.#let(await this.#snapshots.keep(sequence, finished, parts, this.#putting(state, 1)), finished, state);
  }

  #putting(state: State, together: number): Putting {
    const put = (some: Partial<Finished>) => {
      this.#unshelved.release(some, state);
      this.#releases += 1;
    };
    return { contents: state.contents, together, put };
  }

  /** What is over and on the shelf leaves memory, whenever it was put there; what could not be put there is taken again. */
  #let(kept: boolean, finished: Finished, state: State): void {
    if (kept) {
      this.#unshelved.release({ orders: [...state.orders.inMemory] }, state);
      this.#releases += 1;
    } else this.#unshelved.giveBack(finished);
  }

  /** An order that has left memory; undefined at once where there is none of that name. */
  order(name: OrderName): Promise<KeptOrder | undefined> | undefined {
    return this.archive.order(name);
  }

  /** It is in memory again. */
  recall(order: KeptOrder, state: State): void {
    putBack(state, order);
    this.#unshelved.recalled(order.number as OrderNumber);
  }

  hasOrder(ticket: Ticket): boolean {
    return this.archive.orders.numbersOf(ticket).length > 0;
  }

  hasDeal(ticket: Ticket): boolean {
    return this.archive.deals.numbersOf(ticket).length > 0;
  }

  /**
   * What a key was used for that memory does not know; undefined at once where it was not. Whoever goes on at once
   * when nothing is told finds nothing here that was in memory when it asked.
   */
  used(key: ClientOrderId): Promise<Used | undefined> | undefined {
    const used = this.archive.used(key);
    return used && this.#surely(key, used, this.#releases);
  }

  /** Without reading anything: that a name is known says nothing of whose it is. */
  mayBeUsed(key: ClientOrderId): boolean {
    return this.archive.mayBeUsed(key);
  }

  async #surely(key: ClientOrderId, using: Promise<Used | undefined>, releases: number): Promise<Used | undefined> {
    const used = await using;
    return used === undefined && releases !== this.#releases ? this.used(key) : used;
  }
}
