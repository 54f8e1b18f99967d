/** What can be compared, as text: the same for the same. */
import type { Change } from "../../src/core/orders/change-book.ts";
import type { Command } from "./frames.ts";

export const text = (value: object): string =>
  Object.entries(value)
    .filter(([name, field]) => field !== undefined && name !== "updateTime")
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, field]) => `${name} ${String(field)}`)
    .join(", ");

/** The same for what was asked for and for what was sent. */
export function nameOf(change: Change | Exclude<Command, { kind: "submit" }>): string {
  switch (change.kind) {
    case "cancel":
      return `cancel ${change.order}`;
    case "modify":
      return `modify ${change.order} ${text(lasting("to" in change ? change.to : change.change))}`;
    case "stops":
    case "modify_position":
      return `protect ${change.position} ${text("to" in change ? change.to : change.stops)}`;
  }
}

/** MetaTrader's orders last until a whole second. */
export const lasting = <T extends { readonly expireTime?: number }>(asked: T): T =>
  asked.expireTime === undefined ? asked : { ...asked, expireTime: Math.floor(asked.expireTime / 1000) * 1000 };
