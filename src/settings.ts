/**
 * Every setting of the bridge, in one table.
 *
 * The schema, `--help`, the README's table and `.env.example` all come from here, so
 * that none of them can tell something the others do not.
 *
 * A value reaches its schema as text, from the environment as from the file: what is
 * valid does not depend on where it was written, and a login or a password of digits
 * keeps its leading zeros. Only a list may also come as a YAML list.
 */
import { z } from "zod";
import {
  address,
  affix,
  databaseUrl,
  decimal,
  files,
  flag,
  type Kind,
  keysUrl,
  limits,
  list,
  liveAccounts,
  login,
  oneOf,
  origins,
  path,
  port,
  redisUrl,
  speed,
  strategyLimits,
  symbolTable,
  text,
  timeZone,
  whole,
} from "./config/kinds.ts";

export interface Setting<T = unknown> {
  readonly schema: z.ZodType<T>;
  /** In the words of the environment; absent where nothing is set unless asked for. */
  readonly default?: string;
  readonly range: string;
  readonly unit: string;
  readonly about: string;
  /** Its value is never shown, not even in the error that refuses it. */
  readonly secret: boolean;
}

// How a row of the table is written.

/** A setting that always has a value. */
function setting<T>(kind: Kind<T>, fallback: string, about: string): Setting<T> {
  const schema = z.preprocess((given) => given ?? fallback, kind.schema);
  return { schema, default: fallback, range: kind.range, unit: kind.unit ?? "", about, secret: false };
}

/** A setting that stays unset unless it is given. */
function optional<T>(kind: Kind<T>, about: string): Setting<T | undefined> {
  return { schema: kind.schema.optional(), range: kind.range, unit: kind.unit ?? "", about, secret: false };
}

const secret = <T>(row: Setting<T>): Setting<T> => ({ ...row, secret: true });

/** Understood and checked already, so that a configuration written now stays right. */
const reserved = <T>(row: Setting<T>): Setting<T> => ({ ...row, about: `${row.about} Reserved for a later version.` });

const symbols = "EURUSD,GBPUSD,USDJPY,AUDUSD,XAUUSD,US500,NAS100,BTCUSD";

// biome-ignore format: a table is read by its rows
const bridge = {
  CONFIG_FILE:     optional(path, "A YAML file with settings by these same names; the environment goes before it."),
  ENVIRONMENT:     setting(oneOf("development", "staging", "production"), "development", "What this bridge is run for; named in logs and health."),
  TERMINAL:        setting(oneOf("paper", "live"), "paper", "What is behind the bridge: the embedded simulator, or live MetaTrader 5 terminals, which dial in."),
  BIND_ADDRESS:    setting(address, "127.0.0.1", "The address to listen on. Any but a loopback one asks for keys or tokens, and for TLS here or in front."),
  GRPC_PORT:       setting(port, "50051", "Where gRPC is served; 0 takes any free port and prints it."),
  MT5_BRIDGE_PORT: setting(port, "8001", "Where HTTP, Connect and WebSocket are served; 0 takes any free port and prints it."),
  METRICS_PORT:    setting(port, "9001", "Where Prometheus metrics are served, at /metrics; 0 takes any free port and prints it."),
  TERMINAL_LINK_PORT: setting(port, "50052", "Where live terminals dial in that have only sockets, as the Expert Advisor has; the agent uses GRPC_PORT. 0 takes any free port and prints it. Open with TERMINAL=live only."),
  DATA_DIR:        setting(path, "./data", "Where the journal, the account and the tick history are kept; made when absent."),
  DATABASE_URL:    secret(optional(databaseUrl, "The PostgreSQL that keeps the journal; without it, a file in DATA_DIR does. Ticks stay in DATA_DIR.")),
  LOG_LEVEL:       setting(oneOf("debug", "info", "warn", "error"), "info", "The least severity that is logged."),
  EDGE_WORKERS:    setting(whole(0, 64), "0", "Threads that serve the ports and stream ticks, apart from the one that orders go through (Linux only); 0: none apart. Each has the limits below for itself."),
  MAX_CONNECTIONS: setting(whole(1, 100_000), "100", "The most client connections at a time; further ones are refused."),
  MAX_STREAMS:     setting(whole(1, 1_000_000), "1000", "The most streams at a time, all clients together; further ones are refused."),
  PEER_TIMEOUT:    setting(whole(1_000, 600_000, "ms"), "20000", "How long it takes at most to notice that a peer has vanished without a word: on gRPC, HTTP/2 and WebSocket. A dead-man switch counts from then on."),
  DRAIN_TIMEOUT:   setting(whole(0, 600_000, "ms"), "10000", "How long a stop waits for what is in flight before it ends it."),
  HISTORY_MAX_BYTES: setting(whole(1_048_576, 1_099_511_627_776, "bytes"), "1073741824", "The most disk space that tick history takes; the oldest goes first."),
  HISTORY_MAX_DAYS:  setting(whole(1, 36_500, "days"), "400", "How long ticks are kept in history."),
  REDIS_URL:       reserved(secret(optional(redisUrl, "The Redis that carries ticks and events between replicas."))),
};

