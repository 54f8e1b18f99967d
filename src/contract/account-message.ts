/** Accounts, positions and what they are worth, as messages. */
import { create } from "@bufbuild/protobuf";
import {
  type Account as AccountMessage,
  AccountSchema,
  BalanceOperationSchema,
  type GetAccountResponse,
  GetAccountResponseSchema,
  PositionEventSchema,
  type Position as PositionMessage,
  PositionSchema,
  ValuationSchema,
} from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import type { Account } from "../core/accounts/account.ts";
import type { AccountFact } from "../core/accounts/feeds.ts";
import type { AccountInfo, Valuation } from "../core/model/account.ts";
import { type Money, toFinePrice, toLots, toMoney, toPrice } from "../core/model/decimals.ts";
import { strategyIdOf } from "../core/model/ids.ts";
import type { Position } from "../core/model/position.ts";
import { numbersIn } from "../core/model/unnamed.ts";
import { isAlike, lasting } from "./lasting.ts";
import { timestamp } from "./times.ts";
import { enumOf, marginModes, positionChanges, sides, stopOutModes, textOf, tradeModes } from "./words.ts";

export function accountMessage(account: Account): AccountMessage {
  const { info } = account;
  return create(AccountSchema, {
    account: info.alias,
    login: info.login,
    server: info.server,
    name: info.name,
    company: info.company,
    currency: info.currency,
    currencyDigits: info.currencyDigits,
    leverage: info.leverage,
    live: info.live,
    tradeMode: enumOf(tradeModes, info.tradeMode),
    marginMode: enumOf(marginModes, info.marginMode),
    stopOutMode: enumOf(stopOutModes, info.stopOutMode),
    mt5Numbers: numbersIn({
      ...{ trade_mode: info.tradeMode, margin_mode: info.marginMode, stop_out_mode: info.stopOutMode },
    }),
    marginCallLevel: info.marginCallLevel,
    stopOutLevel: info.stopOutLevel,
    limitOrders: info.limitOrders,
    linkUp: account.desk.linkUp,
    ...worth(account.record.holdings.valuation, info.currencyDigits),
  });
}

interface Told {
  readonly info: AccountInfo;
  readonly valuation: Valuation;
  readonly linkUp: boolean;
  readonly answer: GetAccountResponse;
}

const told = new WeakMap<Account, Told>();

/** An account is asked for more often than it changes, so the answer lasts until then. */
export function accountAnswer(account: Account): GetAccountResponse {
  const { valuation } = account.record.holdings;
  const { info } = account;
  const { linkUp } = account.desk;
  let last = told.get(account);
  if (last?.valuation !== valuation || last.linkUp !== linkUp || !isAlike(info, last.info)) {
    const answer = lasting(create(GetAccountResponseSchema, { account: accountMessage(account) }));
    last = { info: { ...info }, valuation, linkUp, answer }; // a terminal may come to know better, in the same place
    told.set(account, last);
  }
  return last.answer;
}

export const valuationMessage = (valuation: Valuation, account: Account) =>
  create(ValuationSchema, worth(valuation, account.info.currencyDigits));

function worth(valuation: Valuation, digits: number) {
  const shown = (amount: Money) => toMoney(amount, digits);
  return {
    balance: shown(valuation.balance),
    credit: shown(valuation.credit),
    profit: shown(valuation.profit),
    equity: shown(valuation.equity),
    margin: shown(valuation.margin),
    freeMargin: shown(valuation.freeMargin),
    marginLevel: valuation.marginLevel,
    marginCall: valuation.marginCall,
    asOf: timestamp(valuation.time),
  };
}

export function positionMessage(position: Position, account: Account): PositionMessage {
  const digits = account.symbols.get(position.symbol)?.digits ?? 0;
  const { currencyDigits, alias, live } = account.info;
  const value = account.record.holdings.value(position.ticket);
  return create(PositionSchema, {
    account: alias,
    positionTicket: position.ticket,
    identifier: position.identifier,
    symbol: position.symbol,
    side: enumOf(sides, position.side),
    volume: toLots(position.volume),
    openPrice: toFinePrice(position.openPrice, digits),
    ...(position.stopLoss === undefined ? {} : { stopLoss: toPrice(position.stopLoss, digits) }),
    ...(position.takeProfit === undefined ? {} : { takeProfit: toPrice(position.takeProfit, digits) }),
    currentPrice: value === undefined ? toFinePrice(position.openPrice, digits) : toPrice(value.price, digits),
    profit: value === undefined ? 0 : toMoney(value.profit, currencyDigits),
    swap: toMoney(position.swap, currencyDigits),
    strategyId: strategyIdOf(position.magic),
    magic: position.magic,
    comment: position.comment,
    openTime: timestamp(position.openTime),
    updateTime: timestamp(position.updateTime),
    openBrokerTimeMs: BigInt(position.openBrokerTime ?? 0),
    updateBrokerTimeMs: BigInt(position.updateBrokerTime ?? 0),
    live,
    mt5Numbers: numbersIn({ side: position.side, reason: position.reason }),
  });
}

export function factEvent(fact: AccountFact, account: Account) {
  if (fact.type === "position") {
    const position = positionMessage(fact.position, account);
    const value = create(PositionEventSchema, { change: positionChanges[fact.change], position });
    return { case: "position", value } as const;
  }
  const { currencyDigits } = account.info;
  const value = create(BalanceOperationSchema, {
    dealTicket: fact.deal.ticket,
    type: textOf(fact.deal.type),
    mt5Numbers: numbersIn({ type: fact.deal.type }),
    amount: toMoney(fact.deal.profit, currencyDigits),
    balance: toMoney(fact.balance, currencyDigits),
    time: timestamp(fact.deal.time),
    brokerTimeMs: BigInt(fact.deal.brokerTime ?? 0),
    comment: fact.deal.comment,
  });
  return { case: "balance", value } as const;
}
