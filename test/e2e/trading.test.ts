/** A trader's day over gRPC, from the first tick to the history. */
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AccountService, MarginMode, PositionChange } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import { AdminService, TradingMode } from "../../gen/ts/mt5bridge/v1/admin_pb.ts";
import { HealthService, PartState, ServingStatus } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { OrderCause, OrderSelection, OrderStage, OrdersService } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { Delivery, type Tick, TicksService, Timeframe } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { Filling, OrderSide, OrderType, TimeInForce } from "../../gen/ts/mt5bridge/v1/types_pb.ts";
import { type RunningBridge, startBridge } from "./bridge.ts";
import { BridgeClient, failureOf } from "./client.ts";

let bridge: RunningBridge;
let client: BridgeClient;
const orders = OrdersService.method;
const ticks = TicksService.method;
const accounts = AccountService.method;

beforeAll(async () => {
  bridge = await startBridge({ PAPER_RATE: "200" });
  client = new BridgeClient(bridge.grpcPort);
  for (const symbol of ["EURUSD", "XAUUSD"]) await firstTick(symbol);
});

afterAll(async () => {
  client.close();
  expect(await bridge.stop()).toBe(0);
});

async function firstTick(symbol: string): Promise<Tick> {
  for await (const { event } of client.stream(ticks.streamTicks, { symbols: [symbol] })) {
    const [tick] = event.case === "batch" || event.case === "snapshot" ? event.value.ticks : [];
    if (tick !== undefined) return tick;
  }
  throw new Error("the stream ended before a tick");
}

let keys = 0;
const key = () => `key-${++keys}`;

async function buy(volume: number, symbol = "EURUSD") {
  const { order } = await client.call(orders.placeOrder, {
    clientOrderId: key(),
    strategyId: 7,
    symbol,
    side: OrderSide.BUY,
    type: OrderType.MARKET,
    volume,
  });
  if (order === undefined) throw new Error("no order in the answer");
  return order;
}

async function caught(call: Promise<unknown>) {
  return failureOf(
    await call.then(
      () => undefined,
      (error: unknown) => error,
    ),
  );
}

