/**
 * A reader of a stream that comes back with its cursor whenever it was cut off, and writes
 * down all that it was told.
 */
import type { Account } from "../../src/core/accounts/account.ts";
import type { AccountFact } from "../../src/core/accounts/feeds.ts";
import { streamAccount } from "../../src/core/accounts/stream-account.ts";
import type { Order } from "../../src/core/model/order.ts";
import { streamOrders } from "../../src/core/orders/stream-orders.ts";
import type { Cursor } from "../../src/core/streams/cursor.ts";
import type { Bridge, Life } from "./bridge.ts";
import type { Dice } from "./dice.ts";
import type { World } from "./world.ts";

export type Entry =
  | { readonly type: "opened"; readonly after: Cursor | undefined }
  | { readonly type: "reset" | "snapshot_end" | "heartbeat" | "closing"; readonly cursor: Cursor }
  | { readonly type: "snapshot"; readonly orders: readonly Order[]; readonly cursor: Cursor }
  | { readonly type: "order"; readonly order: Order; readonly cursor: Cursor }
  | { readonly type: "fact"; readonly fact: AccountFact; readonly cursor: Cursor };

/** Milliseconds between two attempts. */
const again = 120;
const heartbeat = 500;

export class Reader {
  readonly kind: "orders" | "account";
  readonly log: Entry[] = [];
  readonly #world: World;
  readonly #bridge: Bridge;
  readonly #dice: Dice;
  /** Whether it now and then leaves of its own accord. */
  readonly #restless: boolean;
  #after: Cursor | undefined;
  #reading: Life | undefined;

  constructor(kind: "orders" | "account", world: World, bridge: Bridge, dice: Dice) {
    this.kind = kind;
    this.#world = world;
    this.#bridge = bridge;
    this.#dice = dice;
    this.#restless = dice.happens(0.5);
    this.#look();
  }

  /** Whether it reads from a bridge that lives. */
  get reading(): boolean {
    return this.#reading?.process.alive === true;
  }

  #look(): void {
    const { account, life } = this.#bridge;
    if (account !== undefined && !this.reading) {
      this.#reading = life;
      this.#world.after(0, life.process, () => void this.#read(account, life));
    }
    this.#world.after(again, this.#world.outside, () => this.#look());
  }

  async #read(account: Account, life: Life): Promise<void> {
    const left = new AbortController();
    if (this.#restless) {
      const stay = this.#dice.between(200, 4000);
      this.#world.after(stay, life.process, () => left.abort("left"));
    }
    const ends = { signal: left.signal, leaving: life.leaving.signal };
    const after = this.#after;
    const course =
      this.kind === "orders"
        ? streamOrders(
            account,
            { strategyId: undefined, symbols: [], snapshot: after === undefined, after, heartbeat },
            ends,
          )
        : streamAccount(account, { after, heartbeat, minInterval: 1000 }, ends);
    try {
      for await (const event of course) {
        if (event.type === "valuation") continue;
        if (left.signal.aborted || !life.process.effect()) break;
        this.#take(event, after);
      }
    } catch {
      // It is cut off, and comes back.
    }
    if (this.#reading === life && life.process.alive) this.#reading = undefined;
  }

  #take(event: Entry | { type: "opened" } | StreamSnapshot, after: Cursor | undefined): void {
    if (event.type === "opened") {
      this.log.push({ type: "opened", after });
      return;
    }
    if (event.type === "snapshot") {
      const orders = "order" in event ? [event.order as Order] : [];
      this.log.push({ type: "snapshot", orders, cursor: event.cursor });
      return;
    }
    if (event.type !== "reset") this.#after = event.cursor; // until it has the whole snapshot, it has nothing
    this.log.push(event);
  }
}

interface StreamSnapshot {
  readonly type: "snapshot";
  readonly cursor: Cursor;
  readonly order?: Order;
}
