/**
 * Prices, lots and money as whole numbers, so that they add up exactly.
 *
 * The wire and MetaTrader speak in doubles; the bridge does not reckon in them.
 * A double becomes a whole number once, when it comes in, and a double again when
 * it goes out. Dividing a whole number by a power of ten gives the double nearest
 * to the decimal, so what goes out prints as people write it: 1.09301, not
 * 1.0930100000000001.
 */

declare const unit: unique symbol;
type Whole<Unit> = number & { readonly [unit]: Unit };

/** Volume in 1e-8 lots. */
export type Volume = Whole<"1e-8 lots">;
/** A price in whole points (10^-digits) of its symbol. */
export type Price = Whole<"points">;
/** A price in thousandths of a point: what a netting position's average price is kept in. */
export type FinePrice = Whole<"points/1000">;
/** Money in minor units (cents) of the account's currency. */
export type Money = Whole<"minor units">;

const LOT = 1e8;
const FINE = 1000;

export const lots = (value: number): Volume => Math.round(value * LOT) as Volume;
export const toLots = (volume: Volume): number => volume / LOT;

export const price = (value: number, digits: number): Price => Math.round(value * 10 ** digits) as Price;
export const toPrice = (points: Price, digits: number): number => points / 10 ** digits;

export const fine = (points: Price): FinePrice => (points * FINE) as FinePrice;
export const finePrice = (value: number, digits: number): FinePrice =>
  Math.round(value * 10 ** digits * FINE) as FinePrice;
export const toFinePrice = (value: FinePrice, digits: number): number => value / (FINE * 10 ** digits);

/** Rounds half away from zero, as the reference does with money; tolerates the noise of a product of doubles. */
export function roundHalfAway(value: number, digits = 0): number {
  const scaled = Math.abs(value) * 10 ** digits;
  return (Math.sign(value) * Math.round(scaled * (1 + 4 * Number.EPSILON))) / 10 ** digits || 0;
}

export const money = (value: number, digits: number): Money =>
  roundHalfAway(roundHalfAway(value, digits) * 10 ** digits) as Money;
export const toMoney = (amount: Money, digits: number): number => amount / 10 ** digits;

/**
 * `value` as a whole count of `step`, or undefined when it is off the grid by more
 * than 1e-9 of a step. What a double cannot express (0.1 + 0.2, 65380.340000000004)
 * is forgiven.
 */
export function onGrid(value: number, step: number): number | undefined {
  const count = value / step;
  const nearest = Math.round(count);
  const tolerance = Math.max(1e-9, Math.abs(count) * 8 * Number.EPSILON);
  return Math.abs(count - nearest) <= tolerance && Number.isSafeInteger(nearest) ? nearest : undefined;
}
