/** What a scope is limited to, held against requests: over gRPC, with the fields that the contract has. */
import { create, type DescMethod, type MessageInitShape } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AccountService } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import { AdminService } from "../../gen/ts/mt5bridge/v1/admin_pb.ts";
import {
  type CancelOrderRequest,
  OrdersService,
  type PlaceOrderRequestSchema,
} from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { TicksService } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import type { Grants, Limits } from "../../src/contract/principal.ts";
import type { Service } from "../../src/contract/service.ts";
import type { SymbolsMeant } from "../../src/contract/symbols-meant.ts";
import { type Failed, type Served, served, someOf, TestClient } from "./served.ts";

const { placeOrder, checkOrder, modifyOrder, cancelOrder, closePosition, listOrders } = OrdersService.method;
const { getLatestTicks, updateTickSubscription, listSymbols } = TicksService.method;
const { getAccount, listPositions } = AccountService.method;
const { setTradingMode, connectTerminal, drain, getTradingMode } = AdminService.method;

let server: Served | undefined;
let client: TestClient;
let grants: Grants;
/** What the last call was allowed to ask for. */
let seen: unknown;

/** Every unary RPC of a service, which does nothing but look at its request. */
const looking = (descriptor: Service["descriptor"]): Service =>
  someOf(
    descriptor,
    Object.fromEntries(
      descriptor.methods.map((method) => [
        method.localName,
        async (request: unknown) => {
          seen = request;
          return create(method.output);
        },
      ]),
    ),
  );

async function serve(symbolsMeant?: SymbolsMeant): Promise<void> {
  const authenticate = () => ({ name: "limited", grants });
  const services = [AccountService, TicksService, OrdersService, AdminService].map(looking);
  server = await served(services, { calls: { authenticate, symbolsMeant } });
  client = new TestClient(server.port);
}

const limitedTo = (limits: Limits, scope: "read" | "trade" | "admin" = "trade"): void => {
  grants = { [scope]: limits };
};

/** What the implementation was asked, or how it failed. */
async function asked(method: DescMethod, request: object): Promise<unknown> {
  seen = undefined;
  const result = await client.call(method, request);
  if (result.ok) return seen;
  expect(seen).toBeUndefined();
  return result.failed;
}

async function refused(method: DescMethod, request: object): Promise<Failed> {
  const failed = (await asked(method, request)) as Failed;
  expect(failed).toMatchObject({ code: status.PERMISSION_DENIED, info: { reason: "PERMISSION_DENIED" } });
  return failed;
}

const order = (more: MessageInitShape<typeof PlaceOrderRequestSchema>) => ({
  clientOrderId: "a",
  symbol: "EURUSD",
  side: 1,
  type: 1,
  volume: 0.1,
  ...more,
});
const byTicket = (orderTicket: bigint) => ({
  clientOrderId: "a",
  order: { name: { case: "orderTicket", value: orderTicket } },
});

beforeEach(() => {
  server = undefined;
});

afterEach(async () => {
  client?.close();
  await server?.stop(0);
});

describe("a limit to accounts", () => {
  beforeEach(() => serve());

  it("lets in what names one of them, and refuses another by name", async () => {
    limitedTo({ accounts: ["demo", "real"] });
    expect(await asked(placeOrder, order({ account: "real" }))).toMatchObject({ account: "real" });
    const { message, info } = await refused(placeOrder, order({ account: "other" }));
    expect(message).toBe('account is "other"; the scope trade of limited is limited to demo, real.');
    expect(info?.metadata).toMatchObject({ scope: "trade", limit: "accounts" });
  });

  it("makes the only one of none, and of several asks for one", async () => {
    limitedTo({ accounts: ["demo"] });
    expect(await asked(placeOrder, order({}))).toMatchObject({ account: "demo" });
    limitedTo({ accounts: ["demo", "real"] });
    expect((await refused(placeOrder, order({}))).message).toContain("account has to be named");
  });

  it("reaches into messages within the request", async () => {
    limitedTo({ accounts: ["demo"] }, "read");
    const { clientOrderId: _, ...checked } = order({});
    expect(await asked(checkOrder, { order: checked })).toMatchObject({ order: { account: "demo" } });
    expect((await refused(checkOrder, { order: { ...checked, account: "real" } })).message).toContain("order.account");
  });

  it("never narrows a kill switch unasked, and stops nobody else's work", async () => {
    limitedTo({ accounts: ["demo"] }, "admin");
    const halt = { mode: 3, reason: "test" };
    expect((await refused(setTradingMode, halt)).message).toContain("account has to be named");
    expect(await asked(setTradingMode, { ...halt, account: "demo" })).toMatchObject({ account: "demo" });
    expect(await asked(connectTerminal, { account: "demo" })).toMatchObject({ account: "demo" });
    expect((await refused(drain, {})).message).toContain("every account");
    limitedTo({ accounts: ["demo"] }, "read");
    expect(await asked(getTradingMode, {})).toMatchObject({ account: "demo" });
  });
});

