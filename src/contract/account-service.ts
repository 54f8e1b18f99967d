/** AccountService: what an account is worth and what it holds. */
import { create } from "@bufbuild/protobuf";
import {
  AccountService,
  AccountSnapshotSchema,
  ListAccountsResponseSchema,
  ListPositionsResponseSchema,
  type StreamAccountResponse,
  StreamAccountResponseSchema,
} from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import type { Account } from "../core/accounts/account.ts";
import { streamAccount } from "../core/accounts/stream-account.ts";
import { strategyIdOf } from "../core/model/ids.ts";
import { accountAnswer, accountMessage, factEvent, positionMessage, valuationMessage } from "./account-message.ts";
import { type Accounts, accountOf } from "./accounts.ts";
import { mayReadOf } from "./principal.ts";
import { service } from "./service.ts";
import { courseEvent, cursorFrom, cursorOf, heartbeatOf } from "./streams.ts";
import { milliseconds, timestamp } from "./times.ts";

export const accountService = (accounts: Accounts) =>
  service(AccountService, {
    getAccount(request) {
      const account = accountOf(accounts, request.account);
      const shown = account.record.shown();
      return shown === undefined ? accountAnswer(account) : shown.then(() => accountAnswer(account));
    },

    async listAccounts(_request, { principal }) {
      const all = [...accounts.values()]
        .filter(({ info }) => mayReadOf(principal, info.alias))
        .sort((a, b) => (a.info.alias < b.info.alias ? -1 : 1));
      return create(ListAccountsResponseSchema, { accounts: all.map(accountMessage) });
    },

    async listPositions(request) {
      const account = accountOf(accounts, request.account);
      await account.record.shown();
      const positions = account.record.openPositions.filter(
        (position) =>
          (request.symbol === "" || position.symbol === request.symbol) &&
          (request.strategyId === undefined || strategyIdOf(position.magic) === request.strategyId),
      );
      return create(ListPositionsResponseSchema, {
        positions: positions.map((position) => positionMessage(position, account)),
        asOf: timestamp(account.record.holdings.valuation.time),
      });
    },

    async *streamAccount(request, call) {
      const account = accountOf(accounts, request.account);
      const options = {
        after: cursorFrom(request.resumeAfter),
        heartbeat: heartbeatOf(request.heartbeatInterval),
        minInterval: milliseconds(request.minInterval, 100),
      };
      for await (const event of streamAccount(account, options, call)) yield messageOf(event, account);
    },
  });

type Event = ReturnType<typeof streamAccount> extends AsyncGenerator<infer E> ? E : never;

function messageOf(event: Event, account: Account): StreamAccountResponse {
  const message = create(StreamAccountResponseSchema, { event: eventOf(event, account) });
  message.cursor = cursorOf(event.cursor ?? account.record.accountFeed.cursor);
  return message;
}

function eventOf(event: Event, account: Account): StreamAccountResponse["event"] {
  switch (event.type) {
    case "snapshot": {
      const positions = event.positions.map((position) => positionMessage(position, account));
      return {
        case: "snapshot",
        value: create(AccountSnapshotSchema, { account: accountMessage(account), positions }),
      };
    }
    case "fact":
      return factEvent(event.fact, account);
    case "valuation":
      return { case: "valuation", value: valuationMessage(event.valuation, account) };
    default:
      return courseEvent(event, account.info);
  }
}
