/**
 * How long a pending order lives.
 *
 * An order expires with its symbol's first tick at or after the moment given here;
 * while a market is closed nothing expires, because nothing happens.
 */
import { toBrokerTime } from "../../core/model/broker-clock.ts";
import type { BrokerTime, Instant } from "../../core/model/ids.ts";
import type { TimeInForce } from "../../core/model/order.ts";
import type { SymbolSpec } from "../../core/model/symbol.ts";
import { brokerDay, DAY_MS } from "./opening-hours.ts";

interface Lifetime {
  readonly timeInForce: TimeInForce;
  readonly expireTime?: Instant;
  readonly setupTime: Instant;
}

const endOfDay = (time: Instant): BrokerTime => ((brokerDay(toBrokerTime(time)) + 1) * DAY_MS) as BrokerTime;

/** Whether the symbol drops what is good till cancelled when its day ends. */
export const dropsDaily = (spec: SymbolSpec): boolean => spec.gtcMode !== "gtc" && spec.expirationModes.includes("gtc");

/** The first moment, on the broker's clock, at which the order is no longer good; infinity for never. */
export function expiryOf(order: Lifetime, spec: SymbolSpec): BrokerTime {
  const never = Number.POSITIVE_INFINITY as BrokerTime;
  switch (order.timeInForce) {
    case "gtc":
      return dropsDaily(spec) ? endOfDay(order.setupTime) : never;
    case "day":
      return endOfDay(order.setupTime);
    case "specified":
      return order.expireTime === undefined ? never : toBrokerTime(order.expireTime);
    case "specified_day":
      return order.expireTime === undefined ? never : endOfDay(order.expireTime);
  }
}

/** "2025.01.06 01:05", as comments of expired orders carry it. */
export function stamp(time: BrokerTime): string {
  const [date = "", clock = ""] = new Date(time).toISOString().split("T");
  return `${date.replaceAll("-", ".")} ${clock.slice(0, 5)}`;
}
