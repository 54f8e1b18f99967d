/**
 * A terminal with a small broker of its own, whose answers are the test's to choose.
 *
 * What it is asked happens or not, is answered at once, late or never, and is reported
 * when the test says so. Its books are the truth that the bridge has to find out.
 */

import { BridgeError } from "../../src/core/errors.ts";
import type { AccountInfo, Valuation } from "../../src/core/model/account.ts";
import { toBrokerTime } from "../../src/core/model/broker-clock.ts";
import type { Deal } from "../../src/core/model/deal.ts";
import { fine, type Money, type Price, type Volume } from "../../src/core/model/decimals.ts";
import { type BrokerTime, type Instant, type Magic, type Ticket, ticket } from "../../src/core/model/ids.ts";
import type { NumberedOrder, OrderChange, Reason, Side, Stops, TerminalOrder } from "../../src/core/model/order.ts";
import type { Position } from "../../src/core/model/position.ts";
import type { Unnamed } from "../../src/core/model/unnamed.ts";
import type { Approved } from "../../src/core/orders/risk.ts";
import type {
  AccountSnapshot,
  CheckResult,
  Outcome,
  TerminalPort,
  TerminalReport,
} from "../../src/core/ports/terminal.ts";
import { demo, eurusd } from "../terminals/paper/builders.ts";

/**
 * - `done`: it happens and is answered.
 * - `late`: it happens; the answer comes with `answerLate`.
 * - `lost`: it never arrives, and no answer comes.
 * - `offline`: the terminal says that it could not send it.
 * - a number: the broker refuses with that code.
 * - `empty`: it happens, and the answer names neither orders nor deals.
 */
export type Behaviour = "done" | "late" | "lost" | "offline" | "empty" | number;

export const worth = (balance = 1_000_000): Valuation => ({
  time: 0 as Instant,
  balance: balance as Money,
  credit: 0 as Money,
  profit: 0 as Money,
  equity: balance as Money,
  margin: 0 as Money,
  freeMargin: balance as Money,
  marginLevel: 0,
  marginCall: false,
  positions: [],
});

const price = 110_000 as Price;
const never = new Promise<never>(() => undefined);

export class ScriptedTerminal implements TerminalPort {
  account: AccountInfo = demo;
  readonly symbols = [eurusd];
  /** How the next commands behave, first come first; all others are `done`. */
  script: Behaviour[] = [];
  /** Whether its history is whole. */
  complete = true;
  /** What has happened and was not reported yet. */
  unreported: TerminalReport[] = [];
  readonly submitted: NumberedOrder[] = [];
  readonly asked: string[] = [];
  snapshots = 0;
  readonly open = new Map<Ticket, TerminalOrder>();
  readonly past = new Map<Ticket, TerminalOrder>();
  readonly deals: Deal[] = [];
  readonly positions = new Map<Ticket, Position>();
  /** Called when a command arrives, before anything else; what it throws, the command throws. */
  onCommand: (order: NumberedOrder | undefined, what: "submit" | "modify" | "cancel" | "stops") => void = () =>
    undefined;
  /** Called when a snapshot has been made; it leaves when this is over. */
  onSnapshot: () => void | Promise<void> = () => undefined;
  #next = 1000;
  #late: (() => void)[] = [];
  #told: (() => void) | undefined;

  brokerTime(at: Instant): BrokerTime {
    return toBrokerTime(at);
  }

  submit(order: Approved<NumberedOrder>, _signal?: AbortSignal): Promise<Outcome> {
    this.onCommand(order, "submit");
    this.submitted.push(order);
    return this.#behave(() => this.execute(order));
  }

  modify(number: Ticket, change: OrderChange): Promise<Outcome> {
    this.onCommand(undefined, "modify");
    this.asked.push(`modify ${number}`);
    return this.#behave(() => {
      const before = this.open.get(number);
      if (before === undefined) return refused(10013);
      const { stopLoss: _loss, takeProfit: _profit, expireTime: _time, ...rest } = before;
      return done([this.#put({ ...rest, ...change })]);
    });
  }

