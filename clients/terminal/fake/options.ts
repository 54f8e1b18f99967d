/** What the fake terminal is told: by flags, or by the environment under the names in brackets. */
import { parseArgs } from "node:util";
import { policies } from "./dead-man.ts";
import { type Manner, mannerOf } from "./manners.ts";
import { oddNumbersOf } from "./odd-numbers.ts";

interface Option {
  readonly env?: string;
  readonly usual: string;
  readonly told: string;
}

const options = {
  address: { env: "BRIDGE_ADDRESS", usual: "127.0.0.1:50052", told: "the bridge: host:port" },
  carrier: { env: "BRIDGE_CARRIER", usual: "tcp", told: "tcp, or grpc (whose port is 50051 as a rule)" },
  token: { env: "BRIDGE_TOKEN", usual: "", told: "API key or token with the scope terminal" },
  ca: { usual: "", told: "file of the certificates to trust; given, the link is over TLS" },
  state: {
    env: "TERMINAL_STATE",
    usual: "",
    told: "folder of the inbox and the broker's books; none: they die with the process",
  },
  login: { env: "TERMINAL_LOGIN", usual: "1000001", told: "the account's number" },
  server: { env: "TERMINAL_SERVER", usual: "Broker-Demo", told: "the broker's server" },
  "trade-mode": { env: "TERMINAL_TRADE_MODE", usual: "0", told: "0 demo, 1 contest, 2 real" },
  "margin-mode": { usual: "hedging", told: "hedging or netting" },
  balance: { usual: "10000", told: "of the account at its beginning, in USD" },
  symbols: {
    env: "TERMINAL_SYMBOLS",
    usual: "EURUSD,GBPUSD,USDJPY,XAUUSD",
    told: "the market watch; what the paper terminal has, `*` for all",
  },
  market: { usual: "generated", told: "generated, or still (EURUSD and GBPUSD only, at prices that do not move)" },
  rate: { usual: "10", told: "ticks a second of all symbols together, of the generated market" },
  seed: { usual: "1", told: "of prices and faults" },
  "broker-clock": {
    usual: "new-york",
    told: "new-york (New York + 7 hours), or minutes ahead of UTC, --broker-clock=-90 behind it",
  },
  "max-volume": { env: "TERMINAL_MAX_VOLUME", usual: "0", told: "lots of one order; 0: no limit of its own" },
  "max-orders-per-minute": {
    env: "TERMINAL_MAX_ORDERS_PER_MINUTE",
    usual: "0",
    told: "orders in any 60 s; 0: no limit of its own",
  },
  "allowed-symbols": { env: "TERMINAL_ALLOWED_SYMBOLS", usual: "", told: "that may be traded; none: all" },
  "dead-man": { env: "TERMINAL_DEAD_MAN", usual: "none", told: "none, cancel or flatten, when the bridge stays away" },
  "dead-man-seconds": { env: "TERMINAL_DEAD_MAN_SECONDS", usual: "60", told: "for so long" },
  "retry-ms": {
    env: "TERMINAL_RETRY_MS",
    usual: "500",
    told: "the first pause before it dials again; doubles up to 5 s",
  },
  ring: { env: "TERMINAL_RING", usual: "65536", told: "how many reports are kept until the bridge has taken them" },
  "patience-ms": { env: "TERMINAL_PATIENCE_MS", usual: "15000", told: "how long the broker may take to answer" },
  "latency-ms": { usual: "0", told: "requests take between 0 and twice as long to reach the broker" },
  "delay-ms": { usual: "0", told: "fault: frames are up to so much late, both ways" },
  drop: { usual: "0", told: "fault: share of frames that cost the connection, 0 to 1" },
  duplicate: { usual: "0", told: "fault: share of frames that go out twice, 0 to 1" },
  "cut-every": { usual: "0", told: "fault: each connection is cut after so many seconds; 0: never" },
  "mute-after": { usual: "0", told: "fault: each connection goes silent after so many seconds, and stays; 0: never" },
  "on-order": {
    usual: "",
    told: "fault: what the broker does with its n-th order: 3=silent,5=retcode=10099,7=slow=2000",
  },
  tell: {
    usual: "",
    told: "fault: numbers in place of those it has, by the link's names: deal.reason=42,symbol.trade_calc_mode=77",
  },
} as const satisfies Readonly<Record<string, Option>>;

type Name = keyof typeof options;

/** What is wrong with what was given; each line of the message is one problem. */
export class OptionError extends Error {}

export type Settings = ReturnType<typeof readOptions>;

