/** What a terminal tells once: the account that is logged in, and the specifications of its symbols. */

import type { Account, Symbol as Symbol_, SymbolSession } from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import type { AccountInfo } from "../../core/model/account.ts";
import type { Price } from "../../core/model/decimals.ts";
import type { AccountAlias } from "../../core/model/ids.ts";
import type { Session, SymbolSpec, WeekSessions } from "../../core/model/symbol.ts";
import { brokerMoment, priceOf, volumeOf } from "./amounts.ts";
import type { BrokerZone } from "./broker-zone.ts";
import {
  calcModes,
  chartModes,
  executions,
  expirationModeBits,
  fillingModeBits,
  gtcModes,
  marginModes,
  namesOfBits,
  orderModeBits,
  stopOutModes,
  swapModes,
  symbolTradeModes,
  tradeModes,
  unnamedBits,
} from "./enumerations.ts";
import type { Vocabulary } from "./vocabulary.ts";

const DAY = 86_400;
/** As most brokers charge: a night each, three on Wednesday, none at the weekend. */
const usualNights = [0, 1, 1, 3, 1, 1, 0];

export function accountOf(account: Account, alias: AccountAlias, vocabulary: Vocabulary): AccountInfo {
  const { login = 0n, server = "", tradeMode = -1 } = account.fingerprint ?? {};
  return {
    alias,
    login,
    server,
    name: account.name,
    company: account.company,
    currency: account.currency,
    currencyDigits: Math.min(account.currencyDigits, 8),
    leverage: Number(account.leverage),
    tradeMode: vocabulary.word(tradeModes, tradeMode),
    marginMode: vocabulary.word(marginModes, account.marginMode),
    stopOutMode: vocabulary.word(stopOutModes, account.stopoutMode),
    marginCallLevel: account.marginCallLevel,
    stopOutLevel: account.stopoutLevel,
    limitOrders: account.limitOrders,
    live: true,
  };
}

/** `name`: what the symbol is called here. */
export function specOf(symbol: Symbol_, name: string, vocabulary: Vocabulary, zone: BrokerZone): SymbolSpec {
  const { digits } = symbol;
  const [buy = 1, buyKept = 0, sell = 1, sellKept = 0, pending = 0, pendingKept = 0] = symbol.marginRates;
  const moment = (seconds: bigint) => {
    const told = brokerMoment(Number(seconds) * 1000);
    return told === undefined ? undefined : zone.toUtc(told);
  };
  const startTime = moment(symbol.startTime);
  const expirationTime = moment(symbol.expirationTime);
  return {
    name,
    description: symbol.description,
    path: symbol.path,
    digits,
    tickSize: Math.max(1, priceOf(symbol.tradeTickSize, digits)) as Price,
    tickValue: symbol.tradeTickValue,
    contractSize: symbol.tradeContractSize,
    currencyBase: symbol.currencyBase,
    currencyProfit: symbol.currencyProfit,
    currencyMargin: symbol.currencyMargin,
    calcMode: vocabulary.word(calcModes, symbol.tradeCalcMode),
    tradeMode: vocabulary.word(symbolTradeModes, symbol.tradeMode),
    execution: vocabulary.word(executions, symbol.tradeExecution),
    gtcMode: vocabulary.word(gtcModes, symbol.orderGtcMode),
    chartMode: vocabulary.word(chartModes, symbol.chartMode),
    orderModes: namesOfBits(orderModeBits, symbol.orderMode),
    fillingModes: namesOfBits(fillingModeBits, symbol.fillingMode),
    expirationModes: namesOfBits(expirationModeBits, symbol.expirationMode),
    unnamedModes: {
      orderModes: unnamedBits(orderModeBits, symbol.orderMode),
      fillingModes: unnamedBits(fillingModeBits, symbol.fillingMode),
      expirationModes: unnamedBits(expirationModeBits, symbol.expirationMode),
    },
    volumeMin: volumeOf(symbol.volumeMin),
    volumeMax: volumeOf(symbol.volumeMax),
    volumeStep: volumeOf(symbol.volumeStep > 0 ? symbol.volumeStep : symbol.volumeMin),
    volumeLimit: volumeOf(symbol.volumeLimit),
    stopsLevel: symbol.tradeStopsLevel,
    freezeLevel: symbol.tradeFreezeLevel,
    swapMode: vocabulary.word(swapModes, symbol.swapMode),
    swapLong: symbol.swapLong,
    swapShort: symbol.swapShort,
    swapRates: nights(symbol.swapRates),
    marginInitial: symbol.marginInitial,
    marginMaintenance: symbol.marginMaintenance,
    marginHedged: symbol.marginHedged,
    marginHedgedUseLeg: symbol.marginHedgedUseLeg,
    marginRates: {
      buy: { initial: buy, maintenance: buyKept },
      sell: { initial: sell, maintenance: sellKept },
      pending: { initial: pending, maintenance: pendingKept },
    },
    quoteSessions: week(symbol.quoteSessions),
    tradeSessions: week(symbol.tradeSessions),
    bookDepth: symbol.bookDepth,
    faceValue: symbol.faceValue,
    accruedInterest: symbol.accruedInterest,
    liquidityRate: symbol.liquidityRate,
    ...(startTime === undefined ? {} : { startTime }),
    ...(expirationTime === undefined ? {} : { expirationTime }),
  };
}

/** Why the core cannot reckon with the symbol; undefined when it can. */
export function flawOf({ name, digits, volumeMin, volumeStep, volumeMax }: Symbol_): string | undefined {
  if (name === "") return "it has no name";
  if (digits > 15) return `its prices have ${digits} decimals`;
  const volumes = [volumeMin, volumeStep, volumeMax];
  const fine =
    volumes.every((volume) => Number.isFinite(volume) && volume >= 0) && volumeOf(volumeStep || volumeMin) > 0;
  return fine ? undefined : `its volumes are ${volumes.join(", ")}`;
}

function nights(rates: readonly number[]): SymbolSpec["swapRates"] {
  const [sunday, monday, tuesday, wednesday, thursday, friday, saturday] = rates.length === 7 ? rates : usualNights;
  return [sunday, monday, tuesday, wednesday, thursday, friday, saturday] as unknown as SymbolSpec["swapRates"];
}

/** A session that ends when or before it begins goes on into the next day. */
function week(sessions: readonly SymbolSession[]): WeekSessions {
  const days: Session[][] = [[], [], [], [], [], [], []];
  for (const { day, from, to } of sessions) days[day]?.push({ from, to: to > from ? to : to + DAY });
  return days as unknown as WeekSessions;
}
