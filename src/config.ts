/**
 * Environment and file, read once into one frozen object.
 *
 * Defaults < CONFIG_FILE < environment. Nothing else in the bridge reads the
 * environment. An empty value counts as not given: that is how people blank a line.
 *
 * All that is wrong is told at once, each with what was given and what would be right.
 * A name nobody knows is wrong too: a misspelled limit must not leave its default in
 * force unnoticed. In the environment, which is shared with others, that holds for the
 * names that start as ours do.
 */
import { createRequire } from "node:module";
import { BlockList, isIP } from "node:net";
import type { z } from "zod";
import { type SettingName, schema, settings } from "./settings.ts";

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

/** A value as it was written, and where. */
interface Given {
  readonly value: string | readonly string[];
  readonly source: string;
}

type GivenSettings = Map<string, Given>;

export function readConfig(
  env: NodeJS.ProcessEnv,
  readFile: (path: string) => string,
  platform: NodeJS.Platform = process.platform,
): Config {
  const problems: string[] = [];
  const fromEnvironment = givenInEnvironment(env, problems);
  const fromFile = givenInFile(fromEnvironment.get("CONFIG_FILE"), readFile, problems);
  const given = overlay(fromFile, fromEnvironment);
  readPassword(given, readFile, problems);
  for (const name of ["API_KEYS_FILE", "JWT_PUBLIC_KEY_FILE", "TLS_CERT_FILE", "TLS_KEY_FILE"] as const) {
    const path = given.get(name)?.value;
    if (path !== undefined) read(name, String(path), readFile, problems); // they are opened later, and missed now
  }

  const parsed = schema.safeParse(Object.fromEntries([...given].map(([name, { value }]) => [name, value])));
  if (!parsed.success) problems.push(...refusals(parsed.error, given));
  else problems.push(...contradictions(parsed.data, platform));
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems);
  return arrange(parsed.data);
}

type Values = z.infer<typeof schema>;

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

