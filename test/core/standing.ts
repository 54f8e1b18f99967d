/** What an account allows that has nothing open and no rules. */
import { Holdings } from "../../src/core/accounts/holdings.ts";
import { toBrokerTime } from "../../src/core/model/broker-clock.ts";
import type { NumberedOrder } from "../../src/core/model/order.ts";
import { OrderBook } from "../../src/core/orders/order-book.ts";
import { type Approved, approve, type Standing } from "../../src/core/orders/risk.ts";
import { LimitSets } from "../../src/core/orders/risk-limits.ts";
import { TradingModes } from "../../src/core/orders/trading-mode.ts";
import { demo, eurusd, noon } from "../terminals/paper/builders.ts";
import { worth } from "./scripted-terminal.ts";

export const standing = (more: Partial<Standing> = {}): Standing => ({
  draining: false,
  linkUp: true,
  linkMessage: "",
  info: demo,
  symbols: new Map([["EURUSD", eurusd]]),
  marginMode: "hedging",
  modes: new TradingModes(),
  limits: new LimitSets(),
  prices: { now: noon, fresh: () => undefined },
  broker: { brokerTime: toBrokerTime },
  now: noon,
  owed: new Map(),
  orders: new OrderBook(),
  holdings: new Holdings(worth()),
  ...more,
});

export function approved(order: NumberedOrder): Approved<NumberedOrder> {
  const verdict = approve(order, standing());
  if ("rejection" in verdict) throw new Error(verdict.rejection.message);
  return verdict;
}
