/** HealthService: how the bridge and what it depends on are doing. */
import { create } from "@bufbuild/protobuf";
import {
  type GetHealthResponse,
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
import type { AccountInfo } from "../core/model/account.ts";
import type { BrokerClock } from "../core/model/broker-clock.ts";
import type { Instant, Moment } from "../core/model/ids.ts";
import type { TradingMode } from "../core/orders/trading-mode.ts";
import type { SourceState } from "../core/streams/course.ts";
import { isAlike, lasting } from "./lasting.ts";
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

export function healthService(health: HealthWatch, about: About) {
  const answers = new Answers(about);
  return service(
    HealthService,
    {
      getHealth: (_request, { principal }) => answers.of(look(health, about), principal),

      async *watchHealth(request, call) {
        const [first] = health.accounts;
        for await (const event of health.stream(heartbeatOf(request.heartbeatInterval), call)) {
          if (event.type === "snapshot" || event.type === "health") {
            const value = healthMessage(look(health, about), about, call.principal);
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
}

/** All that changes of what is told, in values that can be compared. */
interface Seen {
  readonly bridge: {
    readonly at: Instant;
    readonly startedAt: Instant;
    readonly serving: boolean;
    readonly message: string;
    /** What is wrong with it. */
    readonly store: string | undefined;
    readonly streams: number;
    readonly inFlight: number;
    readonly mode: TradingMode;
  };
  readonly terminals: readonly TerminalSeen[];
}

interface TerminalSeen extends Pick<AccountInfo, "alias" | "live" | "server" | "login"> {
  readonly linkUp: boolean;
  readonly message: string;
  readonly source: SourceState;
  readonly lastTick: Instant | undefined;
  /** How far the broker's clock is ahead of UTC, ms. */
  readonly clockOffset: number;
}

function look(health: HealthWatch, about: About): Seen {
  const { accounts, startedAt, inFlight, tradingMode: mode } = health;
  const { serving, message } = health.now;
  const store = accounts.find(({ record }) => record.failure !== undefined)?.record.outage.why;
  const at = health.clock.now();
  const bridge = { at, startedAt, serving, message, store, streams: about.streams(), inFlight, mode };
  return { bridge, terminals: accounts.map((account) => lookAt(account, at)) };
}

function lookAt({ info, desk, hub, linkMessage, sourceState }: Account, at: Instant): TerminalSeen {
  const { alias, live, server, login } = info;
  const { newest } = hub;
  const clockOffset = offsetAt(at, newest, desk.terminal);
  const told = { message: linkMessage, source: sourceState, lastTick: newest?.time, clockOffset };
  return { alias, live, server, login, linkUp: desk.linkUp, ...told };
}

/** Who asks again in the same moment, while nothing has changed, gets the same answer. */
class Answers {
  readonly #about: About;
  readonly #last = new WeakMap<Principal, { readonly seen: Seen; readonly answer: GetHealthResponse }>();

  constructor(about: About) {
    this.#about = about;
  }

  of(seen: Seen, principal: Principal): GetHealthResponse {
    let last = this.#last.get(principal);
    if (last === undefined || !isSame(last.seen, seen)) {
      const health = healthMessage(seen, this.#about, principal);
      last = { seen, answer: lasting(create(GetHealthResponseSchema, { health })) };
      this.#last.set(principal, last);
    }
    return last.answer;
  }
}

const isSame = (a: Seen, b: Seen): boolean =>
  isAlike(a.bridge, b.bridge) &&
  a.terminals.length === b.terminals.length &&
  a.terminals.every((terminal, i) => isAlike(terminal, b.terminals[i]));

/** The terminals are those of the accounts that the caller may know of. */
function healthMessage({ bridge, terminals }: Seen, about: About, principal: Principal): HealthMessage {
  const { at, startedAt, serving, message, store, streams, inFlight, mode } = bridge;
  return create(HealthSchema, {
    status: serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING,
    message,
    version: about.version,
    startTime: timestamp(startedAt),
    serverTime: timestamp(at),
    terminals: terminals
      .filter(({ alias }) => mayReadOf(principal, alias))
      .map((terminal) => terminalMessage(terminal)),
    store: create(PartHealthSchema, {
      state: store === undefined ? PartState.UP : PartState.DOWN,
      message: store === undefined ? "" : `${store}; orders are taken again as soon as it can be`,
    }),
    bus: create(PartHealthSchema, { state: PartState.NOT_USED, message: "a single replica" }),
    streams,
    ordersInFlight: inFlight,
    runtime: about.runtime,
    tradingMode: tradingModes[mode],
  });
}

function terminalMessage(terminal: TerminalSeen) {
  const { alias, live, server, login, linkUp, message, source, lastTick, clockOffset } = terminal;
  return create(TerminalHealthSchema, {
    account: alias,
    live,
    linkUp,
    message,
    server,
    login,
    sourceState: sources[source],
    ...(lastTick === undefined ? {} : { lastTickTime: timestamp(lastTick) }),
    clockOffset: duration(clockOffset),
  });
}

/** As the terminal knows the broker's clock, unless its ticks say otherwise: those of a recording may have another. */
function offsetAt(at: Instant, newest: Moment | undefined, terminal: BrokerClock): number {
  const usual = (time: Instant) => terminal.brokerTime(time) - time;
  const told = newest && newest.brokerTime - newest.time;
  return newest === undefined || told === undefined || told === usual(newest.time) ? usual(at) : told;
}
