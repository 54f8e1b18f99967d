/**
 * The broker: the paper terminal's, with a market that wanders, other people who trade on
 * the account, and a clock of its own that may jump.
 */

import type { AccountInfo } from "../../src/core/model/account.ts";
import { toBrokerTime } from "../../src/core/model/broker-clock.ts";
import { lots, type Money, type Price } from "../../src/core/model/decimals.ts";
import type { ClientOrderId, Instant, Magic, OrderNumber, StrategyId, Ticket } from "../../src/core/model/ids.ts";
import { orderNumberOf } from "../../src/core/model/ids.ts";
import type { NumberedOrder, OrderRequest, Side } from "../../src/core/model/order.ts";
import type { SymbolSpec } from "../../src/core/model/symbol.ts";
import { TickRows } from "../../src/core/model/tick-rows.ts";
import type { AccountSnapshot, CheckResult, Outcome } from "../../src/core/ports/terminal.ts";
import type { LedgerEvent } from "../../src/terminals/paper/books.ts";
import { type Answer, PaperBroker } from "../../src/terminals/paper/broker.ts";
import { inSession } from "../../src/terminals/paper/opening-hours.ts";
import { demo, settingsWith } from "../terminals/paper/builders.ts";
import type { Counts } from "./counts.ts";
import type { Dice } from "./dice.ts";
import type { Command } from "./frames.ts";
import type { Terms } from "./terms.ts";
import type { World } from "./world.ts";

const spread = 10;

