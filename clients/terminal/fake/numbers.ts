/** MetaTrader's enumerations: the number of each name of ours. */
import { isUnnamed, numberOfUnnamed, type Unnamed } from "../../../src/core/model/unnamed.ts";

type Numbers<Name extends string> = Readonly<Record<Name, number>>;

/** The name of a number; undefined for one that is not in the table. */
export function nameOf<Name extends string>(numbers: Numbers<Name>, number: number): Name | undefined {
  return (Object.keys(numbers) as Name[]).find((name) => numbers[name] === number);
}

/** The number of a name, or of what the terminal tells without one. */
export const numberOf = <Name extends string>(numbers: Numbers<Name>, name: Name | Unnamed): number =>
  isUnnamed(name) ? numberOfUnnamed(name) : numbers[name as Name];

/** A mask of the bits of these names. */
export const maskOf = <Name extends string>(bits: Numbers<Name>, names: readonly Name[]): number =>
  names.reduce((mask, name) => mask | bits[name], 0);

/** ENUM_TRADE_REQUEST_ACTIONS. */
export const action = { deal: 1, pending: 5, stops: 6, modify: 7, remove: 8, close_by: 10 } as const;

/** ENUM_ORDER_TYPE of a buy; a sell's is one higher. */
export const orderType = { market: 0, limit: 2, stop: 4, stop_limit: 6 } as const;
export const CLOSE_BY = 8;

export const orderState = { started: 0, placed: 1, canceled: 2, partial: 3, filled: 4, rejected: 5, expired: 6 };
// biome-ignore format: a table
export const reason = {
  client: 0, mobile: 1, web: 2, expert: 3, stop_loss: 4, take_profit: 5, stop_out: 6, rollover: 7, variation_margin: 8,
  split: 9, corporate_action: 10,
};
export const side = { buy: 0, sell: 1 };
export const filling = { fok: 0, ioc: 1, return: 2, boc: 3 };
export const timeInForce = { gtc: 0, day: 1, specified: 2, specified_day: 3 };
export const dealEntry = { in: 0, out: 1, inout: 2, out_by: 3 };
// biome-ignore format: a table
export const dealType = {
  buy: 0, sell: 1, balance: 2, credit: 3, charge: 4, correction: 5, bonus: 6, commission: 7, commission_daily: 8,
  commission_monthly: 9, commission_agent_daily: 10, commission_agent_monthly: 11, interest: 12, buy_canceled: 13,
  sell_canceled: 14, dividend: 15, dividend_franked: 16, tax: 17, commission_agent: 18, so_compensation: 19,
  so_compensation_credit: 20,
};

export const tradeMode = { demo: 0, contest: 1, real: 2 };
export const marginMode = { netting: 0, exchange: 1, hedging: 2 };
export const stopOutMode = { percent: 0, money: 1 };

// biome-ignore format: a table
export const calcMode = {
  forex: 0, futures: 1, cfd: 2, cfd_index: 3, cfd_leverage: 4, forex_no_leverage: 5, exch_stocks: 32, exch_futures: 33,
  exch_futures_forts: 34, exch_options: 35, exch_options_margin: 36, exch_bonds: 37, exch_stocks_moex: 38,
  exch_bonds_moex: 39, serv_collateral: 64,
};
export const symbolTradeMode = { disabled: 0, long_only: 1, short_only: 2, close_only: 3, full: 4 };
export const execution = { request: 0, instant: 1, market: 2, exchange: 3 };
export const gtcMode = { gtc: 0, daily: 1, daily_excluding_stops: 2 };
export const chartMode = { bid: 0, last: 1 };
// biome-ignore format: a table
export const swapMode = {
  disabled: 0, points: 1, currency_symbol: 2, currency_margin: 3, currency_deposit: 4, interest_current: 5,
  interest_open: 6, reopen_current: 7, reopen_bid: 8, currency_profit: 9,
};

// biome-ignore format: a table
export const orderModeBits = {
  market: 1, limit: 2, stop: 4, stop_limit: 8, stop_loss: 16, take_profit: 32, close_by: 64,
};
export const fillingBits = { fok: 1, ioc: 2, boc: 4 };
export const expirationBits = { gtc: 1, day: 2, specified: 4, specified_day: 8 };
