/** The line is gone for a while in which pending orders are filled: what is missing afterwards, and what came twice. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { OrderStage, OrdersService } from "../gen/ts/mt5bridge/v1/orders_pb.ts";
import { OrderSide, OrderType } from "../gen/ts/mt5bridge/v1/types_pb.ts";
import { Chain, pause } from "./link-chain.ts";
import type { LinkTerminal } from "./link-terminals.ts";
import { orderRequests } from "./order-requests.ts";
import type { Size } from "./size.ts";
import { type Cell, printTable, progress } from "./table.ts";
import type { Sender } from "./ways.ts";

export async function benchOutage(terminals: readonly LinkTerminal[], { quick }: Size): Promise<void> {
  const seconds = quick ? 5 : 60;
  const rows: Cell[][] = [];
  for (const terminal of terminals) {
    progress(`link: ${seconds} s without a line, ${terminal.name}`);
    const chain = await Chain.start(terminal, "outage", 2000);
    try {
      rows.push([terminal.name, ...(await outage(chain, seconds)), terminal.pauses.most]);
    } finally {
      await chain.stop();
    }
  }
  printTable(
    `After ${seconds} s without a line, 2,000 ticks a second going on: fills of pending orders`,
    ["", "orders waiting", "filled meanwhile", "lost", "doubled", "welcome ms", "link up ms", "longest pause ms"],
    rows,
  );
}

async function outage(chain: Chain, seconds: number): Promise<readonly number[]> {
  const requests = orderRequests();
  const placed = await placeLimits(await chain.call("PlaceOrder"), 150, requests.next().value as Buffer);
  chain.line.open = false;
  chain.line.cut();
  await pause(seconds * 1000);
  const before = await dealsOf(chain);
  const began = performance.now();
  const welcomed = chain.welcomed();
  chain.line.open = true;
  await welcomed;
  const welcome = performance.now() - began;
  await chain.until(() => chain.isUp());
  const recovered = performance.now() - began;
  // Up means: all that was kept for the bridge has come. One more deal: the broker numbers them without a hole, so
  // whatever is missing before it shows. It is told of within a second, the Expert Advisor's time between two sweeps.
  const sender = await chain.call("PlaceOrder");
  await price(sender, requests.next().value as Buffer);
  sender.close();
  await pause(1500);
  const tickets = (await dealsOf(chain)).map(Number).toSorted((a, b) => a - b);
  const distinct = new Set(tickets);
  const [first = 0, last = 0] = [tickets[0], tickets.at(-1)];
  const [lost, doubled] = [last - first + 1 - distinct.size, tickets.length - distinct.size];
  return [placed, distinct.size - 1 - new Set(before).size, lost, doubled, welcome, recovered];
}

/** Limit orders a little below and above the market, which fill as it wanders. */
async function placeLimits(sender: Sender, count: number, first: Buffer): Promise<number> {
  const { input, output } = OrdersService.method.placeOrder;
  let placed = 0;
  const market = await price(sender, first);
  const place = async (n: number) => {
    const side = n % 2 === 0 ? OrderSide.BUY : OrderSide.SELL;
    const away = (2 + (n % 20)) * 0.00001;
    const wanted = Math.round((market + (side === OrderSide.BUY ? -away : away)) * 1e5) / 1e5;
    const request = create(input, {
      ...{ clientOrderId: `limit-${n}`, symbol: "EURUSD", side, type: OrderType.LIMIT, volume: 0.01, price: wanted },
    });
    const answer = await sender.send(Buffer.from(toBinary(input, request)));
    const { order } = fromBinary(output, answer[0] === 0 ? answer.subarray(5) : answer);
    if (order?.stage === OrderStage.WORKING) placed++;
  };
  await Promise.all(Array.from({ length: count }, (_, n) => place(n)));
  sender.close();
  return placed;
}

/** What a market order deals at. */
async function price(sender: Sender, request: Buffer): Promise<number> {
  const { output } = OrdersService.method.placeOrder;
  const answer = await sender.send(request);
  return fromBinary(output, answer[0] === 0 ? answer.subarray(5) : answer).order?.averagePrice ?? 0;
}

/** Tickets of all deals that the bridge knows of. */
async function dealsOf(chain: Chain): Promise<bigint[]> {
  const { input, output } = OrdersService.method.listDeals;
  const sender = await chain.call("ListDeals");
  const tickets: bigint[] = [];
  for (let pageToken = ""; ; ) {
    const request = toBinary(input, create(input, { pageSize: 500, pageToken }));
    const answer = await sender.send(Buffer.from(request));
    const page = fromBinary(output, answer[0] === 0 ? answer.subarray(5) : answer);
    tickets.push(...page.deals.map(({ dealTicket }) => dealTicket));
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  sender.close();
  return tickets;
}
