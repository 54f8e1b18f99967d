/**
 * Environment and file, read once into one frozen object.
 *
 * Defaults < CONFIG_FILE < environment. Nothing else in the bridge reads the
 * environment. All that is wrong is told at once, each with what was given and what
 * would be right.
 */
import type { z } from "zod";
import { accessGaps, accessOf, isLoopback } from "./config/access.ts";
import { type GivenSettings, isSetting, type ReadFile, readGiven } from "./config/given.ts";
import { schema, settings, type Values } from "./settings.ts";

export type Config = ReturnType<typeof arrange>;

/** Every problem of a configuration; each line of the message is one. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

export function readConfig(
  env: NodeJS.ProcessEnv,
  readFile: ReadFile,
  platform: NodeJS.Platform = process.platform,
): Config {
  const problems: string[] = [];
  const given = readGiven(env, readFile, problems);
  const parsed = schema.safeParse(Object.fromEntries([...given].map(([name, { value }]) => [name, value])));
  if (!parsed.success) problems.push(...refusals(parsed.error, given));
  else problems.push(...contradictions(parsed.data, platform));
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return arrange(parsed.data);
}

function arrange(values: Values) {
  return Object.freeze({
    environment: values.ENVIRONMENT,
    terminal: values.TERMINAL,
    dataDir: values.DATA_DIR,
    databaseUrl: values.DATABASE_URL,
    logLevel: values.LOG_LEVEL,
    network: Object.freeze({
      bindAddress: values.BIND_ADDRESS,
      /** Whether nobody can reach it from another machine. */
      loopback: isLoopback(values.BIND_ADDRESS),
      grpcPort: values.GRPC_PORT,
      bridgePort: values.MT5_BRIDGE_PORT,
      metricsPort: values.METRICS_PORT,
      linkPort: values.TERMINAL_LINK_PORT,
      redisUrl: values.REDIS_URL,
      /** Of web pages, besides those of this machine and the bridge's own. */
      origins: Object.freeze(values.CORS_ORIGINS ?? []),
    }),
    access: Object.freeze(accessOf(values)),
    risk: Object.freeze(riskOf(values)),
    edgeWorkers: values.EDGE_WORKERS,
    limits: Object.freeze({
      connections: values.MAX_CONNECTIONS,
      streams: values.MAX_STREAMS,
      peerTimeoutMs: values.PEER_TIMEOUT,
      drainTimeoutMs: values.DRAIN_TIMEOUT,
    }),
    history: Object.freeze({ maxBytes: values.HISTORY_MAX_BYTES, maxDays: values.HISTORY_MAX_DAYS }),
    paper: Object.freeze({
      symbols: Object.freeze(values.PAPER_SYMBOLS),
      symbolFiles: Object.freeze(values.PAPER_SYMBOL_FILE ?? []),
      seed: values.PAPER_SEED,
      /** Ticks per second, all symbols together. */
      rate: values.PAPER_RATE,
      keepSessions: values.PAPER_SESSIONS,
      /** Files of recorded ticks; none: the market is generated. */
      replay: Object.freeze(values.PAPER_REPLAY ?? []),
      speed: values.PAPER_SPEED,
      start: values.PAPER_START,
      strict: values.PAPER_STRICT,
      timeZone: values.PAPER_TIME_ZONE,
      /** In the account's currency, not in minor units. */
      balance: values.PAPER_BALANCE,
      currency: values.PAPER_CURRENCY,
      leverage: values.PAPER_LEVERAGE,
      marginMode: values.PAPER_MARGIN_MODE,
      marginCallPercent: values.PAPER_MARGIN_CALL,
      stopOutPercent: values.PAPER_STOP_OUT,
      commissionPerLot: values.PAPER_COMMISSION,
      slippagePoints: values.PAPER_SLIPPAGE,
      latencyMs: values.PAPER_LATENCY,
      /** Lots on each side of a tick; 0: any volume. */
      depthLots: values.PAPER_DEPTH,
      gaps: values.PAPER_GAPS,
    }),
    live: Object.freeze({
      /** Those that may dial in; none: any but real ones. */
      accounts: Object.freeze(liveAccountsOf(values)),
      realAllowed: values.ENABLE_LIVE_TRADING,
      /** Whose ticks are sent; none: all of the market watch. */
      symbols: Object.freeze(values.LIVE_SYMBOLS ?? []),
      names: Object.freeze({
        prefix: values.SYMBOL_PREFIX ?? "",
        suffix: values.SYMBOL_SUFFIX ?? "",
        table: values.SYMBOL_MAP ?? new Map<string, string>(),
      }),
      password: values.MT5_PASSWORD,
      timeoutMs: values.MT5_TIMEOUT,
    }),
  });
}

