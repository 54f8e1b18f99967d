/** A client that gives orders and throws the kill switch, again and again. Run by `runClient`. */
import {
  create,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import { AdminService, TradingMode } from "../gen/ts/mt5bridge/v1/admin_pb.ts";
import { OrderStage, OrdersService } from "../gen/ts/mt5bridge/v1/orders_pb.ts";
import { OrderSide, OrderType } from "../gen/ts/mt5bridge/v1/types_pb.ts";
import { work } from "./client.ts";
import { Latencies, type Spread } from "./latencies.ts";

export interface SwitcherTask {
  readonly port: number;
  /** Orders at once while the switch is thrown. */
  readonly inFlight: number;
  readonly throws: number;
}

export interface SwitcherResult {
  /** From asking for HALTED to its acknowledgement. */
  readonly acknowledged: Spread;
  /** From the acknowledgement to the last answer that an order was executed: given before, and told late. */
  readonly lastFill: Spread;
  /** Orders given after the acknowledgement that were executed. */
  readonly executedAfter: number;
  readonly givenAfter: number;
}

await work<SwitcherTask, SwitcherResult>(async ({ port, inFlight, throws }, began) => {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  const call = <M extends DescMethodUnary>(
    method: M,
    request: MessageInitShape<M["input"]>,
  ): Promise<MessageShape<M["output"]>> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        `/${method.parent.typeName}/${method.name}`,
        (message: MessageShape<M["input"]>) => Buffer.from(toBinary(method.input, message)),
        (bytes: Buffer) => fromBinary(method.output, bytes) as MessageShape<M["output"]>,
        create(method.input, request) as MessageShape<M["input"]>,
        (error, answer) => (answer === undefined ? reject(error) : resolve(answer)),
      );
    });
  const { setTradingMode } = AdminService.method;
  const { placeOrder } = OrdersService.method;
  const [acknowledged, lastFill] = [new Latencies(), new Latencies()];
  let [count, executedAfter, givenAfter] = [0, 0, 0];
  began();

  for (let n = 0; n < throws; n++) {
    await call(setTradingMode, { mode: TradingMode.ACTIVE, reason: "bench" });
    let ackAt = Number.POSITIVE_INFINITY;
    let filledAt = 0;
    let stopped = false;
    const lane = async () => {
      while (!stopped) {
        count += 1;
        const givenAt = performance.now();
        const side = count % 2 === 0 ? OrderSide.BUY : OrderSide.SELL;
        const order = {
          clientOrderId: `b-${process.pid}-${count}`,
          symbol: "EURUSD",
          side,
          type: OrderType.MARKET,
          volume: 0.01,
        };
        const filled = (await call(placeOrder, order)).order?.stage === OrderStage.FILLED;
        if (filled) filledAt = performance.now();
        if (givenAt < ackAt) continue;
        givenAfter += 1;
        if (filled) executedAfter += 1;
      }
    };
    const lanes = Array.from({ length: inFlight }, lane);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const asked = performance.now();
    await call(setTradingMode, { mode: TradingMode.HALTED, reason: "bench" });
    ackAt = performance.now();
    acknowledged.add(ackAt - asked);
    await new Promise((resolve) => setTimeout(resolve, 200));
    stopped = true;
    await Promise.all(lanes);
    lastFill.add(filledAt - ackAt);
  }
  return { acknowledged: acknowledged.spread, lastFill: lastFill.spread, executedAfter, givenAfter };
});
