/** Which account a request means. */
import type { Account } from "../core/accounts/account.ts";
import { BridgeError } from "../core/errors.ts";

export type Accounts = ReadonlyMap<string, Account>;

/** The account of that alias; the only one when none is named. */
export function accountOf<A>(accounts: ReadonlyMap<string, A>, alias: string): A {
  const [only] = accounts.values();
  const account = alias === "" && accounts.size === 1 ? only : accounts.get(alias);
  if (account !== undefined) return account;
  const known = [...accounts.keys()].join(", ");
  const message =
    alias === "" ? "account: required, as there are several" : `account: ${JSON.stringify(alias)} is not served`;
  throw new BridgeError("unknown_account", message, {
    violations: [{ field: "account", description: `must be one of ${known}` }],
  });
}
