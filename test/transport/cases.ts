/**
 * What every transport has to answer alike: requests, and what becomes of them, in one table.
 *
 * A transport's test brings a way to ask; the services of the table and the table itself are the same for all. To
 * steer the services, a request says in its key what is to happen.
 */
import {
  create,
  type DescMethod,
  type JsonValue,
  type Message,
  type MessageInitShape,
  toJson,
} from "@bufbuild/protobuf";
import { AdminService } from "../../gen/ts/mt5bridge/v1/admin_pb.ts";
import { GetHealthResponseSchema, HealthService } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import {
  CheckOrderResponseSchema,
  OrdersService,
  type PlaceOrderRequest,
  PlaceOrderResponseSchema,
} from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import {
  type StreamTicksRequest,
  StreamTicksResponseSchema,
  TicksService,
} from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { codes } from "../../src/contract/fault-status.ts";
import type { Service } from "../../src/contract/service.ts";
import { BridgeError, type Fault, faults } from "../../src/core/errors.ts";
import { someOf } from "./served.ts";
import type { Told } from "./told.ts";

export interface Outcome {
  /** The answers, one for a unary call that went well. */
  readonly messages: readonly Message[];
  readonly told: Told | undefined;
}

/** Asks over some transport. */
export type Ask = (method: DescMethod, request: Message) => Promise<Outcome>;

export interface Case {
  readonly name: string;
  readonly method: DescMethod;
  readonly request: Message;
  /** In JSON, which shows what differs. */
  readonly messages: readonly JsonValue[];
  /** What the failure has to say; what is not named is not looked at. */
  readonly told?: Partial<Told>;
}

const { placeOrder, checkOrder } = OrdersService.method;
const { streamTicks } = TicksService.method;

/** Services that answer as the table says. */
export function caseServices(): Service[] {
  return [
    someOf(OrdersService, {
      async placeOrder(request: PlaceOrderRequest) {
        const [kind, fault] = request.clientOrderId.split(":");
        if (kind === "throw") throw new TypeError("a secret of the inside");
        if (kind === "fault") throw faultCalled(fault as Fault);
        const { clientOrderId, symbol, volume, comment, positionTicket, side } = request;
        const order = { clientOrderId, symbol, volume, comment, orderTicket: positionTicket, side };
        return create(PlaceOrderResponseSchema, { order });
      },
      checkOrder: async () => create(CheckOrderResponseSchema, { accepted: true, margin: 0.1 + 0.2 }),
    }),
    someOf(TicksService, {
      async *streamTicks(request: StreamTicksRequest) {
        for (const [at, symbol] of request.symbols.entries()) {
          if (symbol.startsWith("fault:")) throw faultCalled(symbol.slice("fault:".length) as Fault);
          yield create(StreamTicksResponseSchema, {
            event: { case: "batch", value: { ticks: [{ symbol, bid: 1.1, sequence: BigInt(at) }] } },
          });
        }
      },
    }),
    someOf(HealthService, { getHealth: async () => create(GetHealthResponseSchema, { health: { version: "1" } }) }),
  ];
}

function faultCalled(fault: Fault): BridgeError {
  return new BridgeError(fault, sentenceOf(fault), {
    metadata: { order_id: "main-7", ...(fault === "quota_exceeded" ? { quota: "orders" } : {}) },
    ...(faults[fault].retry === "later" ? { retryAfterMs: 1_500 } : {}),
  });
}

const sentenceOf = (fault: string) => `It failed: ${fault}, 100 % — “ж” 😀`;

const order = {
  clientOrderId: "a",
  symbol: "EURUSD",
  side: 1,
  type: 1,
  volume: 0.1,
} as const satisfies MessageInitShape<typeof placeOrder.input>;

function place(name: string, init: MessageInitShape<typeof placeOrder.input>, told: Partial<Told>): Case {
  return { name, method: placeOrder, request: create(placeOrder.input, { ...order, ...init }), messages: [], told };
}

function refused(name: string, init: MessageInitShape<typeof placeOrder.input>, ...told: [string, string][]): Case {
  const violations = told.map(([field, description]) => ({ field, description }));
  return place(name, init, { code: codes.INVALID_ARGUMENT, reason: "INVALID_ARGUMENT", violations });
}

function stream(name: string, symbols: string[], messages: number, told?: Partial<Told>): Case {
  const ticks = symbols.slice(0, messages).map((symbol, at): JsonValue => {
    const tick = at === 0 ? { symbol, bid: 1.1 } : { symbol, bid: 1.1, sequence: String(at) };
    return { batch: { ticks: [tick] } };
  });
  const request = create(streamTicks.input, { symbols });
  return { name, method: streamTicks, request, messages: ticks, ...(told ? { told } : {}) };
}

const oneOf = (what: string, got: number) => `must be one of ${what}; got ${got}`;
const key = "must be 1 to 64 of A-Z a-z 0-9 _ . : -";

