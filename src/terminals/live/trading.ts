/**
 * Orders and changes at a live terminal: asked for, and answered with what its records show.
 *
 * An answer names tickets. What they stand for comes as reports of its own, so an answer
 * waits for them a little; when they stay away it is doubt, which the records settle.
 */
import { create } from "@bufbuild/protobuf";
import { TradeRequestSchema } from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { BridgeError } from "../../core/errors.ts";
import type { Deal } from "../../core/model/deal.ts";
import { roundHalfAway } from "../../core/model/decimals.ts";
import type { AccountAlias, Magic, Ticket } from "../../core/model/ids.ts";
import type { NumberedOrder, OrderChange, OrderRequest, Stops, TerminalOrder } from "../../core/model/order.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import type { Clock } from "../../core/ports/clock.ts";
import type { Observer } from "../../core/ports/observer.ts";
import type { CheckResult, Outcome } from "../../core/ports/terminal.ts";
import type { BrokerZone } from "./broker-zone.ts";
import type { Catalog } from "./catalog.ts";
import { type Action, type Answered, unanswered } from "./commands.ts";
import type { Link } from "./link.ts";
import { refusalIn } from "./outcome.ts";
import { canceled, modified, restopped, submitted, type Traded, type WireRequest } from "./requests.ts";
import { isOver, type Shown } from "./shown.ts";
import { workOf } from "./work.ts";

/** So long (ms) the records of what the broker has answered may take to be told. */
const recordsWithin = 2000;
/** Accepted, and no more. */
const PLACED = 10008;

export interface TradingParts {
  readonly alias: AccountAlias;
  readonly link: Link;
  readonly shown: Shown;
  readonly zone: BrokerZone;
  /** What is known of the terminal; throws when nothing is. */
  readonly catalog: () => Catalog;
  readonly clock: Clock;
  readonly stopwatch: () => number;
  readonly observer: Observer;
}

type TradeCase = Exclude<Extract<Action["case"], "submit" | "modify" | "cancel" | "stops">, undefined>;

interface Found {
  readonly orders: readonly TerminalOrder[];
  readonly deals: readonly Deal[];
}

export class Trading {
  readonly #parts: TradingParts;

  constructor(parts: TradingParts) {
    this.#parts = parts;
  }

  async submit({ request, magic, traceparent }: NumberedOrder, signal: AbortSignal): Promise<Outcome> {
    const traded = this.#tradable(request.symbol);
    const asked = submitted(request, magic, traded, this.#parts.zone);
    if ("refusal" in asked) return { kind: "refused", retcode: 10030, message: asked.refusal };
    const answered = await this.#trade("submit", asked.request, signal, traceparent);
    const { retcode, order } = answered.result;
    const isWhole = wholeness(request, retcode);
    return this.#outcome(answered, traded.spec, () => this.#recordsOf(order as Ticket, isWhole));
  }

  async modify(ticket: Ticket, change: OrderChange, signal: AbortSignal): Promise<Outcome> {
    const order = this.#parts.shown.order(ticket);
    if (order === undefined) return neverShown(`order ${ticket}`);
    const traded = this.#tradable(order.symbol);
    const answered = await this.#trade("modify", modified(order, change, traded, this.#parts.zone), signal);
    return this.#outcome(answered, traded.spec, () => this.#asItIsNow(order, (now) => changed(now, change)));
  }

  async cancel(ticket: Ticket, signal: AbortSignal): Promise<Outcome> {
    const order = this.#parts.shown.order(ticket);
    const answered = await this.#trade("cancel", canceled(ticket), signal);
    const spec = order && this.#parts.catalog().traded(order.symbol)?.spec;
    return this.#outcome(answered, spec, () =>
      order === undefined ? nothing : this.#asItIsNow(order, (now) => ({ ...now, state: "canceled" })),
    );
  }

  async modifyPosition(ticket: Ticket, stops: Stops, signal: AbortSignal): Promise<Outcome> {
    const position = this.#parts.shown.position(ticket);
    if (position === undefined) return neverShown(`position ${ticket}`);
    const traded = this.#tradable(position.symbol);
    const answered = await this.#trade("stops", restopped(position, stops, traded), signal);
    return this.#outcome(answered, traded.spec, () => nothing);
  }

