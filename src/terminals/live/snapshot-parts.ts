/** The parts of a snapshot, put together. */

import type { CommandResult, Snapshot } from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { BridgeError } from "../../core/errors.ts";
import type { Instant, Ticket } from "../../core/model/ids.ts";
import type { TerminalOrder } from "../../core/model/order.ts";
import type { Position } from "../../core/model/position.ts";
import type { AccountSnapshot } from "../../core/ports/terminal.ts";
import type { Records } from "./records.ts";

/** Records of one snapshot. An account that has more has to be read from a later moment on. */
const most = 2_000_000;

export class SnapshotParts {
  readonly #parts: Snapshot[] = [];
  #records = 0;

  add({ answer }: CommandResult): void {
    if (answer.case !== "snapshot") return;
    const { orders, positions, pastOrders, deals } = answer.value;
    this.#records += orders.length + positions.length + pastOrders.length + deals.length;
    if (this.#records > most) this.#parts.length = 0;
    else this.#parts.push(answer.value);
  }

  /** What is open. Throws when there is too much of it all. */
  open(records: Records): Pick<AccountSnapshot, "orders" | "positions"> {
    if (this.#records > most) throw new BridgeError("internal", `the terminal has more than ${most} records to show`);
    const positions = this.#parts.flatMap((part) => part.positions).map((each) => records.position(each));
    const held = new Map(positions.map((position) => [position.ticket, position]));
    return { positions, orders: this.#orders(records, (part) => part.orders, held) };
  }

  /** `asked`: when it was asked for, `now`: when it was here, by our clock. */
  whole(records: Records, asked: Instant, now: Instant): AccountSnapshot {
    const account = this.#parts.find((part) => part.account !== undefined)?.account;
    if (account === undefined) throw new BridgeError("internal", "the terminal's snapshot has no account");
    const { orders, positions } = this.open(records);
    const held = new Map(positions.map((position) => [position.ticket, position]));
    return {
      valuation: records.valuation(account, now, (position) => held.get(position)?.symbol),
      orders,
      positions,
      pastOrders: this.#orders(records, (part) => part.pastOrders, held),
      deals: this.#parts.flatMap((part) => part.deals).map((each) => records.deal(each)),
      completeUntil: this.#parts.at(-1)?.complete ? asked : (0 as Instant),
    };
  }

  #orders(
    records: Records,
    of: (part: Snapshot) => Snapshot["orders"],
    held: ReadonlyMap<Ticket, Position>,
  ): TerminalOrder[] {
    return this.#parts.flatMap(of).map((each) => records.order(each, held.get(each.positionId as Ticket)));
  }
}