describe("a limit to symbols", () => {
  const symbols: Record<string, string> = { "1": "EURUSD", "2": "XAUUSD" };
  const meant: SymbolsMeant = async (request) => {
    const { name } = (request as CancelOrderRequest).order ?? {};
    const ticket = (request as { positionTicket?: bigint }).positionTicket ?? name?.value;
    return [symbols[String(ticket)] ?? []].flat();
  };

  it("is held where a symbol is named", async () => {
    await serve();
    limitedTo({ symbols: ["EURUSD", "GBPUSD"] });
    expect(await asked(placeOrder, order({}))).toMatchObject({ symbol: "EURUSD" });
    const { message, info } = await refused(placeOrder, order({ symbol: "XAUUSD" }));
    expect(message).toBe('symbol is "XAUUSD"; the scope trade of limited is limited to EURUSD, GBPUSD.');
    expect(info?.metadata).toMatchObject({ scope: "trade", limit: "symbols" });
  });

  it("is held for each of a list, and of an empty one makes what may be had", async () => {
    await serve();
    limitedTo({ symbols: ["EURUSD", "GBPUSD"] }, "read");
    expect(await asked(getLatestTicks, {})).toMatchObject({ symbols: ["EURUSD", "GBPUSD"] });
    expect(await asked(getLatestTicks, { symbols: ["GBPUSD"] })).toMatchObject({ symbols: ["GBPUSD"] });
    expect((await refused(getLatestTicks, { symbols: ["GBPUSD", "XAUUSD"] })).message).toContain(
      'symbols has "XAUUSD"',
    );
    expect((await refused(updateTickSubscription, { streamId: "s", add: ["XAUUSD"] })).message).toContain("add has");
    expect(await asked(updateTickSubscription, { streamId: "s", remove: ["GBPUSD"] })).toMatchObject({ add: [] });
  });

  it("makes the only symbol of none, and of several asks for one", async () => {
    await serve();
    limitedTo({ symbols: ["EURUSD"] }, "read");
    expect(await asked(listPositions, {})).toMatchObject({ symbol: "EURUSD" });
    limitedTo({ symbols: ["EURUSD", "GBPUSD"] }, "read");
    expect((await refused(listOrders, {})).message).toContain("symbol has to be named");
  });

  it("is held where an order or a position is named instead", async () => {
    await serve(meant);
    limitedTo({ symbols: ["EURUSD"] });
    const close = (positionTicket: bigint) => ({ clientOrderId: "a", positionTicket });
    for (const [method, request] of [
      [cancelOrder, byTicket],
      [modifyOrder, byTicket],
      [closePosition, close],
    ] as const) {
      expect(await asked(method, request(1n))).toBeDefined();
      const { message } = await refused(method, request(2n));
      expect(message).toContain("another symbol");
      expect(message).not.toContain("XAUUSD");
    }
  });

  it("refuses what cannot be looked up, and what tells of every symbol", async () => {
    await serve();
    limitedTo({ symbols: ["EURUSD"] });
    await refused(cancelOrder, byTicket(1n));
    limitedTo({ symbols: ["EURUSD"] }, "admin");
    await refused(connectTerminal, {});
    await refused(drain, {});
    expect((await refused(setTradingMode, { mode: 3, reason: "test" })).message).toContain("symbol has to be named");
  });

  it("does not touch what is about no symbol", async () => {
    await serve();
    limitedTo({ symbols: ["EURUSD"] }, "read");
    expect(await asked(getAccount, {})).toBeDefined();
    expect(await asked(listSymbols, {})).toBeDefined();
  });
});

describe("a maximum volume", () => {
  beforeEach(() => serve());

  it("holds for every order, up to and with itself", async () => {
    limitedTo({ maxVolume: 0.5 });
    expect(await asked(placeOrder, order({ volume: 0.5 }))).toMatchObject({ volume: 0.5 });
    const { message, info } = await refused(placeOrder, order({ volume: 0.51 }));
    expect(message).toBe("volume is 0.51; the scope trade of limited is limited to 0.5 lots.");
    expect(info?.metadata).toMatchObject({ scope: "trade", limit: "max_volume" });
  });

  it("does not hold back what ends a position", async () => {
    limitedTo({ maxVolume: 0.5 });
    expect(await asked(closePosition, { clientOrderId: "a", positionTicket: 1n, volume: 2 })).toBeDefined();
  });
});

describe("limits", () => {
  it("are each scope's own", async () => {
    await serve();
    grants = { read: {}, trade: { symbols: ["EURUSD"] } };
    expect(await asked(getLatestTicks, {})).toMatchObject({ symbols: [] });
    await refused(placeOrder, order({ symbol: "XAUUSD" }));
  });

  it("come after validation: a request that is no request is told so", async () => {
    await serve();
    limitedTo({ symbols: ["EURUSD"], maxVolume: 1 });
    const failed = (await asked(placeOrder, order({ symbol: "XAUUSD", volume: -1 }))) as Failed;
    expect(failed).toMatchObject({ code: status.INVALID_ARGUMENT, info: { reason: "INVALID_ARGUMENT" } });
  });
});