export const cases: readonly Case[] = [
  {
    name: "numbers and texts come back as they were",
    method: placeOrder,
    request: create(placeOrder.input, { ...order, volume: 0.1 + 0.2, symbol: "ж😀", positionTicket: 2n ** 64n - 1n }),
    messages: [
      {
        order: {
          clientOrderId: "a",
          symbol: "ж😀",
          side: "ORDER_SIDE_BUY",
          volume: 0.30000000000000004,
          orderTicket: "18446744073709551615",
        },
      },
    ],
  },
  {
    name: "a request may be empty",
    method: HealthService.method.getHealth,
    request: create(HealthService.method.getHealth.input),
    messages: [{ health: { version: "1" } }],
  },
  refused("a number must be finite", { volume: Number.NaN }, ["volume", "must be greater than 0 and finite; got NaN"]),
  refused("a number must be in its range", { volume: -1 }, ["volume", "must be greater than 0; got -1"]),
  refused("a pattern must be kept", { clientOrderId: "a b" }, ["client_order_id", `${key}; got "a b"`]),
  refused("what is needed must be there", { clientOrderId: "" }, ["client_order_id", `${key}; got ""`]),
  refused("an enum must be known", { side: 77 as number as never }, [
    "side",
    oneOf("ORDER_SIDE_BUY, ORDER_SIDE_SELL", 77),
  ]),
  refused(
    "all that is wrong is told at once",
    { side: 0, strategyId: 2 ** 31, comment: "é" },
    ["strategy_id", "must be 0 to 2147483647; got 2147483648"],
    ["side", oneOf("ORDER_SIDE_BUY, ORDER_SIDE_SELL", 0)],
    ["comment", 'must be at most 31 printable ASCII characters; got "é"'],
  ),
  {
    name: "a message must be there",
    method: checkOrder,
    request: create(checkOrder.input),
    messages: [],
    told: { code: codes.INVALID_ARGUMENT, violations: [{ field: "order", description: "must be set" }] },
  },
  {
    name: "a field within a message is named by its path",
    method: checkOrder,
    request: create(checkOrder.input, { order: { ...checked(), volume: 0 } }),
    messages: [],
    told: {
      code: codes.INVALID_ARGUMENT,
      violations: [{ field: "order.volume", description: "must be greater than 0; got 0" }],
    },
  },
  ...(Object.keys(faults) as Fault[])
    .filter((fault) => fault !== "internal")
    .map((fault) =>
      place(
        `the fault ${fault} is told with its facts`,
        { clientOrderId: `fault:${fault}` },
        {
          code: codes[faults[fault].status],
          message: sentenceOf(fault),
          reason: fault.toUpperCase(),
          metadata: {
            order_may_exist: String(faults[fault].orderMayExist),
            retry: faults[fault].retry,
            order_id: "main-7",
            ...(fault === "quota_exceeded" ? { quota: "orders" } : {}),
          },
          violations: [],
          retrySeconds: faults[fault].retry === "later" ? 1.5 : undefined,
          quotas: fault === "quota_exceeded" ? ["orders"] : [],
        },
      ),
    ),
  place("nothing is told of the inside", { clientOrderId: "throw" }, { code: codes.INTERNAL, reason: "INTERNAL" }),
  {
    name: "what nobody serves is unimplemented",
    method: AdminService.method.getTradingMode,
    request: create(AdminService.method.getTradingMode.input),
    messages: [],
    told: { code: codes.UNIMPLEMENTED },
  },
  stream("a stream brings its messages and ends", ["A", "B", "C"], 3),
  stream("a stream brings what came before its fault", ["A", "fault:slow_consumer"], 1, {
    code: codes.RESOURCE_EXHAUSTED,
    message: sentenceOf("slow_consumer"),
    reason: "SLOW_CONSUMER",
  }),
  stream("a stream may fail before it begins", ["fault:unknown_account"], 0, {
    code: codes.NOT_FOUND,
    reason: "UNKNOWN_ACCOUNT",
  }),
  stream("a stream's request is looked at", ["A", "A"], 0, {
    code: codes.INVALID_ARGUMENT,
    violations: [{ field: "symbols", description: "must have each item once; got 2" }],
  }),
];

function checked() {
  const { clientOrderId: _, ...rest } = order;
  return rest;
}

/** What is wrong with the outcome: to be compared with `expectedOf`. */
export function seenIn({ told }: Case, outcome: Outcome, { output }: DescMethod) {
  const seen = outcome.told as unknown as Record<string, unknown> | undefined;
  return {
    messages: outcome.messages.map((message) => toJson(output, message)),
    told: seen && told ? Object.fromEntries(Object.keys(told).map((name) => [name, seen[name]])) : seen,
  };
}

export const expectedOf = ({ messages, told }: Case) => ({ messages, told });
