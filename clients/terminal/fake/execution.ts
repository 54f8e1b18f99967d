/** Commands, carried out by the terminal, and what each came to as the link tells it. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Command,
  type CommandResult,
  CommandResultSchema,
  CommandStatus,
  type Symbol as LinkSymbol,
  type SnapshotSchema,
  StampsSchema,
  type SubscribeSymbols,
  type TickHistoryRequest,
  type TradeRequest,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { BridgeError } from "../../../src/core/errors.ts";
import { toLots, toPrice } from "../../../src/core/model/decimals.ts";
import type { BrokerTime, Instant, Ticket } from "../../../src/core/model/ids.ts";
import type { NumberedOrder, Side } from "../../../src/core/model/order.ts";
import type { SymbolSpec } from "../../../src/core/model/symbol.ts";
import type { Unnamed } from "../../../src/core/model/unnamed.ts";
import type { Approved } from "../../../src/core/orders/risk.ts";
import type { Clock } from "../../../src/core/ports/clock.ts";
import type { AccountSnapshot, Outcome, TerminalPort, TerminalReport } from "../../../src/core/ports/terminal.ts";
import { changeOf, orderOf, type Reading, stopsOf } from "./asked.ts";
import { type Manner, mannerOf } from "./manners.ts";
import type { TickMemory } from "./memory.ts";
import type { Writing } from "./written.ts";

/** A result without its command's id and the moment of its telling. */
export type Part = CommandResult;
type Fields = Extract<MessageInitShape<typeof CommandResultSchema>, { readonly $typeName?: never }>;

/** What the terminal's side of the link is around. */
export interface Desk {
  readonly terminal: TerminalPort;
  readonly writing: Writing;
  readonly memory: TickMemory;
  readonly clock: Clock;
  /** The monotonic clock, in µs. */
  micros(): bigint;
  utc(broker: BrokerTime): Instant;
  /** How long the broker may take to answer, in ms. */
  readonly patienceMs: number;
  /** How the broker behaves towards its n-th order. */
  manner(place: number): Manner | undefined;
}

/** Things in one part of a snapshot, ticks in one of history: well within a frame. */
const inAPart = { things: 1000, ticks: 10_000, symbols: 200 } as const;
const INVALID = 10013;
const never = new AbortController().signal;

export class Execution {
  /** The symbols whose ticks are wanted. */
  readonly wanted = new Set<string>();
  readonly #desk: Desk;
  readonly #specs: ReadonlyMap<string, SymbolSpec>;
  readonly #reading: Reading;
  /** What is open, as far as a request has to be read by it. */
  #positions = new Map<Ticket, { readonly symbol: string; readonly side: Side | Unnamed }>();
  readonly #pendings = new Map<Ticket, string>();
  #orders = 0;
  /** Requests that the broker has, or may yet get, and has not answered. */
  #underWay = 0;

  constructor(desk: Desk) {
    const { terminal } = desk;
    this.#desk = desk;
    this.#specs = new Map(terminal.symbols.map((spec) => [spec.name, spec]));
    this.#reading = {
      account: terminal.account.alias,
      digits: (symbol) => this.#specs.get(symbol)?.digits ?? 5,
      closingSide: (position) => (this.#positions.get(position)?.side === "buy" ? "sell" : "buy"),
      utc: desk.utc,
    };
  }

  symbolOf(position: Ticket): string {
    return this.#positions.get(position)?.symbol ?? "";
  }

  /** Follows what is open by what the terminal reports. */
  follow(report: TerminalReport): void {
    if (report.type === "position") this.#positions.set(report.position.ticket, report.position);
    else if (report.type === "position_closed") this.#positions.delete(report.position.ticket);
    else if (report.type === "order" && report.order.doneTime === undefined) {
      this.#pendings.set(report.order.ticket, report.order.symbol);
    } else if (report.type === "order") this.#pendings.delete(report.order.ticket);
  }