// biome-ignore format: a table is read by its rows
const access = {
  API_KEYS_FILE:         optional(path, "The API keys that may call, made by `npm run keys`. Without keys and tokens everybody who reaches the bridge may do everything."),
  JWT_JWKS_URL:          optional(keysUrl, "Where the issuer of tokens publishes its keys."),
  JWT_PUBLIC_KEY_FILE:   optional(path, "The issuer's public key (PEM); instead of JWT_JWKS_URL."),
  JWT_SECRET:            secret(optional(text(/^.{32,1024}$/s, "32 to 1024 characters"), "A secret shared with the issuer; instead of JWT_JWKS_URL, and only with ENVIRONMENT=development.")),
  JWT_ISSUER:            optional(text(/^\S{1,256}$/, "1 to 256 characters"), "Who must have issued a token; unset, whoever has the key."),
  JWT_AUDIENCE:          setting(text(/^\S{1,256}$/, "1 to 256 characters"), "mt5-bridge", "For whom a token must be."),
  TLS_CERT_FILE:         optional(path, "The certificate with its chain (PEM), for every port; read again when it changes."),
  TLS_KEY_FILE:          optional(path, "The certificate's key (PEM); read again when it changes."),
  TLS_TERMINATED_UPSTREAM: setting(flag, "false", "Whether something in front of the bridge speaks TLS, so that it may listen on any address without."),
  CORS_ORIGINS:          optional(origins, "The web pages, by their origins, whose scripts may call the bridge from a browser."),
  RATE_LIMIT_REQUESTS:   optional(whole(1, 100_000_000, "a minute"), "The most requests of one caller, orders not counted. Unset it is 1000, without keys and tokens unlimited."),
  RATE_LIMIT_ORDERS:     optional(whole(1, 100_000_000, "a minute"), "The most orders and changes of one caller; cancels and closes are never refused for rate. Unset as above."),
  RATE_LIMIT_MESSAGES:   optional(whole(1, 1_000_000, "a second"), "The most WebSocket messages of one caller. Unset it is 100, without keys and tokens unlimited."),
};

// biome-ignore format: a table is read by its rows
const risk = {
  RISK_MAX_VOLUME:            optional(limits.max_volume, "The most lots of one order."),
  RISK_MAX_POSITION:          optional(limits.max_position, "The most lots of one symbol in one direction: what is open, and all that is on its way or rests and could add to it."),
  RISK_MAX_OPEN_ORDERS:       optional(limits.max_open_orders, "The most orders that have not ended."),
  RISK_MAX_ORDERS_PER_SECOND: optional(limits.max_orders_per_second, "The most orders in any second."),
  RISK_MAX_NOTIONAL:          optional(limits.max_notional, "The most that one order may be worth."),
  RISK_PRICE_COLLAR_POINTS:   optional(limits.price_collar_points, "How far an order's prices may be from the last quote."),
  RISK_PRICE_COLLAR_PERCENT:  optional(limits.price_collar_percent, "The same in percent of the quote."),
  RISK_MAX_DAILY_LOSS:        optional(limits.max_daily_loss, "No new orders once so much is lost since the broker's midnight, what is floating with it."),
  RISK_ALLOWED_SYMBOLS:       optional(limits.allowed_symbols, "The symbols that may be traded."),
  RISK_TRADING_HOURS:         optional(limits.trading_hours, "When, in UTC, may be traded."),
  RISK_STRATEGIES:            optional(strategyLimits, "Limits of single strategies, by the same names in small letters, on top of the account's."),
};

