/**
 * Commission: charged when volume is opened, for the round turn, and booked with that deal.
 *
 * Brokers differ (per side, per turn, inside the spread) and no property tells which;
 * this is what the recorded terminals do.
 */
import { type Money, money, toLots, type Volume } from "../../core/model/decimals.ts";

/**
 * What opening `opened` costs, as the deal carries it: never positive. `opened` is all
 * of an IN deal, what is left after the reversal of an INOUT deal, and 0 of an OUT deal.
 */
export function commissionOf(perLot: number, opened: Volume, currencyDigits: number): Money {
  return money(-perLot * toLots(opened), currencyDigits);
}
