/** The bridge as a strategy sees it: typed calls, streams that resume by themselves, orders that are never sent twice. */
import type { DescMethodServerStreaming, MessageInitShape } from "@bufbuild/protobuf";
import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { AccountService, type StreamAccountRequestSchema } from "../../../gen/ts/mt5bridge/v1/account_pb.ts";
import { AdminService } from "../../../gen/ts/mt5bridge/v1/admin_pb.ts";
import { HealthService } from "../../../gen/ts/mt5bridge/v1/health_pb.ts";
import { type Order, OrdersService, type StreamOrdersRequestSchema } from "../../../gen/ts/mt5bridge/v1/orders_pb.ts";
import {
  type Bar,
  type StreamBarsRequestSchema,
  type StreamTicksRequestSchema,
  type Tick,
  TickForm,
  TicksService,
} from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import type { Cursor } from "../../../gen/ts/mt5bridge/v1/types_pb.ts";
import { ticksIn } from "./columns.ts";
import { bridgeErrors, refusedSymbol } from "./failure.ts";
import { type Followed, type FollowOptions, follow } from "./follow.ts";
import { type KeyStore, memoryKeys } from "./keys.ts";
import { Orders } from "./orders.ts";
import { eitherOf, type Wait, wait } from "./patience.ts";

export interface CommonOptions {
  /** An API key or a token, sent as `authorization: Bearer …` with every call; a function is asked each time. */
  readonly token?: string | (() => string | Promise<string>);
  /** Where keys of orders are kept; in Node by default in memory, in browsers in localStorage. */
  readonly keys?: KeyStore;
  readonly interceptors?: readonly Interceptor[];
  /** For tests: how to wait between tries. */
  readonly wait?: Wait;
}

/** An order after a change, or as it stood when the stream began. */
export interface OrderEvent {
  /** False: a change. True: one of the open orders at the start, or after a reset. */
  readonly snapshot: boolean;
  readonly order: Order;
  /** Keep it, and give it back as `resumeAfter`: the stream goes on behind this event. */
  readonly cursor: Cursor | undefined;
}

/** Of a stream's request, what is not up to the stream itself. */
type StreamInit<S extends object> = Omit<S, "resumeAfter" | "$typeName" | "$unknown">;
type TicksInit = StreamInit<MessageInitShape<typeof StreamTicksRequestSchema>>;
type OrdersInit = StreamInit<MessageInitShape<typeof StreamOrdersRequestSchema>>;
type BarsInit = StreamInit<MessageInitShape<typeof StreamBarsRequestSchema>>;
type AccountInit = StreamInit<MessageInitShape<typeof StreamAccountRequestSchema>>;

export class Bridge {
  /** Orders with keys that are kept and tries that are safe. */
  readonly orders: Orders;
  /** Every RPC of the contract, plainly: no second try, no resuming. Failures are BridgeErrors. */
  readonly rpc: {
    readonly account: Client<typeof AccountService>;
    readonly ticks: Client<typeof TicksService>;
    readonly orders: Client<typeof OrdersService>;
    readonly health: Client<typeof HealthService>;
    readonly admin: Client<typeof AdminService>;
  };
  readonly #context: { readonly transport: Transport; readonly wait: Wait };
  readonly #closed = new AbortController();
  readonly #hangUp: () => void;

  constructor(transport: Transport, { keys = memoryKeys(), wait: waiting = wait }: CommonOptions, hangUp = () => {}) {
    this.#context = { transport, wait: waiting };
    this.#hangUp = hangUp;
    this.orders = new Orders(transport, {
      keys,
      wait: waiting,
      closed: this.#closed.signal,
      now: () => performance.now(),
      newKey: () => crypto.randomUUID(),
    });
    this.rpc = {
      account: createClient(AccountService, transport),
      ticks: createClient(TicksService, transport),
      orders: createClient(OrdersService, transport),
      health: createClient(HealthService, transport),
      admin: createClient(AdminService, transport),
    };
  }

