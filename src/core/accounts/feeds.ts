/** What readers of an account's streams are told: orders, and facts of the account, by their numbers in the journal. */
import type { Deal } from "../model/deal.ts";
import type { Money } from "../model/decimals.ts";
import type { Order } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import { Feed, type Piece } from "../streams/feed.ts";
import type { AccountEvent, PositionChange } from "./account-event.ts";
import { BOX } from "./boxes.ts";
import type { Part } from "./snapshots.ts";

/** What readers of the account stream are told. */
export type AccountFact =
  | { readonly type: "position"; readonly change: PositionChange; readonly position: Position }
  | { readonly type: "balance"; readonly deal: Deal; readonly balance: Money };

/** Told of each event that was folded in, and of the order it left behind. */
export type Folded = (sequence: number, event: AccountEvent, order: Order | undefined) => void;

/** How many events are kept for readers that come back. */
const keep = 10_000;
/** How far a reader may be behind: less than is kept, so that it can come back where it was cut off. */
const backlog = 5_000;

export class Feeds {
  readonly orders: Feed<Order>;
  readonly account: Feed<AccountFact>;

  /** Behind a snapshot, with what that has kept of them. */
  constructor(epoch: string, snapshot: number, kept: readonly Part[]) {
    this.orders = new Feed(epoch, keep, backlog);
    this.account = new Feed(epoch, keep, backlog);
    for (const { kind, value } of kept) {
      if (kind === "orderFeed") this.orders.restore(value as Piece<Order>);
      if (kind === "accountFeed") this.account.restore(value as Piece<AccountFact>);
    }
    this.#advance(snapshot);
  }

  /** `balance`: of the account as it is now. */
  publish(sequence: number, event: AccountEvent, order: Order | undefined, balance: Money): void {
    this.#advance(sequence);
    if (order !== undefined) this.orders.publish(sequence, order);
    else if (event.type === "position") this.account.publish(sequence, event);
    else if (event.type === "deal" && event.deal.order === undefined)
      this.account.publish(sequence, { type: "balance", deal: event.deal, balance });
  }

  /** What a snapshot keeps of them. */
  parts(): Part[] {
    return [
      ...this.orders.pieces(BOX).map((value, index): Part => ({ kind: "orderFeed", index, value })),
      ...this.account.pieces(BOX).map((value, index): Part => ({ kind: "accountFeed", index, value })),
    ];
  }

  #advance(sequence: number): void {
    this.orders.advance(sequence);
    this.account.advance(sequence);
  }
}
