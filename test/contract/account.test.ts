import { describe, expect, it } from "vitest";
import { GetAccountResponseSchema } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import { accountAnswer } from "../../src/contract/account-message.ts";
import { decode } from "../../src/contract/wire.ts";
import { contentOf } from "../../src/transport/frame.ts";
import { openDesk } from "../core/desk.ts";
import { ScriptedTerminal } from "../core/scripted-terminal.ts";
import { demo } from "../terminals/paper/builders.ts";

describe("an account that is asked for", () => {
  it("is told as it stands, in bytes and in JSON, whatever was told before", async () => {
    const { account } = await openDesk();
    const told = () => {
      const answer = accountAnswer(account);
      const encoded = (json: boolean) => contentOf(GetAccountResponseSchema, answer, { json });
      const inBytes = decode(GetAccountResponseSchema, encoded(false)).account;
      const inJson = JSON.parse(encoded(true).toString()).account;
      expect([inJson.balance, inJson.linkUp ?? false]).toEqual([inBytes?.balance, inBytes?.linkUp]);
      return [inBytes?.balance, inBytes?.linkUp];
    };
    const { valuation } = account.record.holdings;
    const before = told();
    expect(told()).toEqual(before);

    account.value({ ...valuation, balance: (valuation.balance * 2) as typeof valuation.balance });
    expect(told()).toEqual([Number(before[0]) * 2, true]);
    account.desk.linkUp = false;
    expect(told()).toEqual([Number(before[0]) * 2, false]);
    account.value(valuation);
    expect(told()).toEqual([before[0], false]);
  });

  it("is told in the terms that its terminal says now", async () => {
    const { account } = await openDesk({ terminal: Object.assign(new ScriptedTerminal(), { account: { ...demo } }) });
    const { leverage } = account.info;
    expect(accountAnswer(account).account).toMatchObject({ leverage });
    Object.assign(account.info, { leverage: leverage / 2 });
    expect(accountAnswer(account).account).toMatchObject({ leverage: leverage / 2 });
    expect(accountAnswer(account)).toBe(accountAnswer(account));
  });
});