describe("a trader", () => {
  it("sees the account: simulated money, said on every answer", async () => {
    const { account } = await client.call(accounts.getAccount, {});
    expect(account).toMatchObject({ account: "paper", live: false, currency: "USD", marginMode: MarginMode.HEDGING });
    const all = await client.call(accounts.listAccounts, {});
    expect(all.accounts.map((one) => one.account)).toEqual(["paper"]);
  });

  it("reads the symbols and their rules", async () => {
    const { symbols } = await client.call(ticks.listSymbols, {});
    expect(symbols.map((symbol) => symbol.name)).toEqual(
      ["AUDUSD", "BTCUSD", "EURUSD", "GBPUSD", "NAS100", "US500", "USDJPY", "XAUUSD"], // by name
    );
    const { symbol } = await client.call(ticks.getSymbol, { symbol: "EURUSD" });
    expect(symbol).toMatchObject({ digits: 5, point: 0.00001, contractSize: 100_000, volumeMin: 0.01 });
  });

  it("buys at the market and holds a position", async () => {
    const order = await buy(0.1);
    expect(order).toMatchObject({ stage: OrderStage.FILLED, filledVolume: 0.1, remainingVolume: 0, live: false });
    const { positions } = await client.call(accounts.listPositions, { symbol: "EURUSD", strategyId: 7 });
    expect(positions).toHaveLength(1);
    expect(positions[0]).toMatchObject({
      positionTicket: order.orderTicket,
      volume: 0.1,
      openPrice: order.averagePrice,
    });
    const { account } = await client.call(accounts.getAccount, {});
    expect(account?.margin).toBeGreaterThan(0);
  });

  it("gets the same order for the same key, and a refusal for another order under it", async () => {
    const request = {
      symbol: "EURUSD",
      side: OrderSide.SELL,
      type: OrderType.MARKET,
      volume: 0.02,
      clientOrderId: key(),
    };
    const first = await client.call(orders.placeOrder, request);
    const again = await client.call(orders.placeOrder, request);
    expect([first.replayed, again.replayed]).toEqual([false, true]);
    expect(again.order).toEqual(first.order);
    const other = await caught(client.call(orders.placeOrder, { ...request, volume: 0.03 }));
    expect(other).toMatchObject({ code: status.ALREADY_EXISTS, reason: "CLIENT_ORDER_ID_REUSED" });
  });

  it("places, changes and cancels a pending order, and finds it by each of its names", async () => {
    const clientOrderId = key();
    const bid = (await firstTick("EURUSD")).bid;
    const price = Math.round((bid - 0.02) * 1e5) / 1e5;
    const placed = await client.call(orders.placeOrder, {
      clientOrderId,
      symbol: "EURUSD",
      side: OrderSide.BUY,
      type: OrderType.LIMIT,
      volume: 0.5,
      price,
      stopLoss: Math.round((price - 0.01) * 1e5) / 1e5,
    });
    expect(placed.order).toMatchObject({ stage: OrderStage.WORKING, price, remainingVolume: 0.5 });
    const { orderId, orderTicket } = placed.order ?? { orderId: "", orderTicket: 0n };
    const byTicket = { name: { case: "orderTicket", value: orderTicket } } as const;
    const lower = Math.round((price - 0.001) * 1e5) / 1e5;
    const changed = await client.call(orders.modifyOrder, { clientOrderId: key(), order: byTicket, price: lower });
    expect(changed.order).toMatchObject({ price: lower, stopLoss: placed.order?.stopLoss });
    const cancel = { clientOrderId: key(), order: { name: { case: "clientOrderId", value: clientOrderId } } } as const;
    const canceled = await client.call(orders.cancelOrder, cancel);
    expect(canceled.order).toMatchObject({ stage: OrderStage.CANCELED, cause: OrderCause.CLIENT });
    expect((await client.call(orders.cancelOrder, cancel)).replayed).toBe(true);
    const late = await caught(client.call(orders.cancelOrder, { ...cancel, clientOrderId: key() }));
    expect(late).toMatchObject({ code: status.FAILED_PRECONDITION, reason: "ORDER_NOT_WORKING" });
    const byId = await client.call(orders.getOrder, { order: { name: { case: "orderId", value: orderId } } });
    expect(byId.order).toEqual(canceled.order);
  });

  it("asks before it orders", async () => {
    const order = { symbol: "EURUSD", side: OrderSide.BUY, type: OrderType.MARKET, volume: 0.1 };
    const fine = await client.call(orders.checkOrder, { order });
    const adjustments = [{ field: "filling", asked: "auto", used: "fok" }];
    expect(fine).toMatchObject({ accepted: true, adjustments });
    expect(await buy(0.1)).toMatchObject({ filling: Filling.FOK, adjustments });
    expect(fine.marginNeeded).toBeGreaterThan(0);
    const tooMuch = await client.call(orders.checkOrder, { order: { ...order, volume: 100 } });
    expect(tooMuch).toMatchObject({ accepted: false, rejection: { retcode: 10019, reason: "NO_MONEY" } });
  });

  it("is told why the broker refuses, as an order", async () => {
    const order = await buy(100);
    expect(order).toMatchObject({
      stage: OrderStage.REJECTED,
      cause: OrderCause.BROKER,
      rejection: { reason: "NO_MONEY", retcode: 10019, retriable: false },
    });
  });

  it("sets stops, closes a part, closes against the opposite, closes the rest", async () => {
    const long = await buy(0.3, "XAUUSD");
    const position = long.positionTicket;
    const stopLoss = Math.round(((long.averagePrice ?? 0) - 100) * 100) / 100;
    const stops = await client.call(orders.modifyPosition, {
      clientOrderId: key(),
      positionTicket: position,
      stopLoss,
    });
    expect(stops).toMatchObject({ stopLoss });
    const part = await client.call(orders.closePosition, {
      clientOrderId: key(),
      positionTicket: position,
      volume: 0.1,
    });
    expect(part.order).toMatchObject({ stage: OrderStage.FILLED, side: OrderSide.SELL, filledVolume: 0.1 });
    const opposite = await client.call(orders.placeOrder, {
      clientOrderId: key(),
      symbol: "XAUUSD",
      side: OrderSide.SELL,
      type: OrderType.MARKET,
      volume: 0.05,
    });
    const against = await client.call(orders.closePositionBy, {
      clientOrderId: key(),
      positionTicket: position,
      oppositePositionTicket: opposite.order?.positionTicket ?? 0n,
    });
    expect(against.order).toMatchObject({ stage: OrderStage.FILLED, type: OrderType.CLOSE_BY, filledVolume: 0.05 });
    const rest = await client.call(orders.closePosition, { clientOrderId: key(), positionTicket: position });
    expect(rest.order).toMatchObject({ stage: OrderStage.FILLED, filledVolume: 0.15 });
    const gone = await caught(client.call(orders.closePosition, { clientOrderId: key(), positionTicket: position }));
    expect(gone).toMatchObject({ code: status.NOT_FOUND, reason: "UNKNOWN_POSITION", fields: ["position_ticket"] });
    const { deals } = await client.call(orders.listDeals, { positionTicket: position });
    expect(deals.map((deal) => deal.entry)).toEqual(["out", "out_by", "out", "in"]);
    const balance = (await client.call(orders.listDeals, { pageSize: 1000 })).deals.reduce(
      (sum, deal) => sum + deal.profit + deal.swap + deal.commission + deal.fee,
      0,
    );
    const { account } = await client.call(accounts.getAccount, {});
    expect(account?.balance).toBeCloseTo(balance, 6);
  });

  it("follows every change of every order, and resumes behind the last one seen", async () => {
    const stream = client.stream(orders.streamOrders, {});
    const seen: (OrderStage | undefined)[] = [];
    let cursor: { epoch: string; sequence: bigint } | undefined;
    const next = async () => {
      for (;;) {
        const { value } = await stream.next();
        if (value?.event.case === "snapshotEnd") return undefined;
        if (value?.event.case === "order") {
          cursor = value.cursor;
          return value.event.value;
        }
      }
    };
    await next();
    const first = await buy(0.01);
    for (let order = await next(); ; order = await next()) {
      seen.push(order?.stage);
      if (order?.orderId === first.orderId && order.stage === OrderStage.FILLED) break;
    }
    await stream.return();
    expect(seen.slice(0, 2)).toEqual([OrderStage.RECEIVED, OrderStage.SENT]);
    expect(seen.at(-1)).toBe(OrderStage.FILLED);
    const second = await buy(0.01);
    const missed = new Set<string>();
    for await (const { event } of client.stream(
      orders.streamOrders,
      cursor === undefined ? {} : { resumeAfter: cursor },
    )) {
      expect(event.case).not.toBe("reset");
      if (event.case !== "order") continue;
      missed.add(event.value.orderId);
      if (event.value.orderId === second.orderId && event.value.stage === OrderStage.FILLED) break;
    }
    expect([...missed]).toEqual([second.orderId]);
  });

  it("sees positions and the account's worth change", async () => {
    const stream = client.stream(accounts.streamAccount, { minInterval: { seconds: 0n, nanos: 0 } });
    const kinds = new Set<string | undefined>();
    let bought = false;
    for await (const { event } of stream) {
      kinds.add(event.case);
      if (event.case === "snapshotEnd" && !bought) {
        bought = true;
        void buy(0.01);
      }
      if (event.case === "position") expect(event.value.change).toBe(PositionChange.OPENED);
      if (kinds.has("position") && kinds.has("valuation")) break;
    }
    expect([...kinds].slice(0, 3)).toEqual(["opened", "snapshot", "snapshotEnd"]);
  });

  it("changes the symbols of a running stream, and hears of a bad one without losing the others", async () => {
    let id = "";
    const symbols = new Set<string>();
    for await (const { event } of client.stream(ticks.streamTicks, { symbols: ["EURUSD", "NOPE"] })) {
      if (event.case === "opened") {
        id = event.value.streamId;
        expect(event.value.symbols.map((row) => [row.symbol, row.accepted])).toEqual([
          ["EURUSD", true],
          ["NOPE", false],
        ]);
        await client.call(ticks.updateTickSubscription, { streamId: id, add: ["XAUUSD"], remove: ["EURUSD"] });
      }
      if (event.case === "subscription") {
        expect(event.value.symbols).toEqual(["XAUUSD"]);
        symbols.clear();
      }
      if (event.case === "batch") for (const tick of event.value.ticks) symbols.add(tick.symbol);
      if (symbols.has("XAUUSD")) break;
    }
    expect([...symbols]).toEqual(["XAUUSD"]);
    const unknown = await caught(client.call(ticks.updateTickSubscription, { streamId: "nope", add: ["XAUUSD"] }));
    expect(unknown).toMatchObject({ code: status.NOT_FOUND, reason: "UNKNOWN_STREAM" });
  });

  it("may ask for the newest only, and is told how many ticks were folded away", async () => {
    let last = 0n;
    let batches = 0;
    const wish = { symbols: ["EURUSD"], delivery: Delivery.LATEST, minInterval: { seconds: 0n, nanos: 100_000_000 } };
    for await (const { event } of client.stream(ticks.streamTicks, wish)) {
      if (event.case === "snapshot") last = event.value.ticks[0]?.sequence ?? 0n;
      if (event.case !== "batch") continue;
      const [tick] = event.value.ticks;
      expect(Number((tick?.sequence ?? 0n) - last)).toBe((tick?.skipped ?? 0) + 1);
      last = tick?.sequence ?? 0n;
      batches += 1;
      if (batches === 5) break;
    }
  });

  it("reads the history of ticks and bars, page by page, and follows live bars", async () => {
    const { ticks: newest } = await client.call(ticks.getLatestTicks, { symbols: ["EURUSD"] });
    expect(newest).toHaveLength(1);
    const { ticks: all } = await client.call(ticks.listTicks, { symbol: "EURUSD", pageSize: 10_000 });
    const paged: bigint[] = [];
    let pageToken = "";
    const from = { seconds: 0n, nanos: 0 };
    do {
      const page = await client.call(ticks.listTicks, { symbol: "EURUSD", from, pageSize: 7, pageToken });
      paged.push(...page.ticks.map((tick) => tick.sequence));
      pageToken = page.nextPageToken;
    } while (pageToken !== "" && paged.length < all.length);
    expect(paged.slice(0, all.length)).toEqual(all.map((tick) => tick.sequence));
    const { bars } = await client.call(ticks.listBars, { symbol: "EURUSD", timeframe: Timeframe.H1 });
    expect(bars.at(-1)).toMatchObject({ final: false, symbol: "EURUSD" });
    let changes = 0;
    for await (const { event } of client.stream(ticks.streamBars, { symbols: ["EURUSD"], timeframe: Timeframe.M1 })) {
      if (event.case === "bar") changes += 1;
      if (changes === 3) break;
    }
  });

  it("lists orders by selection, newest first, in pages", async () => {
    const { orders: open } = await client.call(orders.listOrders, { selection: OrderSelection.OPEN });
    expect(open).toEqual([]);
    const ids: string[] = [];
    let pageToken = "";
    do {
      const page = await client.call(orders.listOrders, { pageSize: 3, pageToken });
      ids.push(...page.orders.map((order) => order.orderId));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(ids).toEqual([...new Set(ids)].sort().reverse());
    expect(ids.length).toBeGreaterThan(8);
  });

  it("may keep an order for a while only", async () => {
    const bid = (await firstTick("EURUSD")).bid;
    const soon = BigInt(Math.floor(Date.now() / 1000) + 1);
    const { order } = await client.call(orders.placeOrder, {
      clientOrderId: key(),
      symbol: "EURUSD",
      side: OrderSide.BUY,
      type: OrderType.LIMIT,
      volume: 0.01,
      price: Math.round((bid - 0.05) * 1e5) / 1e5,
      timeInForce: TimeInForce.SPECIFIED,
      expireTime: { seconds: soon, nanos: 0 },
      waitFor: 4,
    });
    expect(order).toMatchObject({ stage: OrderStage.EXPIRED, cause: OrderCause.EXPIRY });
  });

  it("learns how the bridge is, and who may trade", async () => {
    const { health } = await client.call(HealthService.method.getHealth, {});
    expect(health).toMatchObject({ status: ServingStatus.SERVING, store: { state: PartState.UP } });
    expect(health?.terminals[0]).toMatchObject({ account: "paper", linkUp: true, live: false });
    const { entries } = await client.call(AdminService.method.getTradingMode, {});
    expect(entries.map((entry) => entry.mode)).toEqual([TradingMode.ACTIVE]);
    expect(await caught(client.call(AdminService.method.connectTerminal, {}))).toMatchObject({
      code: status.FAILED_PRECONDITION,
      reason: "NOT_SUPPORTED",
    });
  });
});
