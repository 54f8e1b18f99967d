/** MetaTrader's doubles and times as the core counts them. What cannot be counted is nothing: 0, or not there. */
import { finePrice, lots, type Money, money, type Price, price, type Volume } from "../../core/model/decimals.ts";
import type { BrokerTime } from "../../core/model/ids.ts";

/** Beyond this (ms since 1970) there is no date. */
const lastMoment = 8.64e15;

const counted = <T extends number>(value: T): T => (Number.isSafeInteger(value) ? value : (0 as T));

export const volumeOf = (told: number): Volume => counted(lots(told));
export const priceOf = (told: number, digits: number): Price => counted(price(told, digits));
export const finePriceOf = (told: number, digits: number) => counted(finePrice(told, digits));
export const moneyOf = (told: number, digits: number): Money => counted(money(told, digits));
export const percentOf = (told: number): number => (Number.isFinite(told) ? told : 0);

/** A moment by the broker's clock, ms; undefined when it is none. */
export function brokerMoment(told: number): BrokerTime | undefined {
  return told > 0 && told < lastMoment ? (told as BrokerTime) : undefined;
}