export class Broker {
  /** Told of whatever happens, in its order. */
  happened: (events: readonly LedgerEvent[]) => void = () => undefined;
  /** Told of prices. */
  ticked: (ticks: TickRows) => void = () => undefined;
  /** Told when anything may have changed. */
  moved: () => void = () => undefined;
  readonly account: AccountInfo;
  readonly symbols: readonly SymbolSpec[];
  readonly #broker: PaperBroker;
  readonly #world: World;
  readonly #dice: Dice;
  readonly #counts: Counts;
  readonly #bids = new Map<string, number>([
    ["EURUSD", 110_000],
    ["GBPUSD", 125_000],
  ]);
  /** How far the broker's clock is ahead, in milliseconds. */
  #ahead = 0;

  /** Whoever owns the money takes what is free of it when an order is filled in part: the rest finds none. */
  readonly #withdraws: boolean;

  constructor(world: World, dice: Dice, counts: Counts, { marginMode, symbols, withdraws }: Terms) {
    this.#world = world;
    this.#dice = dice;
    this.#counts = counts;
    this.#withdraws = withdraws;
    this.account = { ...demo, marginMode };
    this.symbols = symbols.map((spec) => ({ ...spec, execution: "market", fillingModes: ["fok", "ioc"] }));
    const depth = dice.happens(0.3) ? lots(0.2) : lots(0);
    const initialBalance = dice.pick([300_000, 1_000_000] as const) as Money;
    this.#broker = new PaperBroker(
      {
        ...settingsWith({ settings: { initialBalance, depth, slippage: dice.pick([0, 3]), sessions: true } }),
        account: this.account,
        symbols: this.symbols,
      },
      dice,
    );
    this.#broker.deposit(initialBalance, this.#now);
    this.quote();
  }

  get #now(): Instant {
    return (this.#world.instant + this.#ahead) as Instant;
  }

  get books() {
    return this.#broker.books;
  }

  /** The price in points at which an order of the side deals. */
  price(symbol: string, side: Side): number {
    return (this.#bids.get(symbol) ?? 0) + (side === "buy" ? spread : 0);
  }

  carryOut(command: Command): Outcome {
    const { outcome, events } = this.#act(command);
    this.happened(events);
    this.moved();
    return outcome;
  }

  /** As `carryOut`, and nobody is told. */
  quietly(command: Command): Outcome {
    const { outcome } = this.#act(command);
    this.moved();
    return outcome;
  }

  check(order: OrderRequest): CheckResult {
    return this.#broker.check(order, this.#now);
  }

  /** `asked`: when, by the bridge's clock. */
  snapshot(since: Instant, asked: Instant): AccountSnapshot {
    return this.#broker.snapshot(since, this.#now, asked);
  }

  valuation() {
    return this.#broker.valuation(this.#now);
  }

  /** The prices of now, once more. */
  quote(): void {
    const time = this.#now;
    const when = { time, brokerTime: toBrokerTime(time) };
    const quoted = this.symbols.filter(({ quoteSessions }) => inSession(quoteSessions, toBrokerTime(time)));
    const quotes = quoted.map(({ name: symbol }) => {
      const bid = this.price(symbol, "sell") as Price;
      const ask = this.price(symbol, "buy") as Price;
      return { symbol, ...when, bid, ask, last: 0 as Price, volume: lots(0), flags: 6 };
    });
    const ticks = TickRows.of(quotes);
    this.ticked(ticks);
    for (const { events } of this.#broker.ticks(ticks)) {
      if (events.length === 0) continue;
      for (const event of events) this.#count(event);
      this.happened(events);
      this.moved();
    }
  }

  /** A step of the market. */
  wander(): void {
    for (const [symbol, bid] of this.#bids) this.#bids.set(symbol, bid + this.#dice.between(-12, 12));
    this.quote();
  }

  /** A gap that the weak do not survive. */
  gap(points: number): void {
    for (const [symbol, bid] of this.#bids) this.#bids.set(symbol, bid + points);
    this.quote();
    this.#counts.add("price gap");
  }

  jump(ms: number): void {
    this.#ahead += ms;
    this.#counts.add("server time jump");
    this.wander();
  }

  /** Somebody else does something on the account. */
  meddle(dice: Dice): void {
    const { positions, orders } = this.books;
    const position = dice.pick([...positions.values()]);
    const order = dice.pick([...orders.values()]);
    const symbol = dice.pick(["EURUSD", "GBPUSD"] as const);
    const what = dice.below(6);
    if (what === 0)
      this.#manual("manual deposit", this.#broker.deposit(dice.between(-2000, 5000) as Money, this.#now, "by hand"));
    else if (what === 1 && position !== undefined) {
      const side = position.side === "buy" ? "sell" : "buy";
      const volume = dice.happens(0.5) ? position.volume : lots(0.01);
      this.#manual("manual close", this.#submit({ symbol: position.symbol, side, volume, position: position.ticket }));
    } else if (what === 2 && order !== undefined) {
      this.#manual("manual cancel", this.#broker.cancel(order.ticket, this.#now).events);
    } else if (what === 3 && order !== undefined && order.type !== "stop_limit") {
      const price = ((order.price ?? 0) + dice.between(-20, 20)) as Price;
      const { stopLoss: _loss, takeProfit: _profit, expireTime: _time, ...rest } = order;
      this.#manual(
        "manual change",
        this.#broker.modify(order.ticket, { price, timeInForce: rest.timeInForce }, this.#now).events,
      );
    } else if (what === 4) {
      const side = dice.pick(["buy", "sell"] as const);
      const price = (this.price(symbol, side) + (side === "buy" ? -15 : 15)) as Price;
      this.#manual("manual order", this.#submit({ symbol, side, volume: lots(0.03), type: "limit", price }));
    } else {
      const side = dice.pick(["buy", "sell"] as const);
      this.#manual("manual trade", this.#submit({ symbol, side, volume: lots(0.02) }));
    }
  }

  /** What the market and the time have set off. */
  #count(event: LedgerEvent): void {
    if (event.type === "deal") {
      const { reason } = event.deal;
      if (reason === "stop_out") this.#counts.add("stop-out");
      else if (reason === "stop_loss" || reason === "take_profit") this.#counts.add("stop loss or take profit");
      else this.#counts.add("trigger");
    } else if (event.type === "order") {
      if (event.order.state === "partial") this.#filledInPart();
      if (event.order.state === "rejected" && event.order.remaining < event.order.volume) {
        this.#counts.add("rest of an order rejected");
      }
      if (event.order.state === "expired") this.#counts.add("expiry");
    }
  }

  #filledInPart(): void {
    this.#counts.add("partial fill");
    if (!this.#withdraws) return;
    this.#world.after(1, this.#world.outside, () => {
      const { freeMargin, balance } = this.valuation();
      const free = Math.min(freeMargin, balance);
      if (free > 0) this.#manual("withdrawal", this.#broker.deposit(-free as Money, this.#now, "by hand"));
    });
  }

  #manual(what: string, events: readonly LedgerEvent[]): void {
    if (events.length === 0) return;
    this.#counts.add(what);
    this.#world.note(what);
    this.happened(events);
    this.moved();
  }

  #submit(asked: Partial<OrderRequest> & Pick<OrderRequest, "symbol" | "side" | "volume">): readonly LedgerEvent[] {
    const request: OrderRequest = {
      account: this.account.alias,
      clientOrderId: "" as ClientOrderId,
      strategyId: 0 as StrategyId,
      type: "market",
      filling: "auto",
      timeInForce: "gtc",
      deviation: 0,
      comment: "by hand",
      ...asked,
    };
    return this.#broker.submit({ number: 0 as OrderNumber, magic: 0n as Magic, request }, this.#now).events;
  }

  #act(command: Command): Answer {
    this.#world.note("executed", numberOf(command), () => command.kind);
    const answer = this.#carryOut(command);
    if (answer.outcome.retcode === 10018) this.#counts.add("market closed");
    return answer;
  }

  #carryOut(command: Command): Answer {
    switch (command.kind) {
      case "submit":
        return this.#broker.submit(command.order as NumberedOrder, this.#now);
      case "modify":
        return this.#broker.modify(command.order, command.change, this.#now);
      case "cancel":
        return this.#broker.cancel(command.order, this.#now);
      case "modify_position":
        return this.#broker.modifyPosition(command.position, command.stops, this.#now);
    }
  }
}

const numberOf = (command: Command): number =>
  command.kind === "submit"
    ? orderNumberOf(command.order.magic)
    : Number((command.kind === "modify_position" ? command.position : command.order) as Ticket);
