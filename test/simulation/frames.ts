/**
 * What passes between the bridge and the terminal, and how either end finds out that
 * something did not arrive.
 *
 * A session begins with the bridge's `hello`; its number only grows, and each end ignores
 * every frame of another session. Showing the records is a fence, too: what was asked before
 * and comes after it is refused. So a command that the records do not show, and that is not
 * with the broker, can never be carried out any more.
 */

import type { Instant, Ticket } from "../../src/core/model/ids.ts";
import type { NumberedOrder, OrderChange, OrderRequest, Stops } from "../../src/core/model/order.ts";
import type { AccountSnapshot, CheckResult, Outcome, TerminalReport } from "../../src/core/ports/terminal.ts";

export type Command =
  | { readonly kind: "submit"; readonly order: NumberedOrder }
  | { readonly kind: "modify"; readonly order: Ticket; readonly change: OrderChange }
  | { readonly kind: "cancel"; readonly order: Ticket }
  | { readonly kind: "modify_position"; readonly position: Ticket; readonly stops: Stops };

export type Question =
  | { readonly kind: "check"; readonly order: OrderRequest }
  /** `asked`: when, by the bridge's clock. */
  | { readonly kind: "snapshot"; readonly since: Instant; readonly asked: Instant };

export type Reply = Outcome | CheckResult | AccountSnapshot;

interface Framed {
  readonly session: number;
  /** Counts the frames of one end in the session. */
  readonly place: number;
}

export type UpFrame = Framed &
  (
    | { readonly type: "hello" | "beat" }
    | { readonly type: "ask"; readonly id: number; readonly what: Command | Question }
  );

export type DownFrame = Framed &
  (
    | { readonly type: "welcome" | "beat" }
    | { readonly type: "answer"; readonly id: number; readonly reply: Reply }
    | { readonly type: "report"; readonly report: TerminalReport }
  );

/** Milliseconds between two signs of life. */
export const beatEvery = 400;
/** After so long without any the other end counts as gone, and a frame that is missing as lost. */
const patience = 1200;

/** What one end has heard from the other in a session. */
export class Heard {
  #next = 1;
  #early = new Set<number>();
  #last: number;
  #missingSince = Number.POSITIVE_INFINITY;

  constructor(now: number) {
    this.#last = now;
  }

  take(place: number, now: number): void {
    this.#last = now;
    if (place >= this.#next) this.#early.add(place);
    while (this.#early.delete(this.#next)) this.#next += 1;
    if (this.#early.size === 0) this.#missingSince = Number.POSITIVE_INFINITY;
    else this.#missingSince = Math.min(this.#missingSince, now);
  }

  /** Whether something was lost, or nothing comes any more. */
  isBroken(now: number): boolean {
    return now - this.#last > patience || now - this.#missingSince > patience;
  }
}
