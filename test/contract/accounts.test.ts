/** Which account a request means, while accounts come. */
import { describe, expect, it } from "vitest";
import { type Accounts, accountOf } from "../../src/contract/accounts.ts";
import { BridgeError } from "../../src/core/errors.ts";

/** Accounts that are there, and those that are waited for. */
class Some extends Map<string, string> implements Accounts<string> {
  readonly #missing: readonly string[];

  constructor(there: readonly string[], missing: readonly string[]) {
    super(there.map((alias) => [alias, `account ${alias}`]));
    this.#missing = missing;
  }

  awaited(alias: string): string {
    const meant = this.#missing.filter((one) => alias === "" || one === alias);
    return meant.length === 0 ? "" : `waits for ${meant.join(" and ")}`;
  }
}

function found(there: readonly string[], missing: readonly string[], alias: string): string {
  try {
    return accountOf(new Some(there, missing), alias);
  } catch (error) {
    if (error instanceof BridgeError) return `${error.fault}: ${error.message}`;
    throw error;
  }
}

describe("the account of a request", () => {
  it.each([
    [["a"], [], "", "account a"],
    [["a"], [], "a", "account a"],
    [["a", "b"], [], "b", "account b"],
    [["a", "b"], [], "", "unknown_account: account: required, as there are several"],
    [["a"], ["b"], "a", "account a"],
    [["a"], ["b"], "b", "terminal_offline: waits for b"],
    [[], ["a", "b"], "", "terminal_offline: waits for a and b"],
    [["a"], [], "c", 'unknown_account: account: "c" is not served'],
    [["a"], ["b"], "c", 'unknown_account: account: "c" is not served'],
  ])("of %j, with %j to come, asked for %j, is %s", (there, missing, alias, expected) => {
    expect(found(there, missing, alias)).toBe(expected);
  });

  it("is never the one that happens to be there first, where none is named", () => {
    expect(found(["a"], ["b"], "")).toBe("unknown_account: account: required, as there are several");
  });
});