function liveAccountsOf({ LIVE_ACCOUNTS: named = [], MT5_LOGIN: login, MT5_SERVER: server }: Values) {
  return login === undefined || server === undefined ? [...named] : [{ alias: String(login), login, server }];
}

/** What is unset has no limit. The names are the contract's. */
function riskOf(values: Values) {
  const strategies = new Map<number, Record<string, unknown>>();
  for (const { strategyId, name, value } of values.RISK_STRATEGIES ?? []) {
    strategies.set(strategyId, { ...strategies.get(strategyId), [camel(name)]: value });
  }
  const account = Object.fromEntries(
    Object.entries(values)
      .filter(([name, value]) => name.startsWith("RISK_") && name !== "RISK_STRATEGIES" && value !== undefined)
      .map(([name, value]) => [camel(name.slice("RISK_".length).toLowerCase()), value]),
  );
  return { account: Object.freeze(account), strategies };
}

const camel = (name: string): string => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

// What is wrong with them.

function refusals(error: z.ZodError, given: GivenSettings): string[] {
  const told = new Map<string, string>();
  for (const issue of error.issues) {
    const name = String(issue.path[0]);
    if (!isSetting(name) || told.has(name)) continue;
    const { value, source } = given.get(name) ?? { value: "", source: "default" };
    const { secret, range, unit } = settings[name];
    const shown = secret ? "" : `=${typeof value === "string" ? value : value.join(",")}`;
    const reason = issue.code === "custom" && issue.message.startsWith("must") ? issue.message : `must be ${range}`;
    told.set(name, `${name}${shown} (${source}): ${reason}${unit === "" ? "" : ` (${unit})`}${linkHint(name, value)}`);
  }
  return [...told.values()];
}

/** Kubernetes sets NAME_PORT for a service of that name: MT5_BRIDGE_PORT for one that is called mt5-bridge. */
function linkHint(name: string, value: string | readonly string[]): string {
  const isLink = name.endsWith("_PORT") && String(value).startsWith("tcp://");
  return isLink ? "; Kubernetes sets this for a service of the same name: turn enableServiceLinks off" : "";
}

/** Values that are each valid, but not together, or not yet. */
function* contradictions(values: Values, platform: NodeJS.Platform): Generator<string> {
  yield* accessGaps(values);
  if (values.EDGE_WORKERS > 0 && platform !== "linux") {
    yield `EDGE_WORKERS=${values.EDGE_WORKERS}: threads can share the bridge's ports on Linux only, and this is ${platform}; use EDGE_WORKERS=0`;
  }
  if (values.TERMINAL === "live") yield* liveGaps(values);
  const open = values.TERMINAL === "live" ? (["TERMINAL_LINK_PORT"] as const) : [];
  const ports = ["GRPC_PORT", "MT5_BRIDGE_PORT", "METRICS_PORT", ...open] as const;
  for (const [index, name] of ports.entries()) {
    const same = ports.slice(index + 1).find((other) => values[name] !== 0 && values[other] === values[name]);
    if (same !== undefined) yield `${name}=${values[name]}: must not be the same port as ${same}`;
  }
  if (values.PAPER_STOP_OUT > values.PAPER_MARGIN_CALL) {
    yield `PAPER_STOP_OUT=${values.PAPER_STOP_OUT}: must not be above PAPER_MARGIN_CALL, which is ${values.PAPER_MARGIN_CALL} (percent)`;
  }
}

function* liveGaps(values: Values): Generator<string> {
  if (values.EDGE_WORKERS > 0) {
    yield `EDGE_WORKERS=${values.EDGE_WORKERS}: serves paper accounts only; use 0 with TERMINAL=live`;
  }
  if ((values.MT5_LOGIN === undefined) !== (values.MT5_SERVER === undefined)) {
    const [given, missing] = values.MT5_LOGIN === undefined ? ["SERVER", "LOGIN"] : ["LOGIN", "SERVER"];
    yield `MT5_${given}: needs MT5_${missing} with it, as an account is a number at a server`;
  }
  if (values.MT5_LOGIN !== undefined && values.LIVE_ACCOUNTS !== undefined) {
    yield "MT5_LOGIN and LIVE_ACCOUNTS: set one of the two";
  }
}
