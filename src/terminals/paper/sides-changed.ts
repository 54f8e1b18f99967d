import { tickFlags } from "../../core/model/tick.ts";

/** Which sides of the quote changed, in MetaTrader's bits. */
export const sidesChanged = (bid: boolean, ask: boolean): number =>
  (bid ? tickFlags.bid : 0) | (ask ? tickFlags.ask : 0);
