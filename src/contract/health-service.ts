/** HealthService: how the bridge and what it depends on are doing. */
import { create } from "@bufbuild/protobuf";
import {
  GetHealthResponseSchema,
  type Health as HealthMessage,
  HealthSchema,
  HealthService,
  PartHealthSchema,
  PartState,
  ServingStatus,
  TerminalHealthSchema,
  WatchHealthResponseSchema,
} from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import type { Account } from "../core/accounts/account.ts";
import type { HealthWatch } from "../core/health/health.ts";
import { toBrokerTime } from "../core/model/broker-clock.ts";
import { mayReadOf, type Principal } from "./principal.ts";
import { service } from "./service.ts";
import { courseEvent, heartbeatOf } from "./streams.ts";
import { duration, timestamp } from "./times.ts";
import { sources, tradingModes } from "./words.ts";

/** What the bridge is, for those who ask. */
export interface About {
  readonly version: string;
  readonly runtime: string;
  /** Streams open now, on every transport. */
  streams(): number;
}

export const healthService = (health: HealthWatch, about: About) =>
  service(
    HealthService,
    {
      async getHealth(_request, { principal }) {
        return create(GetHealthResponseSchema, { health: healthMessage(health, about, principal) });
      },

      async *watchHealth(request, call) {
        const [first] = health.accounts;
        for await (const event of health.stream(heartbeatOf(request.heartbeatInterval), call)) {
          if (event.type === "snapshot" || event.type === "health") {
            const value = healthMessage(health, about, call.principal);
            yield create(WatchHealthResponseSchema, { event: { case: event.type, value } });
          } else {
            const common = courseEvent(event, first?.info);
            if (common.case !== "reset") yield create(WatchHealthResponseSchema, { event: common });
          }
        }
      },
    },
    { always: true },
  );

/** The terminals are those of the accounts that the caller may know of. */
function healthMessage(health: HealthWatch, about: About, principal: Principal): HealthMessage {
  const { serving, message } = health.now;
  const broken = health.accounts.find((account) => account.record.failure !== undefined);
  return create(HealthSchema, {
    status: serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING,
    message,
    version: about.version,
    startTime: timestamp(health.startedAt),
    serverTime: timestamp(health.clock.now()),
    terminals: health.accounts.filter(({ info }) => mayReadOf(principal, info.alias)).map(terminalMessage),
    store: create(PartHealthSchema, {
      state: broken === undefined ? PartState.UP : PartState.DOWN,
      message: broken === undefined ? "" : `${broken.record.whyShut}; orders are taken again as soon as it can be`,
    }),
    bus: create(PartHealthSchema, { state: PartState.NOT_USED, message: "a single replica" }),
    streams: about.streams(),
    ordersInFlight: health.inFlight,
    runtime: about.runtime,
    tradingMode: tradingModes[health.tradingMode],
  });
}

function terminalMessage(account: Account) {
  const { info, desk, hub, clock } = account;
  const { newest } = hub;
  const now = clock.now();
  return create(TerminalHealthSchema, {
    account: info.alias,
    live: info.live,
    linkUp: desk.linkUp,
    message: account.linkMessage,
    server: info.server,
    login: info.login,
    sourceState: sources[account.sourceState],
    ...(newest === undefined ? {} : { lastTickTime: timestamp(newest.time) }),
    clockOffset: duration(toBrokerTime(now) - now),
  });
}