  /** The command's results in order; all but the last have `more`. `last` tells the number of the newest report. */
  async carryOut({ id, action }: Command, received: bigint, last: () => bigint): Promise<readonly Part[]> {
    switch (action.case) {
      case "submit":
      case "modify":
      case "cancel":
      case "stops":
        return [await this.#trade(id, action.case, action.value, received)];
      case "check":
        return [await this.#check(id, action.value)];
      case "subscribe":
        return [this.#subscribe(action.value)];
      case "snapshot":
        return await this.#snapshot(Number(action.value.sinceMs), last());
      case "ticks":
        return this.#ticks(action.value);
      case "bars": {
        const { symbol, timeframe, fromMs, toMs, maxCount } = action.value;
        const bars = this.#desk.memory.bars(symbol, timeframe, Number(fromMs), Number(toMs), maxCount);
        if (bars === undefined) return [unsupported(`it has no bars of timeframe ${timeframe}`)];
        return [answered({ answer: { case: "bars", value: bars } })];
      }
      case "symbols":
        return this.#symbols(action.value.symbols);
      case "logIn":
        return [answered({})]; // whoever it names was found to be logged in
      default:
        return [unsupported("it asks for what this side cannot do")];
    }
  }

  async #trade(id: string, kind: Kind, request: TradeRequest, received: bigint): Promise<Part> {
    const { micros } = this.#desk;
    const stamps = { receivedUs: received, beforeSendUs: micros(), afterSendUs: 0n, answeredUs: 0n };
    const answer = this.#send(id, kind, request);
    stamps.afterSendUs = micros();
    const part = await this.#patiently(answer);
    if (part.status === CommandStatus.ANSWERED) stamps.answeredUs = micros();
    part.stamps = create(StampsSchema, stamps);
    return part;
  }

  async #send(id: string, kind: Kind, request: TradeRequest): Promise<Part> {
    const manner = kind === "submit" ? (mannerOf(request.comment) ?? this.#desk.manner(++this.#orders)) : undefined;
    if (manner?.kind === "silent") return await new Promise<never>(() => undefined);
    if (manner?.kind === "retcode") return answered({ retcode: manner.retcode, comment: "as it was told to answer" });
    try {
      this.#underWay++;
      const outcome = await this.#ask(id, kind, request).finally(() => this.#underWay--);
      if (manner?.kind === "slow") await this.#desk.clock.sleep(manner.ms);
      return this.#told(outcome, request.symbol);
    } catch (error) {
      return unclear(error);
    }
  }

  #ask(id: string, kind: Kind, request: TradeRequest): Promise<Outcome> {
    const { terminal } = this.#desk;
    switch (kind) {
      case "submit": {
        const order = orderOf(id, request, this.#reading);
        if (order === undefined) return Promise.resolve(malformed);
        return terminal.submit(order as Approved<NumberedOrder>, never); // approved by the bridge, where it is live
      }
      case "modify": {
        const symbol = this.#pendings.get(request.order as Ticket) ?? request.symbol;
        const change = changeOf(request, symbol, this.#reading);
        return change === undefined
          ? Promise.resolve(malformed)
          : terminal.modify(request.order as Ticket, change, never);
      }
      case "cancel":
        return terminal.cancel(request.order as Ticket, never);
      case "stops": {
        const symbol = this.#positions.get(request.position as Ticket)?.symbol ?? request.symbol;
        return terminal.modifyPosition(request.position as Ticket, stopsOf(request, symbol, this.#reading), never);
      }
    }
  }

  async #patiently(answer: Promise<Part>): Promise<Part> {
    const { clock, patienceMs } = this.#desk;
    return await new Promise((resolve) => {
      const message = `the broker has not answered within ${patienceMs} ms`;
      const callOff = clock.after(patienceMs, () => resolve(part({ status: CommandStatus.UNANSWERED, message })));
      void answer.then((known) => {
        callOff();
        resolve(known);
      });
    });
  }

  #told(outcome: Outcome, symbol: string): Part {
    const digits = this.#specs.get(symbol)?.digits ?? 5;
    if (outcome.kind === "refused") {
      const { retcode, message, quote } = outcome;
      const prices = quote && { bid: toPrice(quote.bid, digits), ask: toPrice(quote.ask, digits) };
      return answered({ retcode, comment: message, ...prices });
    }
    const [order] = outcome.orders;
    const [deal] = outcome.deals;
    const volume = outcome.deals.reduce((sum, each) => sum + each.volume, 0) || (order?.volume ?? 0);
    return answered({
      retcode: outcome.retcode,
      order: order?.ticket ?? 0n,
      deal: deal?.ticket ?? 0n,
      volume: toLots(volume as never),
      price: deal === undefined ? 0 : toPrice(deal.price, this.#specs.get(deal.symbol)?.digits ?? digits),
      comment: "Request executed",
    });
  }

  async #check(id: string, request: TradeRequest): Promise<Part> {
    const { terminal, writing, clock } = this.#desk;
    const order = orderOf(id, request, this.#reading);
    if (order === undefined) return answered({ answer: { case: "check", value: { retcode: INVALID } } });
    const check = await terminal.check(order.request, never);
    const { valuation } = await terminal.snapshot(clock.now(), never);
    const value = {
      retcode: check.retcode,
      balance: writing.money(valuation.balance),
      profit: writing.money(valuation.profit),
      equity: writing.money(check.equity),
      margin: writing.money(check.margin),
      marginFree: writing.money(check.freeMargin),
      marginLevel: check.marginLevel,
      comment: check.message,
      marginNeeded: writing.money(check.marginNeeded),
    };
    return answered({ answer: { case: "check", value } });
  }

  #subscribe({ symbols, afterMs }: SubscribeSymbols): Part {
    this.wanted.clear();
    const unknown = symbols.filter((name) => !this.#specs.has(name));
    for (const name of symbols) if (this.#specs.has(name)) this.wanted.add(name);
    if (afterMs.length !== 0 && afterMs.length !== symbols.length) {
      return unsupported(`${afterMs.length} moments to begin at, for ${symbols.length} symbols`);
    }
    if (unknown.length === 0) return answered({});
    const messages = unknown.map((name) => `the broker has no symbol ${name}`);
    return answered({ answer: { case: "refused", value: { symbols: unknown, messages } } });
  }

  async #snapshot(since: number, through: bigint): Promise<readonly Part[]> {
    const { terminal, writing, utc } = this.#desk;
    const isQuiet = this.#underWay === 0;
    let shot: AccountSnapshot;
    try {
      shot = await terminal.snapshot(since === 0 ? (0 as Instant) : utc(since as BrokerTime), never);
    } catch (error) {
      return [unclear(error)];
    }
    this.#positions = new Map(shot.positions.map((position) => [position.ticket, position]));
    for (const { ticket, symbol } of shot.orders) this.#pendings.set(ticket, symbol);
    const positions = shot.positions.map((position) => writing.position(position));
    const rest = parts({
      orders: shot.orders.map((order) => writing.order(order)),
      pastOrders: shot.pastOrders.map((order) => writing.order(order)),
      deals: shot.deals.map((deal) => writing.deal(deal)),
    });
    const state = writing.state(shot.valuation, (position) => this.symbolOf(position));
    const all: Shot[] = [{ account: state, positions }, ...rest];
    return all.map((value, i) => {
      const isLast = i === all.length - 1;
      const end = isLast ? { complete: isQuiet && shot.completeUntil > 0 } : {};
      const whole = { ...value, ...end, includesReportsThrough: through };
      return answered({ more: !isLast, answer: { case: "snapshot", value: whole } });
    });
  }

  #ticks({ symbol, fromMs, toMs, maxCount }: TickHistoryRequest): readonly Part[] {
    if (!this.#specs.has(symbol)) return [notSent(`the broker has no symbol ${symbol}`, 4301)];
    const results: Part[] = [];
    for (let at = Number(fromMs), left = maxCount; left > 0; ) {
      const ticks = this.#desk.memory.ticks(symbol, at, Number(toMs), Math.min(left, inAPart.ticks));
      if (ticks === undefined) break;
      results.push(answered({ more: true, answer: { case: "ticks", value: ticks } }));
      left -= ticks.symbol.length;
      at = Number(ticks.timeMs.reduce((sum, delta) => sum + delta, 0n)) + 1;
    }
    const end = results.pop() ?? answered({ answer: { case: "ticks", value: { symbols: [symbol] } } });
    end.more = false;
    return [...results, end];
  }

  #symbols(names: readonly string[]): readonly Part[] {
    const found = names.length === 0 ? [...this.#specs.values()] : names.flatMap((name) => this.#specs.get(name) ?? []);
    const unknown = names.filter((name) => !this.#specs.has(name));
    const lists = chunks(
      found.map((spec) => this.#desk.writing.symbol(spec)),
      inAPart.symbols,
    ) as LinkSymbol[][];
    return (lists.length === 0 ? [[]] : lists).map((symbols, i, all) => {
      const isLast = i === all.length - 1;
      return answered({
        more: !isLast,
        answer: { case: "symbols", value: { symbols, unknown: isLast ? unknown : [] } },
      });
    });
  }
}

type Kind = "submit" | "modify" | "cancel" | "stops";
type Shot = MessageInitShape<typeof SnapshotSchema>;

const malformed: Outcome = { kind: "refused", retcode: INVALID, message: "Invalid request" };

export const part = (fields: Fields): Part => create(CommandResultSchema, fields);

const answered = (fields: Fields): Part => part({ ...fields, status: CommandStatus.ANSWERED });
const unsupported = (message: string): Part => part({ status: CommandStatus.UNSUPPORTED, message });
const notSent = (message: string, lastError: number): Part =>
  part({ status: CommandStatus.NOT_SENT, lastError, message });

/** GetLastError of a terminal without a connection to the broker: ERR_TRADE_SEND_FAILED. */
const SEND_FAILED = 4756;

function unclear(error: unknown): Part {
  const message = error instanceof Error ? error.message : String(error);
  const certain = error instanceof BridgeError && error.fault !== "terminal_silent";
  return certain ? notSent(message, SEND_FAILED) : part({ status: CommandStatus.UNANSWERED, message });
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

/** Lists cut so that each part has no more things than go into one. */
function parts(lists: Pick<Shot, "orders" | "pastOrders" | "deals">): Shot[] {
  return Object.entries(lists).flatMap(([name, things]) =>
    chunks(things as readonly unknown[], inAPart.things).map((some) => ({ [name]: some }) as Shot),
  );
}
