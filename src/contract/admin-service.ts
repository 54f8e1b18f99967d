/** AdminService: for operators. */
import { create } from "@bufbuild/protobuf";
import {
  AdminService,
  DrainResponseSchema,
  GetTradingModeResponseSchema,
  TradingMode,
  TradingModeEntrySchema,
} from "../../gen/ts/mt5bridge/v1/admin_pb.ts";
import { BridgeError } from "../core/errors.ts";
import type { Instant } from "../core/model/ids.ts";
import { type Accounts, accountOf } from "./accounts.ts";
import { service } from "./service.ts";

/** What draining left. */
export interface Drained {
  readonly ordersInFlight: number;
  readonly streamsClosed: number;
}

/** Takes no new work, ends the streams, and resolves when nothing is in flight or `until` is near. */
export type Drain = (until: Instant | undefined, signal: AbortSignal) => Promise<Drained>;

export const adminService = (accounts: Accounts, drain: Drain) =>
  service(
    AdminService,
    {
      async getTradingMode(request) {
        const account = request.account === "" ? "" : accountOf(accounts, request.account).info.alias;
        // Until the kill switch exists everything is allowed, everywhere.
        const entry = create(TradingModeEntrySchema, { account, mode: TradingMode.ACTIVE });
        return create(GetTradingModeResponseSchema, { entries: [entry] });
      },

      async setTradingMode() {
        throw new BridgeError("not_implemented", "the kill switch is not part of this version");
      },

      async connectTerminal(request) {
        const { info } = accountOf(accounts, request.account);
        const message = `${info.alias} is part of the bridge itself: there is nothing to connect`;
        throw new BridgeError("not_supported", message);
      },

      async drain(_request, call) {
        return create(DrainResponseSchema, await drain(call.deadline, call.signal));
      },
    },
    { always: true },
  );