export const helpText = (): string => {
  const rows = Object.entries(options as Readonly<Record<string, Option>>).map(([name, { env, usual, told }]) => {
    const otherwise = usual === "" ? "" : ` (${usual})`;
    return `  --${name.padEnd(22)} ${told}${otherwise}${env === undefined ? "" : `  [${env}]`}`;
  });
  return [
    "A MetaTrader 5 terminal that is none: the paper broker behind the link's real protocol.",
    "",
    "  npm run terminal:fake -- [flags]",
    "",
    ...rows,
    "",
    "An order's comment may ask for a fault too: #silent, #retcode=10012, #slow=800.",
    "",
  ].join("\n");
};

export function readOptions(args: readonly string[], env: Readonly<Record<string, string | undefined>>) {
  const flags = Object.keys(options).map((name) => [name, { type: "string" }] as const);
  let given: Partial<Record<string, string | boolean>>;
  try {
    given = parseArgs({ args: [...args], options: Object.fromEntries(flags), strict: true }).values;
  } catch (error) {
    throw new OptionError(error instanceof Error ? error.message : String(error));
  }
  const problems: string[] = [];
  const text = (name: Name): string => {
    const { env: variable, usual } = options[name] as Option;
    return String(given[name] ?? (variable === undefined ? undefined : env[variable]) ?? usual);
  };
  const number = (name: Name, least: number, most: number): number => {
    const value = Number(text(name));
    if (text(name) !== "" && value >= least && value <= most) return value;
    problems.push(`--${name} is a number from ${least} to ${most}, not ${text(name)}`);
    return least;
  };
  const one = <T extends string>(name: Name, among: readonly T[]): T => {
    const found = among.find((each) => each === text(name));
    if (found === undefined) problems.push(`--${name} is one of ${among.join(", ")}, not ${text(name)}`);
    return found ?? (among[0] as T);
  };
  const list = (name: Name): string[] =>
    text(name)
      .split(",")
      .filter((part) => part !== "");
  const [named = "", port = ""] = text("address").split(/:(?=\d+$)/);
  const host = named.replace(/^\[(.*)\]$/, "$1");
  if (host === "" || !(Number(port) > 0 && Number(port) < 65_536)) problems.push("--address is host:port");
  const clock = text("broker-clock");
  if (clock !== "new-york") number("broker-clock", -1440, 1440);
  const settings = {
    ...{ host, port: Number(port), carrier: one("carrier", ["tcp", "grpc"]), token: text("token"), ca: text("ca") },
    state: text("state"),
    login: BigInt(number("login", 1, Number.MAX_SAFE_INTEGER)),
    server: text("server"),
    tradeMode: (["demo", "contest", "real"] as const)[number("trade-mode", 0, 2)] ?? "demo",
    marginMode: one("margin-mode", ["hedging", "netting"]),
    balance: number("balance", 0, 1e12),
    symbols: list("symbols"),
    market: one("market", ["generated", "still"]),
    rate: number("rate", 0.01, 100_000),
    seed: text("seed"),
    offsetMinutes: clock === "new-york" ? undefined : Number(clock),
    limits: {
      maxVolume: number("max-volume", 0, 1e6),
      ordersPerMinute: number("max-orders-per-minute", 0, 1e6),
      symbols: list("allowed-symbols"),
    },
    absence: { policy: one("dead-man", policies), seconds: number("dead-man-seconds", 0.1, 1e6) },
    retryMs: number("retry-ms", 1, 60_000),
    ring: number("ring", 1, 1e6),
    patienceMs: number("patience-ms", 1, 1e6),
    latencyMs: number("latency-ms", 0, 60_000),
    mischief: {
      delayMs: number("delay-ms", 0, 60_000),
      drop: number("drop", 0, 1),
      duplicate: number("duplicate", 0, 1),
      cutAfterMs: 1000 * number("cut-every", 0, 1e6),
      muteAfterMs: 1000 * number("mute-after", 0, 1e6),
    },
    manners: mannersOf(list("on-order"), problems),
    odd: oddNumbersOf(list("tell"), problems),
  };
  if (problems.length > 0) throw new OptionError(problems.join("\n"));
  return settings;
}

function mannersOf(items: readonly string[], problems: string[]): ReadonlyMap<number, Manner> {
  return new Map(
    items.flatMap((item) => {
      const [, place, text] = /^(\d+)=(.+)$/.exec(item) ?? [];
      const manner = mannerOf(`#${text}`);
      if (manner !== undefined) return [[Number(place), manner] as const];
      problems.push(`--on-order has n=silent, n=retcode=CODE or n=slow=MS, not ${item}`);
      return [];
    }),
  );
}
