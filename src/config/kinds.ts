/** What values may be. A schema refuses, and the words beside it say what would be right. */
import { isIP } from "node:net";
import { z } from "zod";

/** What a value may be: its schema, and the same in words ("must be …"). */
export interface Kind<T> {
  readonly schema: z.ZodType<T>;
  readonly range: string;
  readonly unit?: string;
}

export const text = (pattern: RegExp, range: string): Kind<string> => ({ schema: z.string().regex(pattern), range });

const number = (pattern: RegExp, min: number, max: number) =>
  z.string().regex(pattern).transform(Number).pipe(z.number().min(min).max(max));

export const whole = (min: number, max: number, unit?: string): Kind<number> => ({
  schema: number(/^-?\d{1,16}$/, min, max),
  range: `a whole number from ${min} to ${max}`,
  ...(unit === undefined ? {} : { unit }),
});

export const decimal = (min: number, max: number, unit?: string): Kind<number> => ({
  schema: number(/^-?(\d+\.?\d*|\.\d+)$/, min, max),
  range: `a number from ${min} to ${max}`,
  ...(unit === undefined ? {} : { unit }),
});

export const oneOf = <const T extends string>(...words: readonly T[]): Kind<T> => ({
  schema: z.enum(words),
  range: words.join(" or "),
});

export const flag: Kind<boolean> = {
  schema: z.enum(["true", "false"]).transform((word) => word === "true"),
  range: "true or false",
};

export const list = (item: RegExp, max: number, range: string): Kind<readonly string[]> => ({
  schema: z
    .union([z.string().transform((line) => line.split(",")), z.array(z.string())])
    .pipe(z.array(z.string().trim().regex(item)).min(1).max(max))
    .refine((items) => new Set(items).size === items.length, "must not name the same one twice"),
  range,
});

export const port = whole(0, 65_535);
export const path = text(/\S/, "a path");
export const files = list(/\S/, 10_000, "paths, separated by commas");

export const address: Kind<string> = {
  schema: z.string().refine((value) => value === "localhost" || isIP(value) !== 0),
  range: "an IP address of this machine, or localhost",
};

export const timeZone: Kind<string> = {
  schema: z.string().refine(isTimeZone),
  range: "UTC, UTC-5, an IANA time zone such as America/New_York, or broker (New York + 7)",
};

function isTimeZone(value: string): boolean {
  if (/^(broker|(UTC|GMT)[+-]\d{1,2}(:\d\d)?)$/i.test(value)) return true;
  try {
    return Intl.DateTimeFormat("en", { timeZone: value }) !== undefined;
  } catch {
    return false;
  }
}

export const databaseUrl: Kind<string> = {
  schema: z.string().refine((value) => /^postgres(ql)?:$/.test(URL.parse(value)?.protocol ?? "")),
  range: "a URL that starts with postgresql://",
};

export const redisUrl: Kind<string> = {
  schema: z.string().refine((value) => /^rediss?:$/.test(URL.parse(value)?.protocol ?? "")),
  range: "a URL that starts with redis:// or rediss://",
};

export const keysUrl: Kind<string> = {
  schema: z.string().refine((value) => {
    const url = URL.parse(value);
    return (
      url?.protocol === "https:" ||
      (url?.protocol === "http:" && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname))
    );
  }),
  range: "a URL that starts with https:// (http:// to this machine only)",
};

/** As browsers write it: no path, no final slash. */
export const origins = list(
  /^https?:\/\/(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?$/,
  1000,
  "origins such as https://app.example.com, in small letters and without a path, separated by commas",
);

export const login: Kind<bigint> = {
  schema: z
    .string()
    .regex(/^\d{1,20}$/)
    .transform(BigInt)
    .pipe(z.bigint().min(1n).max(0xffff_ffff_ffff_ffffn)),
  range: "a whole number from 1 to 18446744073709551615",
};

/** An account that may dial in. */
export interface LiveAccount {
  readonly alias: string;
  readonly login: bigint;
  readonly server: string;
}

export const liveAccounts: Kind<readonly LiveAccount[]> = {
  range: "accounts such as main=5012345@Broker-Demo, separated by commas, each alias and each account once",
  schema: list(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}=\d{1,20}@\S(.{0,62}\S)?$/, 1_000, "")
    .schema.transform((items) =>
      items.map((item): LiveAccount => {
        const [alias = "", account = ""] = item.split(/=(.*)/s);
        const [digits = "", name = ""] = account.split(/@(.*)/s);
        return { alias, login: BigInt(digits), server: name };
      }),
    )
    .refine(
      (accounts) =>
        accounts.every(({ login }) => login > 0n && login <= 0xffff_ffff_ffff_ffffn) &&
        new Set(accounts.map(({ alias }) => alias.toLowerCase())).size === accounts.length &&
        new Set(accounts.map(({ login, server }) => `${login}@${server}`)).size === accounts.length,
    ),
};