function accessOf(values: Values) {
  const { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile } = values;
  const tokens = {
    jwksUrl: values.JWT_JWKS_URL,
    publicKeyFile: values.JWT_PUBLIC_KEY_FILE,
    secret: values.JWT_SECRET,
    issuer: values.JWT_ISSUER,
    audience: values.JWT_AUDIENCE,
  };
  return {
    keysFile: values.API_KEYS_FILE,
    tokens: waysToCheckTokens(values).length === 0 ? undefined : Object.freeze(tokens),
    certificate: certFile === undefined || keyFile === undefined ? undefined : Object.freeze({ certFile, keyFile }),
    /** What is unset has a default that depends on who calls. */
    rates: Object.freeze({
      requests: values.RATE_LIMIT_REQUESTS,
      orders: values.RATE_LIMIT_ORDERS,
      messages: values.RATE_LIMIT_MESSAGES,
    }),
  };
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

// Where values are given.

const ours =
  /^(MT5_|PAPER_|GRPC_|HISTORY_MAX_|RATE_LIMIT_|RISK_|API_KEYS?_FI|TLS_(CERT|KEY|TERM)|JWT_(JWK|PUB|ISS|AUD)|CORS_ORI|TERMINAL_LINK|LIVE_(ACC|SYM)|ENABLE_LIVE|SYMBOL_(PRE|SUF|MAP))/;

/** What others put under the same prefixes: gRPC's own libraries, and Kubernetes for every service it knows. */
const theirs = [
  /^GRPC_((NODE|EXPERIMENTAL|XDS|GO|PYTHON|CLIENT|DNS|ENABLE)_|TRACE$|VERBOSITY$|DEFAULT_SSL_ROOTS_|SSL_|POLL_STRATEGY$)/,
  /_SERVICE_(HOST|PORT(_\w+)?)$/,
  /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/,
];

function givenInEnvironment(env: NodeJS.ProcessEnv, problems: string[]): GivenSettings {
  const given: GivenSettings = new Map();
  for (const [name, value = ""] of Object.entries(env)) {
    if (isSetting(name)) put(given, name, value, "environment");
    else if (ours.test(name) && !theirs.some((pattern) => pattern.test(name)))
      problems.push(unknown(name, "environment"));
  }
  return given;
}

function givenInFile(file: Given | undefined, readFile: (path: string) => string, problems: string[]): GivenSettings {
  const given: GivenSettings = new Map();
  const path = String(file?.value ?? "");
  const content = path === "" ? "" : read("CONFIG_FILE", path, readFile, problems);
  if (content === undefined) return given;
  if (content === "") return given;

  const { isMap, isScalar, isSeq, LineCounter, parseDocument } = createRequire(import.meta.url)(
    "yaml",
  ) as typeof import("yaml");
  // In YAML's failsafe schema every scalar is text, as it is in the environment.
  const lines = new LineCounter();
  const document = parseDocument(content, { schema: "failsafe", lineCounter: lines, prettyErrors: false });
  const at = (offset: number | undefined) => `${path}:${lines.linePos(offset ?? 0).line}`;
  for (const { message, pos } of document.errors) problems.push(`${at(pos[0])}: not valid YAML: ${message}`);
  if (document.errors.length > 0 || document.contents === null) return given;
  if (!isMap(document.contents)) {
    if (content.trim() !== "") problems.push(`${path}: must be a list of lines "NAME: value"`);
    return given;
  }
  for (const { key, value } of document.contents.items) {
    const name = isScalar(key) ? String(key.value) : String(key);
    const source = at(isScalar(key) ? key.range?.[0] : undefined);
    if (!isSetting(name)) problems.push(unknown(name, source));
    else if (name === "CONFIG_FILE") problems.push(`${name} (${source}): can only be set in the environment`);
    else if (value === null || isScalar(value)) put(given, name, String(value?.value ?? ""), source);
    else if (isSeq(value) && value.items.every(isScalar)) {
      put(
        given,
        name,
        value.items.map((item) => String(isScalar(item) ? item.value : "")),
        source,
      );
    } else problems.push(`${name} (${source}): must be ${settings[name].range}`);
  }
  return given;
}

function put(given: GivenSettings, name: SettingName, value: string | readonly string[], source: string): void {
  const trimmed = typeof value === "string" && name !== "MT5_PASSWORD" ? value.trim() : value;
  if (trimmed.length > 0) given.set(name, { value: trimmed, source });
}

/** The environment goes before the file; that a password is given in one hides both ways of giving it in the other. */
function overlay(file: GivenSettings, environment: GivenSettings): GivenSettings {
  const given = new Map([...file, ...environment]);
  const ways = ["MT5_PASSWORD", "MT5_PASSWORD_FILE"];
  if (ways.some((name) => environment.has(name))) {
    for (const name of ways) if (!environment.has(name)) given.delete(name);
  }
  return given;
}

function readPassword(given: GivenSettings, readFile: (path: string) => string, problems: string[]): void {
  const file = given.get("MT5_PASSWORD_FILE");
  if (file === undefined) return;
  if (given.has("MT5_PASSWORD")) {
    problems.push(`MT5_PASSWORD and MT5_PASSWORD_FILE (${file.source}): set one of the two`);
    return;
  }
  const content = read("MT5_PASSWORD_FILE", String(file.value), readFile, problems);
  if (content === undefined) return;
  const value = content.replace(/\r?\n$/, "");
  if (value === "") problems.push(`MT5_PASSWORD_FILE=${file.value} (${file.source}): is empty`);
  else given.set("MT5_PASSWORD", { value, source: String(file.value) });
}

function read(name: string, path: string, readFile: (path: string) => string, problems: string[]): string | undefined {
  try {
    return readFile(path);
  } catch (error) {
    const why = error instanceof Error && "code" in error ? String(error.code) : String(error);
    problems.push(`${name}=${path}: cannot be read (${why})`);
    return undefined;
  }
}

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

type Way = "JWT_JWKS_URL" | "JWT_PUBLIC_KEY_FILE" | "JWT_SECRET";

function waysToCheckTokens(values: Values): Way[] {
  const ways: readonly Way[] = ["JWT_JWKS_URL", "JWT_PUBLIC_KEY_FILE", "JWT_SECRET"];
  return ways.filter((name) => values[name] !== undefined);
}

/** Strangers come in by an address that others can reach, and by a protection that was meant but is not there. */
function* accessGaps(values: Values): Generator<string> {
  const ways = waysToCheckTokens(values);
  const [way, another] = ways;
  if (another !== undefined) yield `${ways.join(" and ")}: set one of them, as a token is checked in one way`;
  if (way === undefined && values.JWT_ISSUER !== undefined) {
    yield "JWT_ISSUER: means nothing without JWT_JWKS_URL or JWT_PUBLIC_KEY_FILE, with which tokens are checked";
  }
  if (values.JWT_SECRET !== undefined && values.ENVIRONMENT !== "development") {
    yield `JWT_SECRET: is for ENVIRONMENT=development, not ${values.ENVIRONMENT}, as whoever checks with it could make tokens too; use JWT_JWKS_URL or JWT_PUBLIC_KEY_FILE`;
  }
  const hasTls = values.TLS_CERT_FILE !== undefined && values.TLS_KEY_FILE !== undefined;
  if (!hasTls && values.TLS_CERT_FILE !== undefined) yield "TLS_CERT_FILE: needs TLS_KEY_FILE with it";
  if (!hasTls && values.TLS_KEY_FILE !== undefined) yield "TLS_KEY_FILE: needs TLS_CERT_FILE with it";

  if (isLoopback(values.BIND_ADDRESS)) return;
  const bind = `BIND_ADDRESS=${values.BIND_ADDRESS}`;
  if (values.API_KEYS_FILE === undefined && way === undefined) {
    yield `${bind}: needs keys or tokens, because there is no authentication without and whoever reaches the port could trade: set API_KEYS_FILE (npm run keys -- create makes it), JWT_JWKS_URL or JWT_PUBLIC_KEY_FILE, or listen on 127.0.0.1`;
  }
  if (!hasTls && !values.TLS_TERMINATED_UPSTREAM) {
    yield `${bind}: needs TLS, because keys and orders could be read on the way: set TLS_CERT_FILE and TLS_KEY_FILE, or TLS_TERMINATED_UPSTREAM=true where something in front of the bridge speaks TLS`;
  }
}

function isLoopback(address: string): boolean {
  const loopback = new BlockList();
  loopback.addSubnet("127.0.0.0", 8);
  loopback.addAddress("::1", "ipv6");
  return address === "localhost" || loopback.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

const isSetting = (name: string): name is SettingName => Object.hasOwn(settings, name);

function unknown(name: string, source: string): string {
  const near = nearest(name, Object.keys(settings));
  return `${name} (${source}): there is no such setting${near === undefined ? "" : `; did you mean ${near}?`}`;
}

/** The most similar of the candidates, if one is similar enough to be meant. */
function nearest(word: string, candidates: readonly string[]): string | undefined {
  const distances = candidates.map((candidate) => ({
    candidate,
    distance: editDistance(word.toUpperCase(), candidate),
  }));
  const best = distances.reduce((a, b) => (b.distance < a.distance ? b : a));
  return best.distance <= Math.max(2, word.length / 3) ? best.candidate : undefined;
}

/** How many letters to insert, drop, change or swap with their neighbour. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const swapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        (row[j - 1] ?? 0) + 1,
        (previous[j] ?? 0) + 1,
        (previous[j - 1] ?? 0) + (same ? 0 : 1),
        swapped ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}
