/**
 * Which symbols a request means that names an order or a position instead.
 *
 * Whoever may trade one symbol only must not cancel or close another by its ticket. An order or a position that does
 * not exist means none: the service says so itself.
 */
import type { Message } from "@bufbuild/protobuf";
import { type OrderName, OrderNameSchema } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import type { Ticket } from "../core/model/ids.ts";
import { findOrder } from "../core/orders/change-order.ts";
import { type Accounts, accountOf } from "./accounts.ts";
import { nameOf } from "./order-request.ts";

/** The fields by which requests name what they mean. */
interface Naming {
  readonly account?: string;
  readonly order?: Message;
  readonly positionTicket?: bigint;
  readonly oppositePositionTicket?: bigint;
}

export type SymbolsMeant = (request: Message) => Promise<readonly string[]>;

export function symbolsMeant(accounts: Accounts): SymbolsMeant {
  return async (request) => {
    const { account: alias = "", order, positionTicket, oppositePositionTicket } = request as Message & Naming;
    const account = accountOf(accounts, alias);
    const { desk, record } = account;
    await record.shown();
    const tickets = [positionTicket, oppositePositionTicket].filter((ticket) => ticket !== undefined);
    const positions = tickets.flatMap((ticket) => record.holdings.position(ticket as Ticket) ?? []);
    const named = order?.$typeName === OrderNameSchema.typeName ? [findOrder(desk, nameOf(order as OrderName))] : [];
    return [...positions, ...named].map(({ symbol }) => symbol);
  };
}
