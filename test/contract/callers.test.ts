/** What services tell depends on who calls: each sees his own, and no more than his scope is limited to. */
import { create } from "@bufbuild/protobuf";
import { beforeEach, describe, expect, it } from "vitest";
import type { GetHealthResponse } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { ClosePositionRequestSchema } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import {
  ListSymbolsRequestSchema,
  type ListSymbolsResponse,
  StreamBarsRequestSchema,
  type StreamBarsResponse,
  StreamTicksRequestSchema,
  type StreamTicksResponse,
  UpdateTickSubscriptionRequestSchema,
} from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { healthService } from "../../src/contract/health-service.ts";
import type { Limits, Principal } from "../../src/contract/principal.ts";
import type { Call, Service } from "../../src/contract/service.ts";
import { symbolsMeant } from "../../src/contract/symbols-meant.ts";
import { ticksService } from "../../src/contract/ticks-service.ts";
import { BridgeError } from "../../src/core/errors.ts";
import { HealthWatch } from "../../src/core/health/health.ts";
import { StreamIds } from "../../src/core/streams/stream-ids.ts";
import { type Desk, faultOf, key, openDesk } from "../core/desk.ts";

let desk: Desk;
let ticks: Service["implementation"];
let health: Service["implementation"];

beforeEach(async () => {
  desk = await openDesk();
  ticks = ticksService(new Map([["paper", desk.account]])).implementation;
  const about = { version: "1", runtime: "v24", streams: () => 0 };
  health = healthService(new HealthWatch([desk.account], new StreamIds("e"), desk.clock), about).implementation;
});

const callBy = (name: string, read: Limits = {}): Call => ({
  principal: { name, grants: { read } } satisfies Principal,
  traceId: "t",
  span: undefined,
  deadline: undefined,
  signal: new AbortController().signal,
  leaving: new AbortController().signal,
});

const unary = <T>(service: Service["implementation"], method: string, request: unknown, call: Call) =>
  (service[method] as (request: unknown, call: Call) => Promise<T>)(request, call);

/** The id of a new stream. */
async function opened(method: string, request: unknown, call: Call): Promise<string> {
  const stream = (ticks[method] as (request: unknown, call: Call) => AsyncIterable<StreamTicksResponse>)(request, call);
  const { value } = await stream[Symbol.asyncIterator]().next();
  const { event } = value as StreamTicksResponse | StreamBarsResponse;
  return event.case === "opened" ? event.value.streamId : "";
}

const update = (streamId: string, caller: string) =>
  unary(
    ticks,
    "updateTickSubscription",
    create(UpdateTickSubscriptionRequestSchema, { streamId, add: ["GBPUSD"] }),
    callBy(caller),
  );

describe("a stream of ticks", () => {
  const wish = create(StreamTicksRequestSchema, { symbols: ["EURUSD"] });

  it("is changed by whoever opened it", async () => {
    const id = await opened("streamTicks", wish, callBy("alice"));
    expect(await update(id, "alice")).toMatchObject({ subscription: { symbols: ["EURUSD", "GBPUSD"] } });
  });

  it("is as unknown to others as one that does not exist", async () => {
    const id = await opened("streamTicks", wish, callBy("alice"));
    const taken = await faultOf(update(id, "bob"));
    const unknown = await faultOf(update("nobody's", "bob"));
    expect(taken).toBeInstanceOf(BridgeError);
    expect(taken.fault).toBe("unknown_stream");
    expect(taken.message.replace(id, "nobody's")).toBe(unknown.message);
    expect([taken.violations, taken.metadata]).toEqual([unknown.violations, unknown.metadata]);
  });

  it("is not one of bars, whose symbols stay as they were asked for", async () => {
    const request = create(StreamBarsRequestSchema, { symbols: ["EURUSD"], timeframe: 1 });
    const id = await opened("streamBars", request, callBy("alice"));
    expect(id).not.toBe("");
    expect((await faultOf(update(id, "alice"))).fault).toBe("unknown_stream");
  });
});

describe("the symbols that a close means", () => {
  const meant = (request: object) =>
    symbolsMeant(new Map([["paper", desk.account]]))(create(ClosePositionRequestSchema, request));

  it("are the position's, and those of the order that its key has led to before", async () => {
    await desk.place({ clientOrderId: key("used"), symbol: "EURUSD" });
    expect(await meant({ clientOrderId: "new", positionTicket: 404n })).toEqual([]);
    expect(await meant({ clientOrderId: "used", positionTicket: 404n })).toEqual(["EURUSD"]);
  });
});

describe("a list", () => {
  const listed = async (limits: Limits) => {
    const request = create(ListSymbolsRequestSchema);
    const { symbols } = await unary<ListSymbolsResponse>(ticks, "listSymbols", request, callBy("alice", limits));
    return symbols.map(({ name }) => name);
  };
  const terminals = async (limits: Limits) => {
    const { health: message } = await unary<GetHealthResponse>(health, "getHealth", {}, callBy("alice", limits));
    return message?.terminals.map(({ account }) => account);
  };

  it("of symbols has those that the caller may read", async () => {
    expect(await listed({})).toEqual(["EURUSD"]);
    expect(await listed({ symbols: ["EURUSD", "XAUUSD"] })).toEqual(["EURUSD"]);
    expect(await listed({ symbols: ["XAUUSD"] })).toEqual([]);
  });

  it("of terminals has those of the accounts that the caller may read", async () => {
    expect(await terminals({})).toEqual(["paper"]);
    expect(await terminals({ accounts: ["another"] })).toEqual([]);
  });
});
