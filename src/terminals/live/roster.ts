/**
 * Which accounts a bridge serves, and by what name.
 *
 * Always true: a real account is served only where that was asked for twice, by its number and by the switch that allows
 * real money; and a name means one account for ever.
 */
import type { Fingerprint } from "../../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";

/** An account that may be served. */
export interface Entry {
  readonly alias: string;
  readonly login: bigint;
  readonly server: string;
}

export interface Roster {
  /** None: every account that is not a real one, each by its number. */
  readonly entries: readonly Entry[];
  readonly realAllowed: boolean;
}

/** ENUM_ACCOUNT_TRADE_MODE: demo and contest. What is not known to be play money is not. */
const playMoney: ReadonlySet<number> = new Set([0, 1]);

export type Named = { readonly alias: string } | { readonly refused: string };

/** The name of that account, or why it is not served and what to do about it. */
export function nameOf({ login, server, tradeMode }: Fingerprint, { entries, realAllowed }: Roster): Named {
  if (login === 0n || server === "") {
    return { refused: "The terminal is not logged in to an account: log in, and it dials again by itself." };
  }
  const account = `${login}@${server}`;
  const entry = entries.find((one) => one.login === login && one.server === server);
  if (!playMoney.has(tradeMode) && (!realAllowed || entry === undefined)) {
    const todo = `set ENABLE_LIVE_TRADING=true, and name it in LIVE_ACCOUNTS as alias=${account}`;
    return { refused: `${account} is an account with real money, and this bridge does not serve it: ${todo}.` };
  }
  if (entry !== undefined) return { alias: entry.alias };
  if (entries.length === 0) return { alias: String(login) };
  return {
    refused: `This bridge does not serve ${account}: name it in LIVE_ACCOUNTS as alias=${account}, or log the terminal in to an account that is named there.`,
  };
}
