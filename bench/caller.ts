/** A client that calls one unary method, again and again. Run by `runClient`. */
import { create, type DescMethodUnary, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import { AccountService } from "../gen/ts/mt5bridge/v1/account_pb.ts";
import { OrderStage, OrdersService } from "../gen/ts/mt5bridge/v1/orders_pb.ts";
import { OrderSide, OrderType } from "../gen/ts/mt5bridge/v1/types_pb.ts";
import { work } from "./client.ts";
import { Latencies, type Spread } from "./latencies.ts";

export interface CallerTask {
  readonly port: number;
  /** `Echo` is GetAccount's and PlaceOrder's peer: the same request, sent back. */
  readonly method: "GetAccount" | "PlaceOrder" | "Echo";
  /** So many calls at once; or so many a second, however long answers take. */
  readonly pace: { readonly inFlight: number } | { readonly perSecond: number };
  readonly warmMs: number;
  readonly measureMs: number;
}

export interface CallerResult extends Spread {
  readonly perSecond: number;
  /** Answers that were not what they should be. */
  readonly wrong: number;
}

type Call = () => Promise<boolean>;

function callOf({ port, method }: CallerTask): Call {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const asIs = (bytes: Buffer): Buffer => bytes;
  const unary = (path: string, request: Buffer, isRight: (answer: Buffer) => boolean): Promise<boolean> =>
    new Promise((resolve) => {
      client.makeUnaryRequest(path, asIs, asIs, request, (error, answer) => {
        resolve(error === null && answer !== undefined && isRight(answer));
      });
    });
  const pathOf = ({ parent, name }: DescMethodUnary) => `/${parent.typeName}/${name}`;

  if (method === "GetAccount") {
    const { getAccount } = AccountService.method;
    const request = Buffer.from(toBinary(getAccount.input, create(getAccount.input)));
    return () => unary(pathOf(getAccount), request, (answer) => answer.length > 0);
  }
  const { placeOrder } = OrdersService.method;
  const run = `bench-${process.pid}`;
  let count = 0;
  const order = () => {
    count++;
    const message = create(placeOrder.input, {
      clientOrderId: `${run}-${count}`,
      symbol: "EURUSD",
      side: count % 2 === 0 ? OrderSide.BUY : OrderSide.SELL,
      type: OrderType.MARKET,
      volume: 0.01,
    });
    return Buffer.from(toBinary(placeOrder.input, message));
  };
  if (method === "Echo") return () => unary("/bench.Peer/Echo", order(), (answer) => answer.length > 0);
  return () =>
    unary(pathOf(placeOrder), order(), (answer) => {
      const placed = fromBinary(placeOrder.output, answer);
      return placed.order?.stage === OrderStage.FILLED && !placed.replayed;
    });
}

await work<CallerTask, CallerResult>(async (task, began) => {
  const call = callOf(task);
  const latencies = new Latencies();
  const start = performance.now() + task.warmMs;
  const end = start + task.measureMs;
  let wrong = 0;
  let finished = 0;
  setTimeout(began, task.warmMs);

  /** `since` is when the call was due. */
  const one = async (since: number) => {
    const right = await call();
    const now = performance.now();
    if (since < start) return;
    if (!right) wrong++;
    latencies.add(now - since);
    if (now <= end) finished++;
  };

  const { pace } = task;
  if ("inFlight" in pace) {
    const lane = async () => {
      while (performance.now() < end) await one(performance.now());
    };
    await Promise.all(Array.from({ length: pace.inFlight }, lane));
  } else {
    const gap = 1000 / pace.perSecond;
    const calls: Promise<void>[] = [];
    await new Promise<void>((resolve) => {
      let due = performance.now();
      const send = () => {
        for (; due <= performance.now() && due < end; due += gap) calls.push(one(due));
        if (due >= end) resolve();
        else setTimeout(send, Math.max(0, due - performance.now()));
      };
      send();
    });
    await Promise.all(calls);
  }
  return { ...latencies.spread, wrong, perSecond: (finished * 1000) / task.measureMs };
});
