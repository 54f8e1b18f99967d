/**
 * The plain HTTP interface: a few RPCs under short paths, in the words of people who use `curl`.
 *
 * Each alias says which RPC it is, makes the request of a JSON object and a JSON object of the answer. It has no rules
 * of its own: what the RPC refuses is refused here, in the alias's own names for the fields.
 */
import { create, type DescMethod, type DescMethodUnary, type Message, type MessageShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { Health, HealthCheckResponse_ServingStatus as Probe } from "../../gen/ts/grpc/health/v1/health_pb.ts";
import { AccountService } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import { AdminService } from "../../gen/ts/mt5bridge/v1/admin_pb.ts";
import { HealthService, ServingStatus } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { OrderStage, OrdersService } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { type Tick, TicksService } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { decodeJson, type JsonObject } from "./json.ts";
import { decodePlain, type PlainNames } from "./plain-names.ts";
import { orderFields, orderRequest } from "./plain-order.ts";
import { refused } from "./wire.ts";
import { stages, wordOf } from "./words.ts";

/** What the transport adds to an answer: what it alone knows, at the moment it is asked. */
export interface Surroundings {
  readonly now: Date;
  readonly webSockets: number;
}

export interface Alias {
  readonly verb: "GET" | "POST";
  readonly path: string;
  readonly method: DescMethod;
  /** Whether a key is made for requests that bring none. */
  readonly keyed?: true;
  /** Of the body, or of the query. Throws `invalid_argument`, in the alias's own names. */
  request(fields: JsonObject): Message;
  answer(message: Message, about: Surroundings): { readonly body: JsonObject; readonly status?: number };
  /** The answer is of the message alone: it lasts as long as that does. */
  readonly lasts?: true;
  /** For failures that come later: the alias's names for fields of the RPC, where they differ. */
  readonly names?: PlainNames;
}

interface OneAlias<M extends DescMethodUnary> extends Omit<Alias, "method" | "request" | "answer"> {
  request?(fields: JsonObject): MessageShape<M["input"]>;
  answer(message: MessageShape<M["output"]>, about: Surroundings): ReturnType<Alias["answer"]>;
}

function alias<M extends DescMethodUnary>(method: M, one: OneAlias<M>): Alias {
  const request = (fields: JsonObject) => decodeJson(method.input, fields);
  return { method, ...({ request, ...one } as Omit<Alias, "method">) };
}

const { getHealth } = HealthService.method;
const { check } = Health.method;
const nothing = () => create(check.input, {});
const serving = (status: Probe) => status === Probe.SERVING;

const tickFields = { page_size: "count" };

export const aliases: readonly Alias[] = [
  alias(getHealth, {
    verb: "GET",
    path: "/health",
    lasts: true,
    answer({ health }) {
      const well = health?.status === ServingStatus.SERVING;
      const [terminal] = health?.terminals ?? [];
      return {
        status: well ? 200 : 503,
        body: {
          status: well ? "healthy" : "unhealthy",
          service: "mt5-bridge",
          timestamp: isoOf(health?.serverTime),
          mt5_status: {
            status: terminal?.linkUp === true ? "connected" : "disconnected",
            server: terminal?.server ?? "",
            last_update: isoOf(terminal?.lastTickTime),
          },
        },
      };
    },
  }),
  alias(check, {
    verb: "GET",
    path: "/ready",
    request: nothing,
    answer: ({ status }) => ({ status: serving(status) ? 200 : 503, body: { ready: serving(status) } }),
  }),
  alias(check, {
    verb: "GET",
    path: "/livez",
    request: nothing,
    answer: () => ({ body: { alive: true } }), // whoever answers is
  }),
  alias(getHealth, {
    verb: "GET",
    path: "/status",
    answer: ({ health }, { now, webSockets }) => ({
      body: {
        success: true,
        status: health?.status === ServingStatus.SERVING ? "serving" : "not_serving",
        message: health?.message ?? "",
        service: "mt5-bridge",
        version: health?.version ?? "",
        timestamp: now.toISOString(),
        streams: health?.streams ?? 0,
        orders_in_flight: health?.ordersInFlight ?? 0,
        websocket_connections: webSockets,
        terminals: (health?.terminals ?? []).map((terminal) => ({
          account: terminal.account,
          live: terminal.live,
          connected: terminal.linkUp,
          server: terminal.server,
          login: numberOf(terminal.login),
          last_update: isoOf(terminal.lastTickTime),
          message: terminal.message,
        })),
      },
    }),
  }),
  alias(AccountService.method.getAccount, {
    verb: "GET",
    path: "/account",
    lasts: true,
    answer({ account }) {
      if (account === undefined) return { body: { success: false } };
      const { login, balance, equity, margin, freeMargin, server, currency, leverage, profit, live } = account;
      const money = { balance, equity, margin, free_margin: freeMargin, profit };
      const rest = { login: numberOf(login), server, currency, leverage, live, name: account.account };
      return { body: { success: true, account: { ...rest, ...money } } };
    },
  }),
  alias(TicksService.method.listTicks, {
    verb: "POST",
    path: "/ticks",
    names: tickFields,
    request({ count = 100, ...fields }) {
      if (count === 0) throw refused([{ field: "count", description: "must be 1 to 10000; got 0" }]);
      if (fields["page_size"] !== undefined)
        throw refused([{ field: "page_size", description: "is called count here" }]);
      return decodePlain(TicksService.method.listTicks.input, { ...fields, page_size: count }, tickFields);
    },
    answer: ({ ticks }) => ({
      body: { success: true, symbol: ticks[0]?.symbol ?? "", count: ticks.length, ticks: ticks.map(plainTick) },
    }),
  }),
  alias(OrdersService.method.placeOrder, {
    verb: "POST",
    path: "/order",
    keyed: true,
    names: orderFields,
    request: orderRequest,
    answer({ order, replayed }) {
      const { rejection } = order ?? {};
      const done = order?.stage !== OrderStage.REJECTED && order?.stage !== OrderStage.IN_DOUBT;
      return {
        body: {
          success: done,
          client_order_id: order?.clientOrderId ?? "",
          order_id: order?.orderId ?? "",
          ticket: numberOf(order?.orderTicket ?? 0n),
          status: wordOf(stages, order?.stage ?? 0) ?? "unspecified",
          symbol: order?.symbol ?? "",
          volume: order?.volume ?? 0,
          filled_volume: order?.filledVolume ?? 0,
          price: order?.averagePrice ?? order?.price ?? null,
          replayed,
          ...(rejection === undefined
            ? {}
            : { error: { reason: rejection.reason, retcode: rejection.retcode, message: rejection.message } }),
        },
      };
    },
  }),
  alias(AdminService.method.connectTerminal, {
    verb: "POST",
    path: "/connect",
    answer: ({ account }) => ({ body: { success: true, status: "connected", account } }),
  }),
  alias(getHealth, {
    verb: "GET",
    path: "/performance/metrics",
    answer: ({ health }, { now, webSockets }) => ({
      body: {
        success: true,
        timestamp: now.toISOString(),
        uptime_seconds:
          health?.startTime === undefined ? 0 : (now.getTime() - timestampDate(health.startTime).getTime()) / 1000,
        streams: health?.streams ?? 0,
        orders_in_flight: health?.ordersInFlight ?? 0,
        websocket_connections: webSockets,
      },
    }),
  }),
  alias(check, {
    verb: "GET",
    path: "/websocket/ws/status",
    request: nothing,
    answer: ({ status }, { webSockets }) => ({
      body: { status: serving(status) ? "running" : "stopping", active_connections: webSockets },
    }),
  }),
  alias(check, {
    verb: "GET",
    path: "/websocket/ws/health",
    request: nothing,
    answer: ({ status }, { now }) => ({
      status: serving(status) ? 200 : 503,
      body: { status: serving(status) ? "healthy" : "unhealthy", timestamp: now.toISOString() },
    }),
  }),
];

function plainTick({ symbol, bid, ask, last, volume, timeMs }: Tick): JsonObject {
  const time = new Date(Number(timeMs)).toISOString();
  return { symbol, time, time_ms: Number(timeMs), bid, ask, spread: Number((ask - bid).toPrecision(10)), last, volume };
}

const isoOf = (time: Timestamp | undefined) => (time === undefined ? null : timestampDate(time).toISOString());

/** MetaTrader's numbers as plain clients expect them; a text where a number would lose digits. */
const numberOf = (value: bigint) => (value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : String(value));
