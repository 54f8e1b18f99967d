/** What must hold of a bridge that has just come back, whatever killed it. Answers with what does not. */
import { AccountService } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import {
  type Deal,
  type Order,
  OrderSelection,
  OrderStage,
  OrdersService,
} from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import type { BridgeClient } from "../e2e/client.ts";
import type { Fact, Step } from "./script.ts";

const rpc = OrdersService.method;
const patience = 20_000;

/** `facts`: what the bridge had acknowledged before, by key. */
export async function violations(
  client: BridgeClient,
  steps: readonly Step[],
  facts: ReadonlyMap<string, Fact>,
): Promise<string[]> {
  const found: string[] = [];
  const claim = (holds: boolean, what: string) => {
    if (!holds) found.push(what);
  };
  claim(await settles(client), `something is still in doubt after ${patience} ms`);
  for (const step of steps) {
    const before = facts.get(step.key);
    if (before === undefined) continue;
    const now = await step.run(client);
    claim(now === before, `${step.key} was acknowledged as "${before}" and is "${now}" now`);
  }
  const orders = await allOrders(client);
  const deals = await allDeals(client);
  const keys = orders.map((order) => order.clientOrderId).filter((key) => key !== "");
  claim(new Set(keys).size === keys.length, "a key names two orders");
  for (const order of orders) {
    const own = deals.filter((deal) => deal.orderTicket === order.orderTicket && order.orderTicket !== 0n);
    const executed = own.reduce((sum, deal) => sum + deal.volume, 0);
    claim(Math.abs(executed - order.filledVolume) < 1e-9, `${order.orderId}: ${executed} executed, not as filled`);
    claim(order.filledVolume <= order.volume + 1e-9, `${order.orderId} is filled beyond its volume`);
    const filled = order.stage === OrderStage.FILLED;
    claim(!filled || own.length === 1, `${order.orderId} has ${own.length} executions`);
  }
  const magics = deals.filter((deal) => deal.magic !== 0n).map((deal) => deal.magic);
  claim(new Set(magics).size === magics.length, "an order was executed twice: two deals have one magic");
  const { positions } = await client.call(AccountService.method.listPositions, {});
  const held = positions.reduce((sum, position) => sum + position.volume, 0);
  const open = deals.reduce(
    (sum, { entry, volume }) => sum + (entry === "in" ? volume : entry === "out" ? -volume : 0),
    0,
  );
  claim(Math.abs(held - open) < 1e-9, `${held} lots are open, the deals add up to ${open}`);
  const { account } = await client.call(AccountService.method.getAccount, {});
  const money = deals.reduce((sum, deal) => sum + deal.profit + deal.swap + deal.commission + deal.fee, 0);
  claim(
    Math.abs((account?.balance ?? 0) - money) < 0.005,
    `the balance is ${account?.balance}, the deals add up to ${money}`,
  );
  return found;
}

async function settles(client: BridgeClient): Promise<boolean> {
  for (const end = Date.now() + patience; Date.now() < end; ) {
    const { orders } = await client.call(rpc.listOrders, { selection: OrderSelection.OPEN });
    if (orders.every((order) => order.stage !== OrderStage.IN_DOUBT)) return true;
  }
  return false;
}

async function allOrders(client: BridgeClient): Promise<Order[]> {
  const all: Order[] = [];
  for (let pageToken = ""; ; ) {
    const page = await client.call(rpc.listOrders, { pageSize: 1000, pageToken });
    all.push(...page.orders);
    pageToken = page.nextPageToken;
    if (pageToken === "") return all;
  }
}

async function allDeals(client: BridgeClient): Promise<Deal[]> {
  const all: Deal[] = [];
  for (let pageToken = ""; ; ) {
    const page = await client.call(rpc.listDeals, { pageSize: 1000, pageToken });
    all.push(...page.deals);
    pageToken = page.nextPageToken;
    if (pageToken === "") return all;
  }
}
