/** A client that makes one call, again and again, of one server or of several in turn. Run by `runClient`. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { OrderStage, OrdersService } from "../gen/ts/mt5bridge/v1/orders_pb.ts";
import { OrderSide, OrderType } from "../gen/ts/mt5bridge/v1/types_pb.ts";
import { work } from "./client.ts";
import { type Answered, type Load, load } from "./load.ts";
import { usageOf } from "./usage.ts";
import { type Sender, type WayName, ways } from "./ways.ts";

export interface CallerTask extends Load {
  readonly servers: readonly { readonly port: number; readonly pid: number }[];
  /** Each server has its turn so often, warmed up before the first. */
  readonly rounds: number;
  readonly way: WayName;
  /** Service and method, or a path of plain HTTP. */
  readonly target: string;
  /** Orders, each under a key of its own; else a request without any field. */
  readonly orders?: "filled" | "any answer" | undefined;
}

export interface CallerResult extends Answered {
  /** The server's processor time, µs a call, of all its threads. */
  readonly cpu: number;
}

/** Under keys that never come twice. */
function* orderRequests(): Generator<Buffer> {
  const { input } = OrdersService.method.placeOrder;
  for (let count = 1; ; count++) {
    const message = create(input, {
      clientOrderId: `bench-${process.pid}-${count}`,
      symbol: "EURUSD",
      side: count % 2 === 0 ? OrderSide.BUY : OrderSide.SELL,
      type: OrderType.MARKET,
      volume: 0.01,
    });
    yield Buffer.from(toBinary(input, message));
  }
}

function isFilled(answer: Buffer): boolean {
  const placed = fromBinary(OrdersService.method.placeOrder.output, answer.subarray(5)); // behind its envelope
  return placed.order?.stage === OrderStage.FILLED && !placed.replayed;
}

const requests = orderRequests();
const nothing = Buffer.alloc(0);

function callOf({ orders }: CallerTask, { send }: Sender): () => Promise<boolean> {
  const request = () => (orders === undefined ? nothing : (requests.next().value as Buffer));
  const isRight = orders === "filled" ? isFilled : (answer: Buffer) => answer.length > 0;
  return () => send(request()).then(isRight, () => false);
}

/** By server, its rounds. */
await work<CallerTask, CallerResult[][]>(async (task) => {
  const { servers, rounds, way, target } = task;
  const senders = await Promise.all(servers.map(({ port }) => ways[way](port, target)));
  const results: CallerResult[][] = servers.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { pid }] of servers.entries()) {
      let before = usageOf(pid).cpu;
      const call = callOf(task, senders[i] as Sender);
      const answered = await load(call, { ...task, warmMs: round === 0 ? task.warmMs : 0 }, () => {
        before = usageOf(pid).cpu;
      });
      const cpu = (1e6 * (usageOf(pid).cpu - before)) / answered.count;
      results[i]?.push({ ...answered, cpu });
    }
  }
  for (const { close } of senders) close();
  return results;
});
