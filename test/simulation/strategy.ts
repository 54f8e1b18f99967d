/**
 * A strategy: it asks for one thing after the other, and asks again with the same key until
 * it has an answer. It never dies; its calls and the answers to them may.
 */
import type { Account } from "../../src/core/accounts/account.ts";
import { BridgeError, type Fault, faults } from "../../src/core/errors.ts";
import { toLots, toPrice, type Volume } from "../../src/core/model/decimals.ts";
import type { ClientOrderId, Instant, StrategyId, Ticket } from "../../src/core/model/ids.ts";
import type { Order, Side } from "../../src/core/model/order.ts";
import { cancelOrder, modifyOrder, modifyPosition } from "../../src/core/orders/change-order.ts";
import { closeBy, closePosition } from "../../src/core/orders/close-position.ts";
import type { OrderDraft } from "../../src/core/orders/draft.ts";
import type { Caller } from "../../src/core/orders/order-desk.ts";
import { placeOrder } from "../../src/core/orders/place-order.ts";
import type { Broker } from "./broker.ts";
import { call, type Lines } from "./call.ts";
import type { Dice } from "./dice.ts";
import type { Step } from "./steps.ts";
import type { Told } from "./told.ts";

/** One thing to ask for; the same every time it is asked. */
export interface Request {
  readonly order: boolean;
  ask(account: Account, caller: Caller): Promise<Order | undefined>;
}

/** What strategies share: the prices that they look at, and what was asked under which key. */
export interface Floor extends Lines {
  readonly broker: Broker;
  readonly told: Told;
  readonly requests: Map<ClientOrderId, Request>;
  /** Orders as they were last told, by key. */
  readonly orders: Map<ClientOrderId, Order>;
}

/** How often a change is asked for whose outcome nobody knows. */
const insistence = 4;

const digits = 5;

export class Strategy {
  readonly #floor: Floor;
  readonly #steps: readonly Step[];
  readonly #dice: Dice;
  readonly #id: StrategyId;
  /** What it is doing; undefined when it is done. */
  doing: string | undefined = "nothing yet";

  constructor(floor: Floor, steps: readonly Step[], dice: Dice, id: number) {
    this.#floor = floor;
    this.#steps = steps;
    this.#dice = dice;
    this.#id = id as StrategyId;
  }

  async run(): Promise<void> {
    for (const step of this.#steps) {
      await this.#pause(step.pause);
      this.doing = `${step.kind} ${step.key}`;
      if (step.kind === "clash") await this.#clash(step.key);
      else {
        const request = this.#requestFor(step);
        if (request !== undefined) await this.#insist(step.key, request);
      }
    }
    this.doing = undefined;
  }

