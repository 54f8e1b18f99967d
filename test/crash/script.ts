/** What a trader does between two crashes: thirty orders, and what is done to them. Every step has a key, and can be repeated. */
import { type Order, OrderStage, OrdersService } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { OrderSide, OrderType } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import { type BridgeClient, failureOf } from "../e2e/client.ts";

const rpc = OrdersService.method;

/** What a step came to, in words that never change: the same key is answered with them for ever. */
export type Fact = string;

export interface Step {
  readonly key: string;
  /** Whether it gives an order of its own, named by the key. */
  readonly places: boolean;
  run(client: BridgeClient): Promise<Fact>;
}

const symbol = "EURUSD";
/** Far from any price the market will see. */
const far = { buy: 0.5, sell: 2 };

const factOf = (order: Order | undefined): Fact => `${order?.orderId} ${order?.orderTicket}`;

const byKey = (key: string) => ({ name: { case: "clientOrderId", value: key } }) as const;

function place(key: string, more: { type: OrderType; price?: number; side?: OrderSide }): Step {
  const request = { clientOrderId: key, symbol, side: OrderSide.BUY, volume: 0.01, ...more };
  const run = async (client: BridgeClient) => factOf((await client.call(rpc.placeOrder, request)).order);
  return { key, places: true, run };
}

/** A change may come too late or never have arrived: a refusal is a fact as well. */
function change(key: string, ask: (client: BridgeClient) => Promise<unknown>): Step {
  const run = async (client: BridgeClient) => {
    try {
      await ask(client);
      return "done";
    } catch (error) {
      const { reason } = failureOf(error);
      if (reason === undefined || reason === "TERMINAL_SILENT") throw error;
      return reason;
    }
  };
  return { key, places: false, run };
}

function close(key: string, opened: string): Step {
  const run = async (client: BridgeClient) => {
    const { order } = await client.call(rpc.getOrder, { order: byKey(opened) });
    if (order?.stage === OrderStage.REJECTED) return "nothing to close"; // it never arrived
    const request = { clientOrderId: key, positionTicket: order?.positionTicket ?? 0n };
    return factOf((await client.call(rpc.closePosition, request)).order);
  };
  return { key, places: true, run };
}

/** Ten rounds of three orders each. `life` tells the keys of one process's session from another's. */
export function session(life: string): Step[] {
  return Array.from({ length: 10 }, (_, round) => {
    const key = (what: string) => `${life}-${round}-${what}`;
    const limit = place(key("limit"), { type: OrderType.LIMIT, price: far.buy });
    const modify = change(key("modify"), (client) =>
      client.call(rpc.modifyOrder, { clientOrderId: key("modify"), order: byKey(limit.key), price: far.buy - 0.1 }),
    );
    const cancel = change(key("cancel"), (client) =>
      client.call(rpc.cancelOrder, { clientOrderId: key("cancel"), order: byKey(limit.key) }),
    );
    const market = place(key("market"), { type: OrderType.MARKET });
    return [market, limit, modify, close(key("close"), market.key), cancel];
  }).flat();
}
