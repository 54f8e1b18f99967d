/**
 * Orders that are sent at most once, and whose fate is known in the end.
 *
 * Every request gets a key before it leaves, and the key is kept until the bridge has answered. When anything goes
 * wrong on the way, the same request is sent again with the same key: it acts once. What is left when patience ends,
 * or after a crash, is in `kept()`; `again` asks for it once more.
 *
 * Always true: when a call fails, `orderMayExist` speaks for all its tries together. One of them may have arrived
 * although the last one did not.
 */
import { create, fromJson, type JsonValue, type MessageInitShape, type MessageShape, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { type Order, OrderStage, OrdersService } from "../../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { BridgeError } from "./failure.ts";
import type { KeptRequest, KeyStore } from "./keys.ts";
import { eitherOf, pauseAfter, type Wait } from "./patience.ts";

type Methods = (typeof OrdersService)["method"];
/** The RPCs that send something to the broker. */
export type OrderRpc =
  | "placeOrder"
  | "modifyOrder"
  | "cancelOrder"
  | "closePosition"
  | "closePositionBy"
  | "modifyPosition";
export type Request<R extends OrderRpc> = MessageInitShape<Methods[R]["input"]>;
export type Answer<R extends OrderRpc> = MessageShape<Methods[R]["output"]>;

const rpcs: readonly string[] = [
  "placeOrder",
  "modifyOrder",
  "cancelOrder",
  "closePosition",
  "closePositionBy",
  "modifyPosition",
] satisfies OrderRpc[];

export interface SendOptions {
  /** Ends the tries. The order may have been placed nevertheless. */
  readonly signal?: AbortSignal;
  /** How long to go on trying; default 60 seconds. */
  readonly patienceMs?: number;
  /** How long one try may take; default 15 seconds, more than the bridge waits for its terminal. */
  readonly timeoutMs?: number;
}

export interface OrdersSetup {
  readonly keys: KeyStore;
  readonly wait: Wait;
  /** Milliseconds from any moment. */
  readonly now: () => number;
  readonly newKey: () => string;
  /** Aborts when the bridge is closed: nothing is tried any more. */
  readonly closed: AbortSignal;
}

export class Orders {
  readonly #transport: Transport;
  readonly #setup: OrdersSetup;

  constructor(transport: Transport, setup: OrdersSetup) {
    this.#transport = transport;
    this.#setup = setup;
  }

  /** Gives an order. Look at `order.stage`: a refusal by the broker is an answer too. */
  place(order: Request<"placeOrder">, options?: SendOptions): Promise<Answer<"placeOrder">> {
    return this.#send("placeOrder", order, options);
  }

  /** Changes a pending order. */
  modify(change: Request<"modifyOrder">, options?: SendOptions): Promise<Answer<"modifyOrder">> {
    return this.#send("modifyOrder", change, options);
  }

  /** Takes a pending order out of the market. */
  cancel(order: Request<"cancelOrder">, options?: SendOptions): Promise<Answer<"cancelOrder">> {
    return this.#send("cancelOrder", order, options);
  }

  /** Closes a position, wholly or in part. */
  close(position: Request<"closePosition">, options?: SendOptions): Promise<Answer<"closePosition">> {
    return this.#send("closePosition", position, options);
  }

  /** Closes a position against an opposite one. */
  closeBy(positions: Request<"closePositionBy">, options?: SendOptions): Promise<Answer<"closePositionBy">> {
    return this.#send("closePositionBy", positions, options);
  }

  /** Sets or removes a position's stop loss and take profit. */
  modifyPosition(change: Request<"modifyPosition">, options?: SendOptions): Promise<Answer<"modifyPosition">> {
    return this.#send("modifyPosition", change, options);
  }

  /** The order that was placed under this key; undefined when the bridge has never seen the key. */
  async find(clientOrderId: string, account = ""): Promise<Order | undefined> {
    const { getOrder } = OrdersService.method;
    const request = create(getOrder.input, {
      account,
      order: { name: { case: "clientOrderId", value: clientOrderId } },
    });
    try {
      return (await this.#transport.unary(getOrder, undefined, undefined, undefined, request)).message.order;
    } catch (thrown) {
      const error = BridgeError.from(thrown);
      if (error.reason === "UNKNOWN_ORDER") return undefined;
      throw error;
    }
  }

  /** Requests whose answer never came, of this run or an earlier one. */
  kept(): Promise<KeptRequest[]> {
    return this.#setup.keys.all();
  }

  /** Sends a kept request once more, with its own key: if it had arrived before, this tells what became of it. */
  again(kept: KeptRequest, options?: SendOptions): Promise<Answer<OrderRpc>> {
    if (!rpcs.includes(kept.rpc)) throw new TypeError(`${kept.rpc} is no RPC that sends something to the broker`);
    const rpc = kept.rpc as OrderRpc;
    return this.#send(rpc, fromJson(OrdersService.method[rpc].input, kept.request) as Request<typeof rpc>, options);
  }

  /** Gives up a kept request for good. */
  forget(clientOrderId: string): Promise<void> {
    return this.#setup.keys.forget(clientOrderId);
  }

  async #send<R extends OrderRpc>(rpc: R, init: Request<R>, options: SendOptions = {}): Promise<Answer<R>> {
    const { keys, newKey } = this.#setup;
    const { input } = OrdersService.method[rpc];
    const request = create(input, init as MessageInitShape<typeof input>);
    if (request.clientOrderId === "") request.clientOrderId = newKey();
    const { clientOrderId } = request;
    await this.#keep({ clientOrderId, rpc, request: toJson(input, request) });
    try {
      const answer = (await this.#tried(rpc, request as MessageShape<Methods[R]["input"]>, options)) as Answer<R>;
      const order = "order" in answer ? answer.order : undefined;
      if (order?.stage !== OrderStage.IN_DOUBT) await keys.forget(clientOrderId);
      return answer;
    } catch (error) {
      if (error instanceof BridgeError && !error.orderMayExist) await keys.forget(clientOrderId);
      throw error;
    }
  }

  /** A key that is under way must not come to mean something else. */
  async #keep(kept: KeptRequest): Promise<void> {
    const { keys } = this.#setup;
    const earlier = (await keys.all()).find(({ clientOrderId }) => clientOrderId === kept.clientOrderId);
    if (earlier === undefined) return keys.keep(kept);
    if (earlier.rpc === kept.rpc && sameJson(earlier.request, kept.request)) return;
    const message = `${kept.clientOrderId} is the key of another request, whose answer is not known yet.`;
    throw new BridgeError(new ConnectError(message, Code.AlreadyExists), {
      orderMayExist: true,
      clientOrderId: kept.clientOrderId,
    });
  }

  async #tried<R extends OrderRpc>(
    rpc: R,
    request: MessageShape<Methods[R]["input"]>,
    { signal: callers, patienceMs = 60_000, timeoutMs = 15_000 }: SendOptions,
  ): Promise<unknown> {
    const { wait, now, closed } = this.#setup;
    const signal = eitherOf(closed, callers);
    const method = OrdersService.method[rpc] as Methods["placeOrder"];
    const until = now() + patienceMs;
    let mayExist = false;
    for (let failures = 0; ; failures++) {
      try {
        const sent = request as MessageShape<Methods["placeOrder"]["input"]>;
        return (await this.#transport.unary(method, signal, timeoutMs, undefined, sent)).message;
      } catch (thrown) {
        const error = BridgeError.from(thrown);
        mayExist ||= error.orderMayExist;
        const told = new BridgeError(error, { orderMayExist: mayExist, clientOrderId: request.clientOrderId });
        if (signal.aborted || !error.passing) throw told;
        const pause = (error.retryAfterMs ?? 0) + pauseAfter(failures);
        if (now() + pause >= until) throw told;
        await wait(pause, signal);
        if (signal.aborted) throw told;
      }
    }
  }
}

function sameJson(a: JsonValue, b: JsonValue): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
