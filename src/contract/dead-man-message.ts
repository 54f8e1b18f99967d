/** A dead-man switch as it is asked for. */
import type { DeadManSwitch } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import type { Account } from "../core/accounts/account.ts";
import { BridgeError } from "../core/errors.ts";
import type { OrderStreamOptions } from "../core/orders/stream-orders.ts";
import type { Principal } from "./principal.ts";
import { milliseconds } from "./times.ts";
import { deadManActions, wordOf } from "./words.ts";

/** Reading is not enough: what it asks for is sent to the broker, on every symbol of the strategy. */
export function deadManOf(
  asked: DeadManSwitch | undefined,
  strategyId: number | undefined,
  principal: Principal,
  { info }: Account,
): OrderStreamOptions["deadMan"] {
  if (asked === undefined) return undefined;
  const action = wordOf(deadManActions, asked.action) ?? "none";
  if (strategyId === undefined) throw missing("strategy_id", "required with dead_man_switch");
  if (action !== "none" && asked.timeout === undefined)
    throw missing("dead_man_switch.timeout", "required: 1 s to 1 h");
  const { trade } = principal.grants;
  const may = trade !== undefined && (trade.accounts?.includes(info.alias) ?? true) && trade.symbols === undefined;
  if (!may) {
    const message = `A dead-man switch needs the scope trade for ${info.alias} and all of its symbols; ${principal.name} does not have it.`;
    throw new BridgeError("permission_denied", message, { metadata: { scope: "trade" } });
  }
  const wish = action === "none" ? action : { action, timeout: milliseconds(asked.timeout, 0) };
  return { wish, by: principal.name };
}

function missing(field: string, description: string): BridgeError {
  return new BridgeError("invalid_argument", `${field}: ${description}`, { violations: [{ field, description }] });
}
