/** The client as browsers have it: @connectrpc/connect-web and `fetch`, over HTTP/1.1. */
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, it } from "vitest";
import { bridge, OrderSide, OrderStage, OrderType, stageName } from "../../../clients/typescript/src/browser.ts";
import {
  OrdersService,
  PlaceOrderResponseSchema,
  StreamOrdersResponseSchema,
} from "../../../gen/ts/mt5bridge/v1/orders_pb.ts";
import type { Call } from "../../../src/contract/service.ts";
import { type ServedHttp, servedHttp } from "../../transport/http/served-http.ts";
import { someOf } from "../../transport/served.ts";
import { changed, opened } from "./scripted.ts";

const streamEnded = Promise.withResolvers<void>();
const orders = someOf(OrdersService, {
  placeOrder: async ({ clientOrderId }: { clientOrderId: string }) =>
    create(PlaceOrderResponseSchema, { order: { clientOrderId, stage: OrderStage.FILLED } }),
  async *streamOrders(_request: unknown, { signal }: Call) {
    signal.addEventListener("abort", () => streamEnded.resolve());
    yield create(StreamOrdersResponseSchema, opened);
    yield create(StreamOrdersResponseSchema, changed(1, { clientOrderId: "a", stage: OrderStage.FILLED }));
    await streamEnded.promise;
  },
});

let server: ServedHttp;
beforeAll(async () => {
  server = await servedHttp([orders]);
});
afterAll(async () => {
  await server.stop(0);
});

it("places an order, and names what is wrong with one", async () => {
  const mt5 = bridge({ baseUrl: server.url });
  const buy = { symbol: "EURUSD", side: OrderSide.BUY, type: OrderType.MARKET, volume: 0.1 };
  const { order } = await mt5.orders.place({ ...buy, clientOrderId: "k" });
  expect([order?.clientOrderId, stageName(order?.stage ?? OrderStage.UNSPECIFIED)]).toEqual(["k", "FILLED"]);
  await expect(mt5.orders.place({ ...buy, volume: 0 })).rejects.toMatchObject({
    reason: "INVALID_ARGUMENT",
    orderMayExist: false,
    violations: [{ field: "volume" }],
  });
});

it("ends a stream at the bridge when its loop is left", async () => {
  for await (const { order } of bridge({ baseUrl: server.url }).orderEvents()) {
    expect(order.clientOrderId).toBe("a");
    break;
  }
  await streamEnded.promise;
});
