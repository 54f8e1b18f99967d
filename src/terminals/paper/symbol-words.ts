/**
 * The words of a symbol specification, as terminals write them.
 *
 * One field comes as MetaTrader's integer (symbol_info), as a word (exporters), or as
 * a phrase (the specification dialog). Each vocabulary knows all three; comparing
 * looks at letters and digits only, so CFD_LEVERAGE, "CFD Leverage" and
 * SYMBOL_CALC_MODE_CFDLEVERAGE are one.
 *
 * The integers are those of the MQL5 reference. Two traps: the Python package calls 34
 * EXCH_OPTIONS although it is FORTS futures, and the swap modes of the reference's page
 * are not in the order of their numbers.
 */
import type {
  CalcMode,
  ChartMode,
  Execution,
  ExpirationMode,
  FillingMode,
  GtcMode,
  OrderMode,
  SwapMode,
  SymbolTradeMode,
} from "../../core/model/symbol.ts";

export interface Vocabulary<T extends string> {
  /** MQL5's name of the enumeration, which some exporters put before the word. */
  readonly prefix: string;
  /** Our word, MetaTrader's number (or bit), and other words for it. */
  readonly words: readonly (readonly [word: T, number: number, ...others: string[]])[];
}

/** Letters and digits only, in lower case, without MQL5's prefix. */
const plain = (text: string): string => text.toLowerCase().replace(/[^a-z0-9]/g, "");

/** The word for a number, a numeric text, or a word in any spelling; undefined when the vocabulary does not know it. */
export function wordFor<T extends string>(vocabulary: Vocabulary<T>, value: string | number): T | undefined {
  const number = typeof value === "number" || /^\d+$/.test(value) ? Number(value) : undefined;
  if (number !== undefined) return vocabulary.words.find((row) => row[1] === number)?.[0];
  const asked = plain(String(value));
  const bare = asked.startsWith(plain(vocabulary.prefix)) ? asked.slice(plain(vocabulary.prefix).length) : asked;
  return vocabulary.words.find((row) => row.some((known) => plain(String(known)) === bare))?.[0];
}

/** The words for the bits of a mask; undefined when a bit is unknown. */
export function wordsFor<T extends string>(vocabulary: Vocabulary<T>, mask: number): T[] | undefined {
  const known = vocabulary.words.reduce((bits, row) => bits | row[1], 0);
  if ((mask & ~known) !== 0) return undefined;
  return vocabulary.words.filter((row) => (mask & row[1]) !== 0).map((row) => row[0]);
}

/** "forex (0), futures (1) …", for messages. */
export const spelled = (vocabulary: Vocabulary<string>): string =>
  vocabulary.words.map(([word, number]) => `${word} (${number})`).join(", ");

export const calcModes: Vocabulary<CalcMode> = {
  prefix: "SYMBOL_CALC_MODE_",
  words: [
    ["forex", 0],
    ["futures", 1],
    ["cfd", 2],
    ["cfd_index", 3],
    ["cfd_leverage", 4],
    ["forex_no_leverage", 5],
    ["exch_stocks", 32],
    ["exch_futures", 33],
    ["exch_futures_forts", 34],
    ["exch_options", 35],
    ["exch_options_margin", 36],
    ["exch_bonds", 37],
    ["exch_stocks_moex", 38],
    ["exch_bonds_moex", 39],
    ["serv_collateral", 64],
  ],
};

export const tradeModes: Vocabulary<SymbolTradeMode> = {
  prefix: "SYMBOL_TRADE_MODE_",
  words: [
    ["disabled", 0],
    ["long_only", 1],
    ["short_only", 2],
    ["close_only", 3],
    ["full", 4, "Full access"],
  ],
};

export const executions: Vocabulary<Execution> = {
  prefix: "SYMBOL_TRADE_EXECUTION_",
  words: [
    ["request", 0],
    ["instant", 1],
    ["market", 2],
    ["exchange", 3],
  ],
};

export const gtcModes: Vocabulary<GtcMode> = {
  prefix: "SYMBOL_ORDERS_",
  words: [
    ["gtc", 0, "Good till cancelled", "Good till canceled"],
    ["daily", 1, "Good till today including SL/TP"],
    ["daily_excluding_stops", 2, "daily_no_stops", "Good till today excluding SL/TP"],
  ],
};

export const chartModes: Vocabulary<ChartMode> = {
  prefix: "SYMBOL_CHART_MODE_",
  words: [
    ["bid", 0, "By bid price"],
    ["last", 1, "By last price"],
  ],
};

export const swapModes: Vocabulary<SwapMode> = {
  prefix: "SYMBOL_SWAP_MODE_",
  words: [
    ["disabled", 0],
    ["points", 1, "In points"],
    ["currency_symbol", 2, "In base currency"],
    ["currency_margin", 3, "In margin currency"],
    ["currency_deposit", 4, "In deposit currency"],
    ["interest_current", 5, "In percentage terms, using current price"],
    ["interest_open", 6, "In percentage terms, using open price"],
    ["reopen_current", 7, "In points, reopen position by close price"],
    ["reopen_bid", 8, "In points, reopen position by bid price"],
    ["currency_profit", 9, "In profit currency"],
  ],
};

export const orderModes: Vocabulary<OrderMode> = {
  prefix: "SYMBOL_ORDER_",
  words: [
    ["market", 1],
    ["limit", 2],
    ["stop", 4],
    ["stop_limit", 8],
    ["stop_loss", 16, "sl"],
    ["take_profit", 32, "tp"],
    ["close_by", 64],
  ],
};

export const fillingModes: Vocabulary<FillingMode> = {
  prefix: "SYMBOL_FILLING_",
  words: [
    ["fok", 1, "Fill or Kill"],
    ["ioc", 2, "Immediate or Cancel"],
    ["boc", 4, "Book or Cancel", "Passive"],
  ],
};

export const expirationModes: Vocabulary<ExpirationMode> = {
  prefix: "SYMBOL_EXPIRATION_",
  words: [
    ["gtc", 1],
    ["day", 2, "today"],
    ["specified", 4, "Specified time"],
    ["specified_day", 8],
  ],
};
