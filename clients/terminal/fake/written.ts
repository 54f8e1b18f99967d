/** What the bridge's own model calls a thing, as MetaTrader tells it: numbers for names, doubles, the broker's clock. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Account,
  AccountSchema,
  type AccountState,
  AccountStateSchema,
  DealSchema,
  type Deal as LinkDeal,
  type Order as LinkOrder,
  type Position as LinkPosition,
  type Symbol as LinkSymbol,
  OrderSchema,
  PositionSchema,
  SymbolSchema,
  type SymbolSessionSchema,
  type Ticks,
  TicksSchema,
} from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { AccountInfo, Valuation } from "../../../src/core/model/account.ts";
import type { Deal } from "../../../src/core/model/deal.ts";
import { type Money, type Price, toFinePrice, toLots, toMoney, toPrice } from "../../../src/core/model/decimals.ts";
import type { Instant, Ticket } from "../../../src/core/model/ids.ts";
import type { TerminalOrder } from "../../../src/core/model/order.ts";
import type { Position } from "../../../src/core/model/position.ts";
import type { SymbolSpec, WeekSessions } from "../../../src/core/model/symbol.ts";
import { column, ROW, type TickRows } from "../../../src/core/model/tick-rows.ts";
import { isUnnamed, numberOfUnnamed } from "../../../src/core/model/unnamed.ts";
import * as numbers from "./numbers.ts";
import { numberOf } from "./numbers.ts";
import type { OddNumbers } from "./odd-numbers.ts";

const none = 0n;

export class Writing {
  readonly #account: AccountInfo;
  readonly #specs: ReadonlyMap<string, SymbolSpec>;
  readonly #broker: (utc: Instant) => number;
  /** The swap of each open position, as it was last told. */
  readonly #swaps = new Map<Ticket, Money>();

  readonly #odd: OddNumbers;

  /** `broker`: the broker's clock at a moment; `odd`: what is told in the place of the numbers that are. */
  constructor(
    account: AccountInfo,
    specs: readonly SymbolSpec[],
    broker: (utc: Instant) => number,
    odd: OddNumbers = {},
  ) {
    this.#odd = odd;
    this.#account = account;
    this.#specs = new Map(specs.map((spec) => [spec.name, spec]));
    this.#broker = broker;
  }

  time(utc: Instant): bigint {
    return BigInt(this.#broker(utc));
  }

  account(): Account {
    const { login, server, tradeMode, marginMode, stopOutMode, leverage, stopOutLevel, ...rest } = this.#account;
    const { name, company, currency, currencyDigits, marginCallLevel, limitOrders } = rest;
    return create(AccountSchema, {
      fingerprint: { login, server, tradeMode: numberOf(numbers.tradeMode, tradeMode) },
      ...{ name, company, currency, currencyDigits, limitOrders, marginCallLevel },
      leverage: BigInt(leverage),
      marginMode: numberOf(numbers.marginMode, marginMode),
      stopoutMode: numberOf(numbers.stopOutMode, stopOutMode),
      stopoutLevel: stopOutLevel,
      ...this.#odd.account,
    });
  }

  order(order: TerminalOrder): LinkOrder {
    const at = this.#prices(order.symbol);
    const { state } = order;
    const past = !["started", "placed", "partial"].includes(state);
    return create(OrderSchema, {
      ...{ ticket: order.ticket, symbol: order.symbol, magic: order.magic, comment: order.comment, past },
      type: typeOf(order),
      state: numberOf(numbers.orderState, state),
      reason: numberOf(numbers.reason, order.reason),
      volumeInitial: toLots(order.volume),
      volumeCurrent: toLots(order.remaining),
      priceOpen: at(order.price),
      priceStopLimit: at(order.stopLimitPrice),
      stopLoss: at(order.stopLoss),
      takeProfit: at(order.takeProfit),
      typeFilling: numberOf(numbers.filling, order.filling),
      typeTime: numberOf(numbers.timeInForce, order.timeInForce),
      timeExpiration: order.expireTime === undefined ? none : this.time(order.expireTime) / 1000n,
      positionId: order.position ?? none,
      positionById: order.positionBy ?? none,
      timeSetupMs: this.time(order.setupTime),
      timeDoneMs: order.doneTime === undefined ? none : this.time(order.doneTime),
      ...this.#odd.order,
    });
  }

  deal(deal: Deal): LinkDeal {
    const at = this.#prices(deal.symbol);
    return create(DealSchema, {
      ...{ ticket: deal.ticket, symbol: deal.symbol, magic: deal.magic, comment: deal.comment },
      order: deal.order ?? none,
      positionId: deal.position ?? none,
      type: numberOf(numbers.dealType, deal.type),
      entry: numberOf(numbers.dealEntry, deal.entry),
      reason: numberOf(numbers.reason, deal.reason),
      volume: toLots(deal.volume),
      price: at(deal.price),
      stopLoss: at(deal.stopLoss),
      takeProfit: at(deal.takeProfit),
      profit: this.#money(deal.profit),
      swap: this.#money(deal.swap),
      commission: this.#money(deal.commission),
      fee: this.#money(deal.fee),
      timeMs: this.time(deal.time),
      ...this.#odd.deal,
    });
  }

  /** What it is worth is not known here: it is told with the account's state. */
  position(position: Position): LinkPosition {
    const at = this.#prices(position.symbol);
    this.#swaps.set(position.ticket, position.swap);
    return create(PositionSchema, {
      ...{ ticket: position.ticket, identifier: position.identifier, symbol: position.symbol },
      ...{ magic: position.magic, comment: position.comment },
      type: numberOf(numbers.side, position.side),
      reason: numberOf(numbers.reason, position.reason),
      volume: toLots(position.volume),
      priceOpen: toFinePrice(position.openPrice, this.#digits(position.symbol)),
      stopLoss: at(position.stopLoss),
      takeProfit: at(position.takeProfit),
      swap: this.#money(position.swap),
      timeMs: this.time(position.openTime),
      timeUpdateMs: this.time(position.updateTime),
      ...this.#odd.position,
    });
  }

  closed(position: Position): LinkPosition {
    const closed = this.position(position);
    this.#swaps.delete(position.ticket);
    return closed;
  }

  /** `positions`: what is open, for the symbols of what is valued. */
  state(valuation: Valuation, symbolOf: (position: Ticket) => string): AccountState {
    const { time, positions, marginLevel } = valuation;
    return create(AccountStateSchema, {
      timeMs: this.time(time),
      balance: this.#money(valuation.balance),
      credit: this.#money(valuation.credit),
      profit: this.#money(valuation.profit),
      equity: this.#money(valuation.equity),
      margin: this.#money(valuation.margin),
      marginFree: this.#money(valuation.freeMargin),
      marginLevel,
      positions: positions.map(({ position, price, profit }) => ({
        ticket: position,
        priceCurrent: toPrice(price, this.#digits(symbolOf(position))),
        profit: this.#money(profit),
        swap: this.#money(this.#swaps.get(position) ?? (0 as Money)),
      })),
    });
  }

  money(amount: Money): number {
    return this.#money(amount);
  }

  /** The ticks of the wanted symbols; undefined when none of them is wanted. */
  ticks(rows: TickRows, wanted: { has(symbol: string): boolean }): Ticks | undefined {
    const names: string[] = [];
    const indices = rows.symbols.map(({ name }) => (wanted.has(name) ? names.push(name) - 1 : -1));
    const ticks = create(TicksSchema, { symbols: names });
    let before = 0;
    let traded = 0;
    for (let at = 0; at < rows.numbers.length; at += ROW) {
      const of = (name: keyof typeof column) => rows.numbers[at + column[name]] as number;
      const symbol = indices[of("symbol")] ?? -1;
      if (symbol < 0) continue;
      const digits = this.#digits(names[symbol] as string);
      const time = this.#broker(of("time") as Instant);
      ticks.symbol.push(symbol);
      ticks.timeMs.push(BigInt(time - before));
      before = time;
      ticks.bid.push(toPrice(of("bid") as Price, digits));
      ticks.ask.push(toPrice(of("ask") as Price, digits));
      ticks.last.push(toPrice(of("last") as Price, digits));
      ticks.volume.push(of("volume") / 1e8);
      ticks.flags.push(of("flags"));
      traded += of("last") + of("volume");
    }
    if (traded === 0) ticks.last.length = ticks.volume.length = 0;
    return ticks.symbol.length === 0 ? undefined : ticks;
  }

  symbol(spec: SymbolSpec): LinkSymbol {
    const { marginRates, startTime, expirationTime } = spec;
    const { buy, sell, pending } = marginRates;
    return create(SymbolSchema, {
      ...{ name: spec.name, description: spec.description, path: spec.path, digits: spec.digits },
      point: 1 / 10 ** spec.digits,
      tradeTickSize: toPrice(spec.tickSize, spec.digits),
      tradeTickValue: spec.tickValue,
      tradeContractSize: spec.contractSize,
      ...{ currencyBase: spec.currencyBase, currencyProfit: spec.currencyProfit, currencyMargin: spec.currencyMargin },
      tradeCalcMode: numberOf(numbers.calcMode, spec.calcMode),
      tradeMode: numberOf(numbers.symbolTradeMode, spec.tradeMode),
      tradeExecution: numberOf(numbers.execution, spec.execution),
      orderGtcMode: numberOf(numbers.gtcMode, spec.gtcMode),
      chartMode: numberOf(numbers.chartMode, spec.chartMode),
      orderMode: numbers.maskOf(numbers.orderModeBits, spec.orderModes),
      fillingMode: numbers.maskOf(numbers.fillingBits, spec.fillingModes),
      expirationMode: numbers.maskOf(numbers.expirationBits, spec.expirationModes),
      volumeMin: toLots(spec.volumeMin),
      volumeMax: toLots(spec.volumeMax),
      volumeStep: toLots(spec.volumeStep),
      volumeLimit: toLots(spec.volumeLimit),
      ...{ tradeStopsLevel: spec.stopsLevel, tradeFreezeLevel: spec.freezeLevel },
      swapMode: numberOf(numbers.swapMode, spec.swapMode),
      ...{ swapLong: spec.swapLong, swapShort: spec.swapShort, swapRates: [...spec.swapRates] },
      ...{ marginInitial: spec.marginInitial, marginMaintenance: spec.marginMaintenance },
      ...{ marginHedged: spec.marginHedged, marginHedgedUseLeg: spec.marginHedgedUseLeg },
      marginRates: [buy, sell, pending].flatMap(({ initial, maintenance }) => [initial, maintenance]),
      quoteSessions: sessionsOf(spec.quoteSessions),
      tradeSessions: sessionsOf(spec.tradeSessions),
      ...{ bookDepth: spec.bookDepth, faceValue: spec.faceValue, accruedInterest: spec.accruedInterest },
      liquidityRate: spec.liquidityRate,
      startTime: startTime === undefined ? none : this.time(startTime) / 1000n,
      expirationTime: expirationTime === undefined ? none : this.time(expirationTime) / 1000n,
      ...this.#odd.symbol,
    });
  }

  #money(amount: Money): number {
    return toMoney(amount, this.#account.currencyDigits);
  }

  #digits(symbol: string): number {
    return this.#specs.get(symbol)?.digits ?? 0;
  }

  #prices(symbol: string): (price: Price | undefined) => number {
    const digits = this.#digits(symbol);
    return (price) => (price === undefined ? 0 : toPrice(price, digits));
  }
}

function typeOf({ type, side }: TerminalOrder): number {
  if (type === "close_by") return numbers.CLOSE_BY;
  return isUnnamed(type) ? numberOfUnnamed(type) : numbers.orderType[type] + numberOf(numbers.side, side);
}

const sessionsOf = (week: WeekSessions): MessageInitShape<typeof SymbolSessionSchema>[] =>
  week.flatMap((sessions, day) => sessions.map(({ from, to }) => ({ day, from, to })));
