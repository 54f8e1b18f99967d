/**
 * A terminal's records as the core's: whole numbers, words, and moments of UTC.
 *
 * A record is never refused. A number that has no word here stays the number; what else
 * cannot be expressed is left out, and told once.
 */

import type {
  AccountState,
  Deal as WireDeal,
  Order as WireOrder,
  Position as WirePosition,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { AccountInfo, Valuation } from "../../core/model/account.ts";
import type { Deal } from "../../core/model/deal.ts";
import type { Money, Price } from "../../core/model/decimals.ts";
import type { Instant, Magic, Ticket } from "../../core/model/ids.ts";
import type { Side, TerminalOrder } from "../../core/model/order.ts";
import type { Position } from "../../core/model/position.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import { isUnnamed, type Unnamed, unnamed } from "../../core/model/unnamed.ts";
import type { Observer } from "../../core/ports/observer.ts";
import { brokerMoment, finePriceOf, moneyOf, percentOf, priceOf, volumeOf } from "./amounts.ts";
import type { BrokerZone } from "./broker-zone.ts";
import {
  CLOSE_BY,
  dealEntries,
  dealTypes,
  fillings,
  lifetimes,
  orderStates,
  orderTypePairs,
  positionSides,
  reasons,
} from "./enumerations.ts";
import type { SymbolNames } from "./symbol-names.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** A close by of a position that nobody knows is told as if it had been sold. */
const noPosition = { side: "sell" } as const;

/** Symbols that are asked about, at most. */
const mostStrangers = 256;

export interface RecordsParts {
  readonly account: AccountInfo;
  /** By our names. */
  readonly specs: ReadonlyMap<string, SymbolSpec>;
  readonly names: SymbolNames;
  readonly zone: BrokerZone;
  readonly vocabulary: Vocabulary;
  readonly observer: Observer;
}

export class Records {
  readonly #parts: RecordsParts;
  /** The broker's names of symbols that occur in records and are not known. */
  readonly strangers = new Set<string>();

  constructor(parts: RecordsParts) {
    this.#parts = parts;
  }

  /** `position`: what is known of the position that it closes by another. */
  order(told: WireOrder, position?: Position): TerminalOrder {
    const { vocabulary } = this.#parts;
    const { symbol, level } = this.#priced(told.symbol);
    const { side, type } = this.#kind(told.type, position);
    return {
      ticket: told.ticket as Ticket,
      symbol,
      side,
      type,
      state: vocabulary.word(orderStates, told.state),
      reason: vocabulary.word(reasons, told.reason),
      magic: magic(told.magic),
      volume: volumeOf(told.volumeInitial),
      remaining: volumeOf(told.volumeCurrent),
      ...given("price", level(told.priceOpen)),
      ...given("stopLimitPrice", level(told.priceStopLimit)),
      ...given("stopLoss", level(told.stopLoss)),
      ...given("takeProfit", level(told.takeProfit)),
      filling: vocabulary.word(fillings, told.typeFilling),
      timeInForce: vocabulary.word(lifetimes, told.typeTime),
      ...given("expireTime", this.#moment(told.timeExpiration * 1000n)),
      ...given("position", ticketOf(told.positionId)),
      ...given("positionBy", ticketOf(told.positionById)),
      setupTime: this.#moment(told.timeSetupMs) ?? (0 as Instant),
      ...given("doneTime", this.#moment(told.timeDoneMs)),
      ...given("setupBrokerTime", brokerMoment(Number(told.timeSetupMs))),
      ...given("doneBrokerTime", brokerMoment(Number(told.timeDoneMs))),
      comment: told.comment,
    };
  }

  deal(told: WireDeal): Deal {
    const { vocabulary } = this.#parts;
    const { symbol, digits, level } = this.#priced(told.symbol);
    return {
      ticket: told.ticket as Ticket,
      ...given("order", ticketOf(told.order)),
      ...given("position", ticketOf(told.positionId)),
      symbol,
      type: vocabulary.word(dealTypes, told.type),
      entry: vocabulary.word(dealEntries, told.entry),
      reason: vocabulary.word(reasons, told.reason),
      magic: magic(told.magic),
      volume: volumeOf(told.volume),
      price: priceOf(told.price, digits),
      ...given("stopLoss", level(told.stopLoss)),
      ...given("takeProfit", level(told.takeProfit)),
      profit: this.money(told.profit),
      swap: this.money(told.swap),
      commission: this.money(told.commission),
      fee: this.money(told.fee),
      time: this.#moment(told.timeMs) ?? (0 as Instant),
      ...given("brokerTime", brokerMoment(Number(told.timeMs))),
      comment: told.comment,
    };
  }

  position(told: WirePosition): Position {
    const { vocabulary } = this.#parts;
    const { symbol, digits, level } = this.#priced(told.symbol);
    const openTime = this.#moment(told.timeMs) ?? (0 as Instant);
    return {
      ticket: told.ticket as Ticket,
      identifier: (told.identifier === 0n ? told.ticket : told.identifier) as Ticket,
      symbol,
      side: vocabulary.word(positionSides, told.type),
      volume: volumeOf(told.volume),
      openPrice: finePriceOf(told.priceOpen, digits),
      ...given("stopLoss", level(told.stopLoss)),
      ...given("takeProfit", level(told.takeProfit)),
      swap: this.money(told.swap),
      magic: magic(told.magic),
      reason: vocabulary.word(reasons, told.reason),
      openTime,
      updateTime: this.#moment(told.timeUpdateMs) ?? openTime,
      ...given("openBrokerTime", brokerMoment(Number(told.timeMs))),
      ...given("updateBrokerTime", brokerMoment(Number(told.timeUpdateMs)) ?? brokerMoment(Number(told.timeMs))),
      comment: told.comment,
    };
  }

  /** `symbolOf`: of an open position. What a position is worth counts only where its symbol is known. */
  valuation(told: AccountState, now: Instant, symbolOf: (position: Ticket) => string | undefined): Valuation {
    const { marginCallLevel, stopOutMode } = this.#parts.account;
    const level = percentOf(told.marginLevel);
    const measures = { percent: level, money: percentOf(told.equity) };
    const measure = isUnnamed(stopOutMode) ? Number.POSITIVE_INFINITY : measures[stopOutMode];
    return {
      time: this.#moment(told.timeMs) ?? now,
      balance: this.money(told.balance),
      credit: this.money(told.credit),
      profit: this.money(told.profit),
      equity: this.money(told.equity),
      margin: this.money(told.margin),
      freeMargin: this.money(told.marginFree),
      marginLevel: level,
      marginCall: told.margin > 0 && measure <= marginCallLevel,
      positions: told.positions.flatMap((each) => {
        const position = each.ticket as Ticket;
        const spec = this.#parts.specs.get(symbolOf(position) ?? "");
        if (spec === undefined) return [];
        return [{ position, price: priceOf(each.priceCurrent, spec.digits), profit: this.money(each.profit) }];
      }),
    };
  }

  money(amount: number): Money {
    return moneyOf(amount, this.#parts.account.currencyDigits);
  }

  /** A price of a symbol; undefined when it is not set. */
  level(symbol: string, told: number): Price | undefined {
    return this.#priced(symbol).level(told);
  }

  #priced(brokers: string): {
    readonly symbol: string;
    readonly digits: number;
    readonly level: (told: number) => Price | undefined;
  } {
    const { names, specs } = this.#parts;
    const symbol = brokers === "" ? "" : names.ours(brokers);
    const spec = specs.get(symbol);
    if (spec === undefined && symbol !== "") this.#tellStranger(brokers);
    const digits = spec?.digits ?? 0;
    return { symbol, digits, level: (told) => unlessZero(priceOf(told, digits)) };
  }

  /** A type tells the side, too: one that has no word tells neither. */
  #kind(number: number, position: Pick<Position, "side"> = noPosition): Pick<TerminalOrder, "side" | "type"> {
    if (number === CLOSE_BY) return { side: closingSide(position), type: "close_by" };
    const type = orderTypePairs[number >> 1];
    if (type !== undefined) return { side: number % 2 === 0 ? "buy" : "sell", type };
    this.#parts.vocabulary.tell("ORDER_TYPE", number);
    return { side: unnamed(number), type: unnamed(number) };
  }

  #tellStranger(symbol: string): void {
    if (this.strangers.has(symbol) || this.strangers.size >= mostStrangers) return;
    this.strangers.add(symbol);
    const message = `${symbol} is not known yet: until the terminal has told its specification its prices have no decimals`;
    this.#parts.observer.note("warn", "live terminal", message, { account: this.#parts.account.alias, symbol });
  }

  #moment(brokers: bigint): Instant | undefined {
    const moment = brokerMoment(Number(brokers));
    return moment === undefined ? undefined : this.#parts.zone.toUtc(moment);
  }
}

/** A close by has no side of its own: it closes its position. */
function closingSide({ side }: Pick<Position, "side">): Side | Unnamed {
  if (isUnnamed(side)) return side;
  return side === "buy" ? "sell" : "buy";
}

/** A magic of another program may use the highest bit, which has no room here. */
const magic = (told: bigint): Magic => BigInt.asUintN(63, told) as Magic;

const ticketOf = (told: bigint): Ticket | undefined => (told === 0n ? undefined : (told as Ticket));

/** MetaTrader's 0 is "not set". */
const unlessZero = <T extends number>(value: T): T | undefined => (value === 0 ? undefined : value);

const given = <Name extends string, T>(name: Name, value: T | undefined): { readonly [K in Name]?: T } =>
  (value === undefined ? {} : { [name]: value }) as { readonly [K in Name]?: T };
