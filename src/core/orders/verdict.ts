/**
 * What became of a change that was never answered, from the state it should have led to.
 */
import type { Holdings } from "../accounts/holdings.ts";
import type { Order } from "../model/order.ts";
import { type Answer, hasStops, isLike, type OpenChange } from "./change-book.ts";
import { isFinal } from "./lifecycle.ts";

type Failure = Extract<Answer, { kind: "failed" }>;

const failed = (fault: Failure["fault"], message: string, metadata: Failure["metadata"] = {}): Failure => ({
  ...{ kind: "failed", fault, message, metadata },
});

const neverArrived = failed("never_arrived", "the terminal's complete records show that the change never arrived");

/** The state that a change should have led to may have been, and have been left again, while nobody looked. */
const untold = failed(
  "terminal_silent",
  "something else may have changed it since, and whether this did first nobody can tell",
);

/** `order`: what the change is of, if it is of one. `complete`: the terminal vouches that what its records do not show has not happened. Undefined: nobody knows yet. */
export function verdict(
  { change, seen }: OpenChange,
  complete: boolean,
  order: Order | undefined,
  holdings: Holdings,
): Answer | undefined {
  const absent = complete ? (seen === undefined ? neverArrived : untold) : undefined;
  switch (change?.kind) {
    case "cancel":
    case "modify": {
      if (order === undefined) return undefined; // it was working when the change was asked for: cannot be
      if (change.kind === "cancel" ? order.stage === "canceled" : seen === "it" || isLike(order, change.to)) {
        return { kind: "done" };
      }
      if (!isFinal(order.stage)) return absent;
      return failed("order_not_working", `the order was ${order.stage} first`, { stage: order.stage });
    }
    case "stops": {
      const position = holdings.position(change.position);
      if (seen === "it" || (position !== undefined && hasStops(position, change.to))) return { kind: "done" };
      return position === undefined ? failed("unknown_position", "the position was closed first") : absent;
    }
    case undefined:
      return failed("terminal_silent", "the terminal never answered; look at the order itself");
  }
}
