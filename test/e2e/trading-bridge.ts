/** A bridge of a trader's own, with prices; and an order to give it. */
import { TicksService } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { OrderSide, OrderType } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import { type RunningBridge, startBridge } from "./bridge.ts";
import { BridgeClient } from "./client.ts";

interface Trading {
  readonly bridge: RunningBridge;
  readonly client: BridgeClient;
}

/** Resolves once EURUSD has a price. */
export async function startTrading(folder: string, env: Readonly<Record<string, string>> = {}): Promise<Trading> {
  const bridge = await startBridge({ DATA_DIR: folder, PAPER_RATE: "200", ...env });
  const client = new BridgeClient(bridge.grpcPort);
  for await (const { event } of client.stream(TicksService.method.streamTicks, { symbols: ["EURUSD"] })) {
    if (event.case === "batch" || event.case === "snapshot") break;
  }
  return { bridge, client };
}

/** Buys a hundredth of a lot, unless told otherwise. */
export const market = (clientOrderId: string, more: object = {}) => ({
  ...{ clientOrderId, symbol: "EURUSD", side: OrderSide.BUY, type: OrderType.MARKET, volume: 0.01 },
  ...more,
});