  async check(order: OrderRequest, signal: AbortSignal): Promise<CheckResult> {
    mustBeWanted(signal);
    const asked = submitted(order, 0n as Magic, this.#tradable(order.symbol), this.#parts.zone);
    if ("refusal" in asked) throw new BridgeError("not_supported", asked.refusal);
    const value = create(TradeRequestSchema, asked.request);
    const { answer, message } = (await this.#parts.link.ask({ case: "check", value }, { isTrade: false })).result;
    if (answer.case !== "check") throw unanswered("the order was not checked", message);
    const { retcode, comment, margin, equity, marginFree, marginLevel, marginNeeded } = answer.value;
    const { records } = this.#parts.catalog();
    return {
      retcode,
      message: comment,
      marginNeeded: records.money(marginNeeded),
      margin: records.money(margin),
      equity: records.money(equity),
      freeMargin: records.money(marginFree),
      marginLevel: roundHalfAway(marginLevel, 2),
    };
  }

  #trade(kind: TradeCase, request: WireRequest, signal: AbortSignal, traceparent = ""): Promise<Answered> {
    mustBeWanted(signal);
    const value = create(TradeRequestSchema, request);
    return this.#parts.link.ask({ case: kind, value }, { isTrade: true, traceparent });
  }

  #tradable(symbol: string): Traded {
    const traded = this.#parts.catalog().traded(symbol);
    if (traded !== undefined) return traded;
    throw new BridgeError("terminal_offline", `${symbol} was not known when the bridge started; nothing was sent`);
  }

  async #outcome(
    answered: Answered,
    spec: SymbolSpec | undefined,
    find: () => Found | Promise<Found>,
  ): Promise<Outcome> {
    const refused = refusalIn(answered.result, spec);
    const found = refused === undefined ? await find() : nothing;
    const work = this.#work(answered);
    return refused === undefined
      ? { kind: "done", retcode: answered.result.retcode, ...found, work }
      : { ...refused, work };
  }

  #work({ result: { stamps }, sent, here }: Answered): NonNullable<Outcome["work"]> {
    const { link, stopwatch } = this.#parts;
    const told = {
      received: Number(stamps?.receivedUs ?? 0n),
      beforeSend: Number(stamps?.beforeSendUs ?? 0n),
      afterSend: Number(stamps?.afterSendUs ?? 0n),
      answered: Number(stamps?.answeredUs ?? 0n),
      reported: Number(stamps?.reportedUs ?? 0n),
    };
    return workOf(told, link.far, sent, here, stopwatch());
  }

  /** What the order was when the terminal last showed it, with what was done to it now, unless it was over first. */
  #asItIsNow(before: TerminalOrder, done: (order: TerminalOrder) => TerminalOrder): Found {
    const now = this.#parts.shown.order(before.ticket) ?? before;
    return { orders: [isOver(now) ? now : done(now)], deals: [] };
  }

  /** The order and its deals, once they are all told. Throws when they stay away. */
  async #recordsOf(ticket: Ticket, isWhole: (order: TerminalOrder, deals: readonly Deal[]) => boolean): Promise<Found> {
    const { shown, clock } = this.#parts;
    const find = (): Found | undefined => {
      const order = shown.order(ticket);
      const deals = shown.dealsOf(ticket);
      return order !== undefined && isWhole(order, deals) ? { orders: [order], deals } : undefined;
    };
    const found =
      find() ??
      (await new Promise<Found | undefined>((resolve) => {
        const end = (found: Found | undefined) => {
          unwatch();
          callOff();
          resolve(found);
        };
        const callOff = clock.after(recordsWithin, () => end(undefined));
        const unwatch = shown.watch(() => {
          const found = find();
          if (found !== undefined) end(found);
        });
      }));
    if (found !== undefined) return found;
    throw new BridgeError("terminal_silent", `the broker took order ${ticket}, which the terminal does not show yet`);
  }
}

const nothing: Found = { orders: [], deals: [] };

/** Whether all is told of an order that the broker has answered so: closing by makes a deal on either position. */
function wholeness({ type, positionBy }: OrderRequest, retcode: number) {
  const rests = type !== "market" || retcode === PLACED;
  const sides = positionBy === undefined ? 1 : 2;
  return (order: TerminalOrder, deals: readonly Deal[]): boolean => {
    const filled = order.volume - order.remaining;
    const dealt = deals.reduce((sum, { volume }) => sum + volume, 0);
    const begun = rests ? order.state !== "started" : filled > 0 || isOver(order);
    return begun && dealt >= filled * sides;
  };
}

/** A change replaces all that can be changed. */
function changed(order: TerminalOrder, change: OrderChange): TerminalOrder {
  const { stopLimitPrice: _limit, stopLoss: _loss, takeProfit: _profit, expireTime: _end, ...kept } = order;
  return { ...kept, ...change };
}

const neverShown = (what: string): Outcome => ({
  ...{ kind: "refused", retcode: 0, message: `the terminal has not shown ${what}; nothing was sent` },
});

export function mustBeWanted(signal: AbortSignal): void {
  if (signal.aborted) throw new BridgeError("canceled", "given up before it was sent; nothing was sent");
}