  /** What was asked under the key before, or else what the step asks for; nothing where it makes no sense. */
  #requestFor(step: Step): Request | undefined {
    const { requests } = this.#floor;
    const before = requests.get(step.key);
    if (before !== undefined) return before;
    const request = this.#read(step);
    if (request !== undefined) requests.set(step.key, request);
    return request;
  }

  /** Asks until there is an answer. */
  async #insist(key: ClientOrderId, request: Request): Promise<void> {
    const { told, orders } = this.#floor;
    for (let unknown = 0; unknown < insistence; ) {
      const known = told.version(key);
      const answer = await this.#ask(request);
      if (answer instanceof BridgeError) {
        if (answer.fault === "client_order_id_reused") told.wrong.push(`${key}: the same content counts as another`);
        if (answer.fault === "internal") told.wrong.push(`${key}: ${answer.message}: ${String(answer.cause)}`);
        if (answer.fault === "terminal_silent") unknown += 1;
        else if (isFinal(answer.fault)) {
          told.end(key, answer.fault);
          return;
        }
      } else if (answer !== "none") {
        if (request.order && answer !== undefined) {
          told.answer(key, answer, known);
          orders.set(key, answer);
        } else told.end(key, "done");
        return;
      }
      await this.#pause(this.#dice.between(50, 400));
    }
  }

  /** The key with other content: refused, whatever happens, once the key is taken. */
  async #clash(key: ClientOrderId): Promise<void> {
    const { told, orders } = this.#floor;
    if (!orders.has(key)) return;
    const place = (account: Account, caller: Caller) =>
      placeOrder(account.desk, this.#other(key), { waitFor: "answered", notAfter: undefined }, caller);
    for (;;) {
      const answer = await this.#ask({ order: true, ask: async (...call) => (await place(...call)).order });
      if (answer instanceof BridgeError && answer.fault === "client_order_id_reused") return;
      if (answer !== "none" && !(answer instanceof BridgeError)) {
        told.wrong.push(`${key}: taken twice, with other content`);
        return;
      }
      if (answer instanceof BridgeError && isFinal(answer.fault)) {
        told.wrong.push(`${key}: ${answer.fault} for other content`);
        return;
      }
      await this.#pause(this.#dice.between(50, 400));
    }
  }

  #ask(request: Request): Promise<Order | BridgeError | undefined | "none"> {
    return call(this.#floor, this.#dice, (account, caller) => request.ask(account, caller));
  }

  #read(step: Step): Request | undefined {
    const { key } = step;
    const caller = { strategyId: this.#id, comment: "" };
    switch (step.kind) {
      case "place": {
        const draft = this.#draft(step);
        const timing = { waitFor: step.waitFor, notAfter: undefined };
        return { order: true, ask: async ({ desk }, who) => (await placeOrder(desk, draft, timing, who)).order };
      }
      case "cancel":
        this.#floor.told.ask(`cancel ${step.of}`, key);
        return this.#change(async (account, who) => {
          await cancelOrder(account.desk, key, { by: "client_order_id", value: step.of }, who);
        });
      case "modify": {
        const price = this.#floor.orders.get(step.of)?.price;
        if (price === undefined) return undefined;
        this.#floor.told.ask(`modify ${step.of}`, key);
        const change = { ...nothing, price: toPrice(price, digits) + step.by / 10 ** digits };
        return this.#change(async (account, who) => {
          await modifyOrder(account.desk, key, { by: "client_order_id", value: step.of }, change, who);
        });
      }
      case "protect": {
        const [ticket, order] = this.#positionOf(step.of);
        if (ticket === undefined || order === undefined) return undefined;
        this.#floor.told.ask(`modify_position ${ticket}`, key);
        const away = (order.side === "buy" ? -1 : 1) * step.distance;
        const stopLoss = this.#price(order.symbol, order.side as Side, away); // its own order: it said which
        return this.#change(async (account, who) => {
          await modifyPosition(account.desk, key, ticket, { stopLoss, takeProfit: undefined }, who);
        });
      }
      case "close": {
        const [position, order] = this.#positionOf(step.of);
        if (position === undefined || order === undefined) return undefined;
        const volume = step.part ? toLots(order.filled as Volume) / 2 : undefined;
        const rounded = volume === undefined ? undefined : Math.max(0.01, Math.round(volume * 100) / 100);
        const draft = { ...caller, clientOrderId: key, position, volume: rounded, price: undefined };
        const close = { ...draft, filling: "auto", deviation: 0 } as const;
        return { order: true, ask: async ({ desk }, who) => (await closePosition(desk, close, answered, who)).order };
      }
      case "close_by": {
        const [position] = this.#positionOf(step.of);
        const [opposite] = this.#positionOf(step.by);
        if (position === undefined || opposite === undefined || position === opposite) return undefined;
        const draft = { ...caller, clientOrderId: key, position, opposite };
        return { order: true, ask: async ({ desk }, who) => (await closeBy(desk, draft, answered, who)).order };
      }
      default:
        return undefined;
    }
  }

  #change(ask: (account: Account, caller: Caller) => Promise<void>): Request {
    return { order: false, ask: (account, caller) => ask(account, caller).then(() => undefined) };
  }

  #positionOf(key: ClientOrderId): [Ticket | undefined, Order | undefined] {
    const order = this.#floor.orders.get(key);
    return [order?.position, order];
  }

  #draft(step: Extract<Step, { kind: "place" }>): OrderDraft {
    const { symbol, side, type, distance, stops } = step;
    const up = side === "buy" ? 1 : -1;
    const away = type === "limit" ? -up * distance : up * distance;
    const price = type === "market" ? undefined : this.#price(symbol, side, away);
    const limit = type === "stop_limit" ? this.#price(symbol, side, away - up * 5) : undefined;
    const base = away - (type === "stop_limit" ? up * 5 : 0);
    const around = type === "market" ? 0 : base;
    return {
      account: this.#floor.broker.account.alias,
      clientOrderId: step.key,
      strategyId: this.#id,
      symbol,
      side,
      type,
      volume: step.lots,
      price,
      stopLimitPrice: limit,
      stopLoss: stops && this.#price(symbol, side, around - up * (stops[0] + 10)),
      takeProfit: stops && this.#price(symbol, side, around + up * (stops[1] + 10)),
      filling: type === "market" ? step.filling : "auto",
      timeInForce: step.lifetime === undefined ? "gtc" : "specified",
      expireTime: step.lifetime === undefined ? undefined : ((this.#floor.world.instant + step.lifetime) as Instant),
      deviation: 0,
      comment: "",
      position: undefined,
    };
  }

  #other(key: ClientOrderId): OrderDraft {
    const place = { kind: "place", key, pause: 0, symbol: "EURUSD", side: "buy", type: "market", lots: 0.07 } as const;
    const rest = { distance: 0, stops: undefined, filling: "auto", lifetime: undefined, waitFor: "answered" } as const;
    return this.#draft({ ...place, ...rest });
  }

  #price(symbol: string, side: "buy" | "sell", away: number): number {
    return (this.#floor.broker.price(symbol, side) + away) / 10 ** digits;
  }

  #pause(ms: number): Promise<void> {
    const { world } = this.#floor;
    return new Promise((resolve) => void world.after(ms, world.outside, resolve));
  }
}

const answered = { waitFor: "answered", notAfter: undefined } as const;

const nothing = {
  price: undefined,
  stopLimitPrice: undefined,
  stopLoss: undefined,
  takeProfit: undefined,
  timeInForce: undefined,
  expireTime: undefined,
};

/** Whether asking again with the same key is of no use. */
function isFinal(fault: Fault): boolean {
  return faults[fault].retry === "never" || faults[fault].retry === "with_new_key";
}
