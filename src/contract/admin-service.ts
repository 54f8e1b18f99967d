/** AdminService: for operators. */
import { create } from "@bufbuild/protobuf";
import {
  AdminService,
  ConnectTerminalResponseSchema,
  DrainResponseSchema,
  GetRiskLimitsResponseSchema,
  GetTradingModeResponseSchema,
  SetRiskLimitsResponseSchema,
  SetTradingModeResponseSchema,
  type TradingModeEntry,
  TradingModeEntrySchema,
} from "../../gen/ts/mt5bridge/v1/admin_pb.ts";
import type { Account } from "../core/accounts/account.ts";
import type { ControlRecord } from "../core/control/control-record.ts";
import { BridgeError } from "../core/errors.ts";
import type { Instant, StrategyId } from "../core/model/ids.ts";
import { readLimits } from "../core/orders/risk-limits.ts";
import type { ModeEntry, ModeScope } from "../core/orders/trading-mode.ts";
import { type Accounts, accountOf } from "./accounts.ts";
import { limitsDraft, limitsEntry } from "./risk-limits-message.ts";
import { type Call, service } from "./service.ts";
import { timestamp } from "./times.ts";
import { tradingModes, wordOf } from "./words.ts";

/** What draining left. */
interface Drained {
  readonly ordersInFlight: number;
  readonly streamsClosed: number;
}

/** Takes no new work, ends the streams, and resolves when nothing is in flight or `until` is near. */
export type Drain = (until: Instant | undefined, signal: AbortSignal) => Promise<Drained>;

/** Has the account's terminal connect anew; resolves when it has. */
export type Connect = (account: Account, call: Call) => Promise<void>;

/** `connect`: absent where terminals are part of the bridge. */
export const adminService = (accounts: Accounts, control: ControlRecord, drain: Drain, connect?: Connect) =>
  service(
    AdminService,
    {
      async getTradingMode(request) {
        const account = request.account === "" ? undefined : accountOf(accounts, request.account).info.alias;
        const set = control.modes.entries.filter(
          (entry) => account === undefined || entry.account === undefined || entry.account === account,
        );
        const isGlobal = ({ account, symbol }: ModeEntry) => account === undefined && symbol === undefined;
        const entries = set.map(entryMessage);
        if (!set.some(isGlobal)) entries.unshift(create(TradingModeEntrySchema, { mode: tradingModes.active }));
        return create(GetTradingModeResponseSchema, { entries });
      },

      async setTradingMode(request, call) {
        const scope = scopeOf(accounts, request);
        const mode = wordOf(tradingModes, request.mode) ?? "halted"; // validation has refused all others
        const decision = { reason: request.reason, by: call.principal.name };
        const entry = await control.setMode(scope, mode, decision);
        return create(SetTradingModeResponseSchema, { entry: entryMessage(entry) });
      },

      async getRiskLimits(request) {
        const meant = request.account === "" ? [...accounts.values()] : [accountOf(accounts, request.account)];
        const scopes = meant.flatMap(({ info }) => control.limits.scopesOf(info.alias));
        return create(GetRiskLimitsResponseSchema, {
          entries: scopes.map((scope) => limitsEntry(scope, control.limits)),
        });
      },

      async setRiskLimits(request, call) {
        const { info, symbols } = accountOf(accounts, request.account);
        const strategyId = request.strategyId as StrategyId | undefined;
        const scope = { account: info.alias, ...(strategyId === undefined ? {} : { strategyId }) };
        const limits = request.limits && readLimits(limitsDraft(request.limits), (name) => symbols.has(name));
        await control.setLimits(scope, limits, { reason: request.reason, by: call.principal.name });
        return create(SetRiskLimitsResponseSchema, { entry: limitsEntry(scope, control.limits) });
      },

      async connectTerminal(request, call) {
        const account = accountOf(accounts, request.account);
        const { alias } = account.info;
        if (connect === undefined) {
          throw new BridgeError("not_supported", `${alias} is part of the bridge itself: there is nothing to connect`);
        }
        await connect(account, call);
        return create(ConnectTerminalResponseSchema, { account: alias });
      },

      async drain(_request, call) {
        return create(DrainResponseSchema, await drain(call.deadline, call.signal));
      },
    },
    { always: true },
  );

/** A switch for a name that nobody has would hold nothing back, and look as if it did. */
function scopeOf(accounts: Accounts, { account, symbol }: { account: string; symbol: string }): ModeScope {
  const meant = account === "" ? [...accounts.values()] : [accountOf(accounts, account)];
  if (symbol !== "" && !meant.some(({ symbols }) => symbols.has(symbol))) {
    throw new BridgeError("unknown_symbol", `symbol: ${JSON.stringify(symbol)} is not known to the terminal`, {
      violations: [{ field: "symbol", description: "must be a symbol of the terminal, or empty for all" }],
    });
  }
  const [first] = meant;
  return {
    ...(account === "" || first === undefined ? {} : { account: first.info.alias }),
    ...(symbol === "" ? {} : { symbol }),
  };
}

function entryMessage({ account, symbol, mode, reason, setBy, setAt }: ModeEntry): TradingModeEntry {
  return create(TradingModeEntrySchema, {
    ...{ account: account ?? "", symbol: symbol ?? "", mode: tradingModes[mode], reason, setBy },
    setTime: timestamp(setAt),
  });
}
