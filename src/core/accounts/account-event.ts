/** What an account's journal tells. */
import type { Deal } from "../model/deal.ts";
import type { ClientOrderId, Instant, OrderNumber } from "../model/ids.ts";
import type { Evidence, Order } from "../model/order.ts";
import type { Position } from "../model/position.ts";
import type { Answer, Change } from "../orders/change-book.ts";
import type { OrderEvent } from "../orders/lifecycle.ts";

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