  cancel(number: Ticket): Promise<Outcome> {
    this.onCommand(undefined, "cancel");
    this.asked.push(`cancel ${number}`);
    return this.#behave(() => (this.open.has(number) ? done([this.end(number, "canceled")]) : refused(10013)));
  }

  modifyPosition(number: Ticket, stops: Stops): Promise<Outcome> {
    this.onCommand(undefined, "stops");
    this.asked.push(`modify position ${number}`);
    return this.#behave(() => {
      const position = this.positions.get(number);
      if (position === undefined) return refused(10036);
      const { stopLoss: _loss, takeProfit: _profit, ...rest } = position;
      this.#hold({ ...rest, ...stops });
      return done([]);
    });
  }

  async check(): Promise<CheckResult> {
    const none = 0 as Money;
    return {
      retcode: 0,
      message: "",
      marginNeeded: none,
      margin: none,
      equity: none,
      freeMargin: none,
      marginLevel: 0,
    };
  }

  async snapshot(): Promise<AccountSnapshot> {
    this.snapshots += 1;
    const [mode] = this.script;
    if (mode === "offline") {
      this.script.shift();
      throw new BridgeError("terminal_offline", "no link");
    }
    const books = {
      valuation: worth(),
      orders: [...this.open.values()],
      positions: [...this.positions.values()],
      pastOrders: [...this.past.values()],
      deals: [...this.deals],
      completeUntil: (this.complete ? Number.MAX_SAFE_INTEGER : 0) as Instant,
    };
    await this.onSnapshot();
    return books;
  }

  async *reports(signal: AbortSignal): AsyncGenerator<TerminalReport, void> {
    signal.addEventListener("abort", () => this.#told?.());
    while (!signal.aborted) {
      const report = this.unreported.shift();
      if (report !== undefined) yield report;
      else {
        await new Promise<void>((told) => {
          this.#told = told;
        });
      }
    }
  }

  report(...reports: TerminalReport[]): void {
    this.unreported.push(...reports);
    this.#told?.();
  }

  answerLate(): void {
    for (const answer of this.#late.splice(0)) answer();
  }

  /** The broker takes an order: at once to the full, or to rest. */
  execute({ magic, request }: NumberedOrder): Outcome {
    const { symbol, side, volume, timeInForce, comment, position } = request;
    // A position is closed as far as it is open, and no farther.
    const held = position === undefined ? undefined : this.positions.get(position);
    if (position !== undefined && held === undefined) return refused(10036);
    if (held !== undefined && volume > held.volume) return refused(10038);
    const order = this.#put({
      ...{
        ticket: this.#ticket(),
        symbol,
        side,
        type: request.positionBy ? "close_by" : request.type,
        state: "placed",
        reason: "expert",
        magic,
        volume,
      },
      ...{ remaining: volume, filling: "fok", timeInForce, setupTime: 0 as Instant, comment },
      ...(request.price === undefined ? {} : { price: request.price }),
      ...(request.stopLimitPrice === undefined ? {} : { stopLimitPrice: request.stopLimitPrice }),
      ...(request.stopLoss === undefined ? {} : { stopLoss: request.stopLoss }),
      ...(request.takeProfit === undefined ? {} : { takeProfit: request.takeProfit }),
      ...(position === undefined ? {} : { position }),
    });
    return request.type === "market" ? this.fill(order.ticket) : done([order]);
  }

  /** Fills a resting order, wholly or in part. */
  fill(number: Ticket, part?: Volume): Outcome {
    const order = this.open.get(number);
    if (order === undefined) throw new Error(`no order ${number}`);
    const volume = part ?? order.remaining;
    const remaining = (order.remaining - volume) as Volume;
    const held = order.position ?? this.#netted(order.symbol) ?? number;
    const deal: Deal = {
      ...{
        ticket: this.#ticket(),
        order: number,
        position: this.positions.get(held)?.identifier ?? held,
        symbol: order.symbol,
        type: order.side,
      },
      ...{
        entry: entryOf(this.positions.get(held), order.side, volume),
        reason: order.reason,
        magic: order.magic,
        volume,
        price,
      },
      ...{
        profit: 0 as Money,
        swap: 0 as Money,
        commission: 0 as Money,
        fee: 0 as Money,
        time: 0 as Instant,
        comment: "",
      },
    };
    this.deals.push(deal);
    this.report({ type: "deal", deal });
    if (remaining > 0) this.#put({ ...order, remaining, state: "partial" });
    else this.end(number, "filled");
    this.#move(number, held, order, volume);
    const left = this.open.get(number) ?? this.past.get(number);
    return done(left === undefined ? [] : [left], [deal]);
  }

  /** A netting account has one position of a symbol. */
  #netted(symbol: string): Ticket | undefined {
    if (this.account.marginMode !== "netting") return undefined;
    return [...this.positions.values()].find((position) => position.symbol === symbol)?.ticket;
  }

  end(number: Ticket, state: "canceled" | "expired" | "rejected" | "filled"): TerminalOrder {
    const order = this.open.get(number);
    if (order === undefined) throw new Error(`no order ${number}`);
    const ended = {
      ...order,
      state,
      remaining: state === "filled" ? (0 as Volume) : order.remaining,
      doneTime: 0 as Instant,
    };
    this.open.delete(number);
    this.past.set(number, ended);
    this.report({ type: "order", order: ended });
    return ended;
  }

  /** The broker's own order, or one that somebody placed by hand. */
  foreign(side: Side, volume: Volume, reason: Reason | Unnamed, magic = 0n, position?: Ticket): Ticket {
    const order = this.#put({
      ...{
        ticket: this.#ticket(),
        symbol: "EURUSD",
        side,
        type: "market",
        state: "placed",
        reason,
        magic: magic as Magic,
      },
      ...{ volume, remaining: volume, filling: "fok", timeInForce: "gtc", setupTime: 0 as Instant, comment: "" },
      ...(position === undefined ? {} : { position }),
    });
    this.fill(order.ticket);
    return order.ticket;
  }

  async #behave(act: () => Outcome): Promise<Outcome> {
    const behaviour = this.script.shift() ?? "done";
    if (behaviour === "offline") throw new BridgeError("terminal_offline", "no link");
    if (behaviour === "lost") return never;
    if (typeof behaviour === "number") return refused(behaviour);
    const outcome = act();
    if (behaviour === "late") await new Promise<void>((answer) => this.#late.push(answer));
    return behaviour === "empty" && outcome.kind === "done" ? done([]) : outcome;
  }

  #put(order: TerminalOrder): TerminalOrder {
    this.open.set(order.ticket, order);
    this.report({ type: "order", order });
    return order;
  }

  #move(number: Ticket, held: Ticket, { side, symbol, magic, reason }: TerminalOrder, volume: Volume): void {
    const before = this.positions.get(held);
    const signed = before !== undefined && before.side !== side ? -volume : volume;
    const left = (before?.volume ?? 0) + signed;
    if (before !== undefined && left <= 0) {
      this.positions.delete(held);
      this.report({ type: "position_closed", position: before });
      // More than was open: turned round, under a new ticket.
      if (left < 0) this.#hold({ ...before, ticket: number, side, volume: -left as Volume });
      return;
    }
    const time = 0 as Instant;
    const born = {
      ticket: held,
      identifier: held,
      symbol,
      side,
      openPrice: fine(price),
      swap: 0 as Money,
      magic,
      reason,
    };
    this.#hold({ ...(before ?? { ...born, openTime: time, updateTime: time, comment: "" }), volume: left as Volume });
  }

  #hold(position: Position): void {
    this.positions.set(position.ticket, position);
    this.report({ type: "position", position });
  }

  #ticket(): Ticket {
    return ticket(this.#next++);
  }
}

const done = (orders: readonly TerminalOrder[], deals: readonly Deal[] = []): Outcome => ({
  ...{ kind: "done", retcode: 10009, orders, deals },
});

const refused = (retcode: number): Outcome => ({ kind: "refused", retcode, message: `refused with ${retcode}` });

export function nettingTerminal(): ScriptedTerminal {
  const terminal = new ScriptedTerminal();
  terminal.account = { ...demo, marginMode: "netting" };
  return terminal;
}

function entryOf(position: Position | undefined, side: Position["side"], volume: Volume): Deal["entry"] {
  if (position === undefined || position.side === side) return "in";
  return volume > position.volume ? "inout" : "out";
}
