/**
 * Which symbols a request means that names an order or a position instead.
 *
 * Whoever may trade one symbol only must not cancel or close another by its ticket. An order or a position that does
 * not exist means none: the service says so itself. A key that has led to an order is answered with that order, and so
 * means its symbol, though the position may be long closed.
 */
import type { Message } from "@bufbuild/protobuf";
import { type OrderName, OrderNameSchema } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import type { Ticket } from "../core/model/ids.ts";
import { findOrder } from "../core/orders/change-order.ts";
import { type Accounts, accountOf } from "./accounts.ts";
import { keyOf, nameOf } from "./order-request.ts";

/** The fields by which requests name what they mean. */
interface Naming {
  readonly account?: string;
  readonly order?: Message;
  readonly positionTicket?: bigint;
  readonly oppositePositionTicket?: bigint;
  readonly clientOrderId?: string;
}

export type SymbolsMeant = (request: Message) => Promise<readonly string[]>;

export function symbolsMeant(accounts: Accounts): SymbolsMeant {
  return async (request) => {
    const { account: alias = "", ...named } = request as Message & Naming;
    const { desk, record } = accountOf(accounts, alias);
    await record.shown();
    const tickets = [named.positionTicket, named.oppositePositionTicket].filter((ticket) => ticket !== undefined);
    const positions = tickets.flatMap((ticket) => record.holdings.position(ticket as Ticket) ?? []);
    const given = (await record.newest({ by: "client_order_id", value: keyOf(named.clientOrderId ?? "") })) ?? [];
    const isNamed = named.order?.$typeName === OrderNameSchema.typeName;
    const order = isNamed ? await findOrder(desk, nameOf(named.order as OrderName)) : [];
    return [...positions, given, order].flat().map(({ symbol }) => symbol);
  };
}