/** The broker's name of each symbol that it calls otherwise. */
export const symbolTable: Kind<ReadonlyMap<string, string>> = {
  range: "pairs such as EURUSD=EURUSD.m, separated by commas, no name twice on its side",
  schema: list(/^[^\s,=]{1,32}=[^\s,=]{1,32}$/, 1_000, "")
    .schema.transform((items) => items.map((item) => item.split("=") as [string, string]))
    .refine((pairs) => [0, 1].every((side) => new Set(pairs.map((pair) => pair[side])).size === pairs.length))
    .transform((pairs) => new Map(pairs)),
};

export const affix: Kind<string> = text(/^[^\s,=]{1,16}$/, "1 to 16 characters without spaces, commas and =");

export const speed: Kind<number | "max"> = {
  schema: z.union([z.literal("max"), decimal(0.001, 1_000_000).schema]),
  range: "a number from 0.001 to 1000000, or max",
  unit: "times real time",
};

/** Each limit's name in RISK_STRATEGIES, and what its value may be. */
export const limits = {
  max_volume: decimal(0.000001, 1_000_000, "lots"),
  max_position: decimal(0.000001, 1_000_000, "lots"),
  max_open_orders: whole(1, 1_000_000),
  max_orders_per_second: whole(1, 100_000),
  max_notional: decimal(0.01, 1_000_000_000_000_000, "account currency"),
  price_collar_points: whole(1, 10_000_000, "points"),
  price_collar_percent: decimal(0.001, 100, "percent"),
  max_daily_loss: decimal(0.01, 1_000_000_000_000_000, "account currency"),
  allowed_symbols: list(/^[^\s,]{1,64}$/, 1000, "up to 1000 symbol names, separated by commas"),
  trading_hours: list(
    /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(-(Mon|Tue|Wed|Thu|Fri|Sat|Sun))? [0-2]\d:[0-5]\d-[0-2]\d:[0-5]\d$/,
    50,
    "windows such as Mon-Fri 07:00-20:00, separated by commas",
  ),
} as const;

type LimitName = keyof typeof limits;

/** One limit of one strategy. */
export interface StrategyLimit {
  readonly strategyId: number;
  readonly name: LimitName;
  readonly value: unknown;
}

export const strategyLimits: Kind<readonly StrategyLimit[]> = {
  range: "limits such as 7 max_volume 0.5, separated by commas; symbols and windows by semicolons",
  schema: list(/^.+$/, 10_000, "").schema.transform((items, context) => {
    const given = new Set<string>();
    return items.flatMap((item): StrategyLimit[] => {
      const [, id, name = "", text = ""] = /^(\d{1,10}) +([a-z_]+) +(.+)$/.exec(item) ?? [];
      const kind = Object.hasOwn(limits, name) ? limits[name as LimitName] : undefined;
      const isList = name === "allowed_symbols" || name === "trading_hours";
      const value = kind?.schema.safeParse(isList ? text.split(";").map((one) => one.trim()) : text);
      const twice = given.has(`${id} ${name}`);
      given.add(`${id} ${name}`);
      if (Number(id) <= 2_147_483_647 && value?.success && !twice) {
        return [{ strategyId: Number(id), name: name as LimitName, value: value.data }];
      }
      const valid = twice ? "it once" : kind === undefined ? `one of ${Object.keys(limits).join(", ")}` : kind.range;
      context.addIssue({ code: "custom", message: `must be like "7 max_volume 0.5"; in "${item}" expected ${valid}` });
      return [];
    });
  }),
};