// biome-ignore format: a table is read by its rows
const paper = {
  PAPER_SYMBOLS:     setting(list(/^[^\s,]{1,32}$/, 1000, "up to 1000 symbol names of at most 32 characters, separated by commas"), symbols, "The symbols to trade, each built in or described by a file of PAPER_SYMBOL_FILE; * means all of them."),
  PAPER_SYMBOL_FILE: optional(files, "Symbol specifications as MetaTrader dumps them (JSON)."),
  PAPER_SEED:        setting(whole(0, 4_294_967_295), "1", "Starts the generated market, slippage and latency: the same seed gives the same ones."),
  PAPER_RATE:        setting(decimal(0.1, 100_000, "ticks per second"), "24", "How fast the generated market ticks, all symbols together."),
  PAPER_SESSIONS:    setting(flag, "false", "Whether the symbols' sessions are kept; otherwise the market is open whenever there are prices."),
  PAPER_REPLAY:      optional(files, "Recorded ticks to replay instead of the generated market, merged in the order of time."),
  PAPER_SPEED:       setting(speed, "1", "How fast recorded ticks are replayed; at max as fast as EVERY_TICK readers can take them."),
  PAPER_START:       setting(oneOf("now", "first-subscriber"), "now", "When the replay begins."),
  PAPER_STRICT:      setting(flag, "false", "Whether a malformed line ends the replay; otherwise it is logged, counted and left out."),
  PAPER_TIME_ZONE:   optional(timeZone, "The time zone of the recorded ticks, where it is not the one usual for their format."),
  PAPER_BALANCE:     setting(decimal(0, 1_000_000_000_000, "account currency"), "10000", "What a new account starts with; an existing one keeps its balance."),
  PAPER_CURRENCY:    setting(text(/^[A-Z][A-Z0-9]{2,7}$/, "3 to 8 capital letters or digits, such as USD"), "USD", "The account's currency."),
  PAPER_LEVERAGE:    setting(whole(1, 10_000), "100", "The account's leverage; 100 means 1:100."),
  PAPER_MARGIN_MODE: setting(oneOf("hedging", "netting"), "hedging", "Whether a symbol can have many positions or only one."),
  PAPER_MARGIN_CALL: setting(decimal(0, 1000, "percent"), "50", "The margin level at and below which the account is in margin call."),
  PAPER_STOP_OUT:    setting(decimal(0, 1000, "percent"), "30", "The margin level below which positions are closed; not above PAPER_MARGIN_CALL."),
  PAPER_COMMISSION:  setting(decimal(0, 1_000_000, "account currency per lot"), "0", "Charged on every opening deal."),
  PAPER_SLIPPAGE:    setting(whole(0, 10_000, "points"), "1", "The most that a market execution can slip."),
  PAPER_LATENCY:     setting(decimal(0, 60_000, "ms"), "1", "The mean time between an order and its execution."),
  PAPER_DEPTH:       setting(decimal(0, 1_000_000, "lots"), "0", "How much can be executed on each side of a tick, so that larger orders fill in parts; 0 means any volume."),
  PAPER_GAPS:        setting(oneOf("market", "order_price"), "market", "Where limit orders and take profits execute after a gap: at the better market price, or at their own."),
};

// biome-ignore format: a table is read by its rows
const live = {
  LIVE_ACCOUNTS:     optional(liveAccounts, "The accounts whose terminals may dial in, each with its name here. Unset: any account but a real one, by its number."),
  ENABLE_LIVE_TRADING: setting(flag, "false", "Whether an account with real money is served; it has to be named in LIVE_ACCOUNTS too."),
  LIVE_SYMBOLS:      optional(list(/^[^\s,]{1,32}$/, 1000, "up to 1000 symbol names of at most 32 characters, separated by commas"), "The symbols whose ticks the terminals send, by their names here. Unset: all that the market watch shows."),
  SYMBOL_PREFIX:     optional(affix, "What the broker puts before every symbol's name."),
  SYMBOL_SUFFIX:     optional(affix, "What the broker puts behind every symbol's name, such as .m or -ECN."),
  SYMBOL_MAP:        optional(symbolTable, "Symbols that the broker calls otherwise: the name here, and the broker's."),
  MT5_SERVER:        optional(text(/^\S(.{0,62}\S)?$/, "1 to 64 characters"), "The broker's server, with MT5_LOGIN."),
  MT5_LOGIN:         optional(login, "The number of the only account that is served, by that number; instead of LIVE_ACCOUNTS."),
  MT5_PASSWORD:      reserved(secret(optional(text(/^.{1,256}$/s, "1 to 256 characters"), "The account's password. The terminal logs in by itself; the bridge does not need it."))),
  MT5_PASSWORD_FILE: reserved(optional(path, "A file that holds the password, such as a mounted secret; instead of MT5_PASSWORD.")),
  MT5_TIMEOUT:       setting(whole(100, 600_000, "ms"), "10000", "Without an answer of the terminal for so long an order is in doubt."),
};

export const settings = { ...bridge, ...access, ...risk, ...paper, ...live };

export type SettingName = keyof typeof settings;

export const groups: readonly { readonly title: string; readonly settings: Readonly<Record<string, Setting>> }[] = [
  { title: "The bridge", settings: bridge },
  { title: "Who may call", settings: access },
  { title: "How far an account may go", settings: risk },
  { title: "The paper terminal", settings: paper },
  { title: "The live terminal", settings: live },
];

type Schemas = { [Name in SettingName]: (typeof settings)[Name]["schema"] };

/** All settings at once, from text to their types. */
export const schema = z.object(
  Object.fromEntries(Object.entries(settings).map(([name, row]) => [name, row.schema])) as Schemas,
);

export type Values = z.infer<typeof schema>;
