/**
 * MetaTrader's trade return codes and what they mean for the one who asked.
 *
 * Names are those of TRADE_RETCODE_* without the prefix, and of 0 our own. A code that is not in the
 * table travels on as its number.
 */

/**
 * - `done`: it was accepted.
 * - `unknown`: it may have been executed; only the terminal's records tell.
 * - `transient`: nothing happened, the same may succeed with fresh prices.
 * - `refused`: nothing happened, the same will be refused again until something changes.
 */
type Meaning = "done" | "unknown" | "transient" | "refused";

// biome-ignore format: a table is read by its columns
const retcodes: Readonly<Record<number, readonly [name: string, meaning: Meaning]>> = {
  0:     ["NOT_SENT",             "refused"], // no broker gave it: the order never left the terminal
  10004: ["REQUOTE",              "transient"],
  10006: ["REJECT",               "refused"],
  10007: ["CANCEL",               "refused"],
  10008: ["PLACED",               "done"],
  10009: ["DONE",                 "done"],
  10010: ["DONE_PARTIAL",         "done"],
  10011: ["ERROR",                "unknown"],
  10012: ["TIMEOUT",              "unknown"],
  10013: ["INVALID",              "refused"],
  10014: ["INVALID_VOLUME",       "refused"],
  10015: ["INVALID_PRICE",        "refused"],
  10016: ["INVALID_STOPS",        "refused"],
  10017: ["TRADE_DISABLED",       "refused"],
  10018: ["MARKET_CLOSED",        "refused"],
  10019: ["NO_MONEY",             "refused"],
  10020: ["PRICE_CHANGED",        "transient"],
  10021: ["PRICE_OFF",            "transient"],
  10022: ["INVALID_EXPIRATION",   "refused"],
  10023: ["ORDER_CHANGED",        "refused"],
  10024: ["TOO_MANY_REQUESTS",    "transient"],
  10025: ["NO_CHANGES",           "refused"],
  10026: ["SERVER_DISABLES_AT",   "refused"],
  10027: ["CLIENT_DISABLES_AT",   "refused"],
  10028: ["LOCKED",               "transient"],
  10029: ["FROZEN",               "refused"],
  10030: ["INVALID_FILL",         "refused"],
  10031: ["CONNECTION",           "unknown"],
  10032: ["ONLY_REAL",            "refused"],
  10033: ["LIMIT_ORDERS",         "refused"],
  10034: ["LIMIT_VOLUME",         "refused"],
  10035: ["INVALID_ORDER",        "refused"],
  10036: ["POSITION_CLOSED",      "refused"],
  10038: ["INVALID_CLOSE_VOLUME", "refused"],
  10039: ["CLOSE_ORDER_EXIST",    "refused"],
  10040: ["LIMIT_POSITIONS",      "refused"],
  10041: ["REJECT_CANCEL",        "refused"],
  10042: ["LONG_ONLY",            "refused"],
  10043: ["SHORT_ONLY",           "refused"],
  10044: ["CLOSE_ONLY",           "refused"],
  10045: ["FIFO_CLOSE",           "refused"],
  10046: ["HEDGE_PROHIBITED",     "refused"],
};

export const retcodeName = (retcode: number): string => retcodes[retcode]?.[0] ?? `RETCODE_${retcode}`;

export const isTransient = (retcode: number): boolean => retcodes[retcode]?.[1] === "transient";

/** Whether a refusal with this code was the broker's at all. */
export const isOfBroker = (retcode: number): boolean => retcode !== 0;

/** Whether a refusal with this code leaves open what happened. */
export const isUnknown = (retcode: number): boolean => retcodes[retcode]?.[1] === "unknown";
