/** Market orders to place, and what their answers should be. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { OrderStage, OrdersService } from "../gen/ts/mt5bridge/v1/orders_pb.ts";
import { OrderSide, OrderType } from "../gen/ts/mt5bridge/v1/types_pb.ts";

/** Buys and sells in turn, under keys that never come twice. */
export function* orderRequests(): Generator<Buffer> {
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

/** Whether the answer, as gRPC sends it, is of an order that was filled now. */
/** gRPC's answer is in an envelope; a message never begins with 0. */
const bodyOf = (answer: Buffer): Buffer => (answer[0] === 0 ? answer.subarray(5) : answer);

export function isFilled(answer: Buffer): boolean {
  const placed = fromBinary(OrdersService.method.placeOrder.output, bodyOf(answer));
  return placed.order?.stage === OrderStage.FILLED && !placed.replayed;
}
