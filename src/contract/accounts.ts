/** Which account a request means. */
import type { Account } from "../core/accounts/account.ts";
import { BridgeError } from "../core/errors.ts";

export interface Accounts<A = Account> extends ReadonlyMap<string, A> {
  /** What is waited for before that account is served, or any is when none is named; empty: nothing is. */
  awaited?(alias: string): string;
}

/** The account of that alias; the only one when none is named. One that is the only one because others have not come yet is not. */
export function accountOf<A>(accounts: Accounts<A>, alias: string): A {
  const [only] = accounts.values();
  const isOnly = alias === "" && accounts.size === 1 && !accounts.awaited?.("");
  const account = isOnly ? only : accounts.get(alias);
  if (account !== undefined) return account;
  const awaited = alias === "" && accounts.size > 0 ? "" : accounts.awaited?.(alias);
  if (awaited) throw new BridgeError("terminal_offline", awaited, { retryAfterMs: 5_000 });
  const known = [...accounts.keys()].join(", ");
  const message =
    alias === "" ? "account: required, as there are several" : `account: ${JSON.stringify(alias)} is not served`;
  throw new BridgeError("unknown_account", message, {
    violations: [{ field: "account", description: `must be one of ${known}` }],
  });
}
