import { BridgeError } from "../errors.ts";

declare const approved: unique symbol;

/** Something that has passed the risk checks. `approve` is its only source. */
export type Approved<T> = T & { readonly [approved]: true };

/** What the account as a whole allows at this moment. */
export interface Standing {
  /** The bridge is finishing what is open and takes no new work. */
  readonly draining: boolean;
  readonly linkUp: boolean;
}

/** Lets an order through to the terminal, or throws the fault that keeps it back. */
export function approve<T>(order: T, standing: Standing): Approved<T> {
  if (standing.draining) throw new BridgeError("draining", "the bridge is shutting down and takes no new orders");
  if (!standing.linkUp) throw new BridgeError("terminal_offline", "the terminal is not connected; nothing was sent");
  return order as Approved<T>;
}