  /**
   * Ticks of some symbols, one by one, beginning with the newest of each. Throws a BridgeError when the bridge does not
   * have one of them. After a restart of the bridge ticks are numbered anew: `onState` hears of the `reset`, and the
   * newest tick of each symbol comes first.
   */
  async *ticks(symbols: readonly string[], options: FollowOptions & TicksInit = {}): AsyncGenerator<Tick, void> {
    const asked = split({ form: TickForm.COLUMNS, ...options }, { symbols });
    for await (const { message } of this.follow(TicksService.method.streamTicks, ...asked)) {
      const { event } = message;
      const refused = event.case === "opened" ? refusedSymbol(event.value) : undefined;
      if (refused !== undefined) throw refused;
      if (event.case === "snapshot" || event.case === "batch") yield* ticksIn(event.value);
    }
  }

  /** The open orders, then every change of every order: none is missed, none comes twice, also across restarts. */
  async *orderEvents(options: FollowOptions & OrdersInit = {}): AsyncGenerator<OrderEvent, void> {
    for await (const { message, cursor } of this.follow(OrdersService.method.streamOrders, ...split(options))) {
      const { event } = message;
      if (event.case === "order") yield { snapshot: false, order: event.value, cursor };
      else if (event.case === "snapshot") yield { snapshot: true, order: event.value, cursor };
    }
  }

  /** Bars as they form, and each once more, `final`, when it is closed. */
  async *bars(symbols: readonly string[], options: FollowOptions & BarsInit): AsyncGenerator<Bar, void> {
    for await (const { message } of this.follow(TicksService.method.streamBars, ...split(options, { symbols }))) {
      const { event } = message;
      const refused = event.case === "opened" ? refusedSymbol(event.value) : undefined;
      if (refused !== undefined) throw refused;
      if (event.case === "snapshot" || event.case === "bar") yield event.value;
    }
  }

  /** The account at the start, then what happens to it: positions, money, and its worth. */
  async *accountEvents(options: FollowOptions & AccountInit = {}) {
    for await (const { message, cursor } of this.follow(AccountService.method.streamAccount, ...split(options))) {
      const { event } = message;
      switch (event.case) {
        case "snapshot":
        case "position":
        case "balance":
        case "valuation":
          yield { ...event, cursor };
      }
    }
  }

  /**
   * Any stream of the contract, all of its messages, going on through broken connections. It ends when its loop is
   * left, its signal aborts, or the bridge is closed.
   */
  follow<M extends DescMethodServerStreaming>(
    method: M,
    request: MessageInitShape<M["input"]>,
    options: FollowOptions = {},
  ): AsyncGenerator<Followed<M>, void> {
    const signal = eitherOf(this.#closed.signal, options.signal);
    return follow(this.#context, method, request, { ...options, signal });
  }

  /** Ends every stream, and every further try of an order, and lets go of the connection. */
  close(): void {
    this.#closed.abort();
    this.#hangUp();
  }
}

/** What is the request's, and what is ours. */
function split<O extends FollowOptions>({ signal, resumeAfter, onState, ...rest }: O, more: object = {}) {
  const own: FollowOptions = {
    ...(signal === undefined ? {} : { signal }),
    ...(onState === undefined ? {} : { onState }),
    resumeAfter,
  };
  return [{ ...rest, ...more }, own] as const;
}

/** In the order in which a request passes them: the outermost one sees what the transport threw, in the end. */
export function interceptorsOf({ token, interceptors = [] }: CommonOptions): Interceptor[] {
  if (token === undefined) return [bridgeErrors, ...interceptors];
  const bearer: Interceptor = (next) => async (request) => {
    request.header.set("authorization", `Bearer ${typeof token === "string" ? token : await token()}`);
    return next(request);
  };
  return [bridgeErrors, bearer, ...interceptors];
}
