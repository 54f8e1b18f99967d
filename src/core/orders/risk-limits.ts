/**
 * How far an account, or one strategy on it, may go.
 *
 * Numbers are in the units in which people set them: lots, the account's currency, points, percent. What is absent has
 * no limit. Nothing is limited unless somebody says so.
 */
import { BridgeError, type Violation } from "../errors.ts";
import type { AccountAlias, Instant, StrategyId } from "../model/ids.ts";

export interface RiskLimits {
  /** Lots of one order. */
  readonly maxVolume?: number;
  /** Lots of one symbol in one direction: what is open, and all that is on its way or rests and could add to it. */
  readonly maxPosition?: number;
  /** Orders that have not ended. */
  readonly maxOpenOrders?: number;
  /** In any second. */
  readonly maxOrdersPerSecond?: number;
  /** Of one order, in the account's currency. */
  readonly maxNotional?: number;
  /** How far an order's prices may be from the last quote. */
  readonly priceCollarPoints?: number;
  readonly priceCollarPercent?: number;
  /** In the account's currency: realised since the broker's midnight, and floating. */
  readonly maxDailyLoss?: number;
  readonly allowedSymbols?: readonly string[];
  readonly tradingHours?: readonly TradingWindow[];
}

/** In UTC; the days wrap round no week, the minutes no day. */
export interface TradingWindow {
  /** As it was written: "Mon-Fri 07:00-20:00". */
  readonly text: string;
  /** 0 is Monday. */
  readonly firstDay: number;
  readonly lastDay: number;
  /** Minutes since midnight; the last one is outside. */
  readonly from: number;
  readonly to: number;
}

/** Limits as they are asked for; only hours are still words. */
export type LimitsDraft = Omit<RiskLimits, "tradingHours"> & { readonly tradingHours?: readonly string[] };

type NumberLimit = Exclude<keyof RiskLimits, "allowedSymbols" | "tradingHours">;

interface Range {
  readonly field: string;
  readonly least: number;
  readonly most: number;
  readonly unit: string;
  readonly whole?: true;
}

// biome-ignore format: a table is read by its columns
export const ranges: Record<NumberLimit, Range> = {
  maxVolume:          { field: "max_volume",            least: 0.000001, most: 1_000_000,             unit: "lots" },
  maxPosition:        { field: "max_position",          least: 0.000001, most: 1_000_000,             unit: "lots" },
  maxOpenOrders:      { field: "max_open_orders",       least: 1,        most: 1_000_000,             unit: "orders", whole: true },
  maxOrdersPerSecond: { field: "max_orders_per_second", least: 1,        most: 100_000,               unit: "orders a second", whole: true },
  maxNotional:        { field: "max_notional",          least: 0.01,     most: 1_000_000_000_000_000, unit: "of the account's currency" },
  priceCollarPoints:  { field: "price_collar_points",   least: 1,        most: 10_000_000,            unit: "points", whole: true },
  priceCollarPercent: { field: "price_collar_percent",  least: 0.001,    most: 100,                   unit: "percent" },
  maxDailyLoss:       { field: "max_daily_loss",        least: 0.01,     most: 1_000_000_000_000_000, unit: "of the account's currency" },
};

const mostSymbols = 1000;
const mostWindows = 50;

/** The limits, or every field that is wrong; `isSymbol` knows the terminal's symbols. */
export function readLimits(draft: LimitsDraft, isSymbol: (name: string) => boolean): RiskLimits {
  const violations: Violation[] = [];
  const wrong = (field: string, description: string) => violations.push({ field: `limits.${field}`, description });
  for (const [name, { field, least, most, unit, whole }] of Object.entries(ranges)) {
    const value = draft[name as NumberLimit];
    if (value === undefined) continue;
    const fits = value >= least && value <= most && (whole === undefined || Number.isInteger(value));
    const range = `${whole ? "a whole number " : ""}from ${least} to ${most} ${unit}`;
    if (!fits) wrong(field, `must be ${range}; absent is no limit; got ${value}`);
  }
  const { allowedSymbols = [], tradingHours = [], ...numbers } = draft;
  if (allowedSymbols.length > mostSymbols) wrong("allowed_symbols", `must be at most ${mostSymbols} symbols`);
  const strange = allowedSymbols.find((name) => !isSymbol(name));
  if (strange !== undefined) wrong("allowed_symbols", `${JSON.stringify(strange)} is not a symbol of the terminal`);
  if (tradingHours.length > mostWindows) wrong("trading_hours", `must be at most ${mostWindows} windows`);
  const windows = tradingHours.flatMap((text) => {
    const window = readWindow(text);
    if (window === undefined)
      wrong("trading_hours", `${JSON.stringify(text)} must be like "Mon-Fri 07:00-20:00", in UTC`);
    return window ?? [];
  });
  const [first] = violations;
  if (first !== undefined) {
    throw new BridgeError("invalid_argument", `${first.field}: ${first.description}`, { violations });
  }
  return {
    ...numbers,
    ...(allowedSymbols.length === 0 ? {} : { allowedSymbols }),
    ...(windows.length === 0 ? {} : { tradingHours: windows }),
  };
}

const days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** "Mon-Fri 07:00-20:00", "Sun 22:00-24:00". */
function readWindow(text: string): TradingWindow | undefined {
  const [, first, last = first, fromHour, fromMinute, toHour, toMinute] =
    /^([A-Z][a-z]{2})(?:-([A-Z][a-z]{2}))? (\d\d):(\d\d)-(\d\d):(\d\d)$/.exec(text) ?? [];
  const [firstDay, lastDay] = [days.indexOf(first ?? ""), days.indexOf(last ?? "")];
  const from = Number(fromHour) * 60 + Number(fromMinute);
  const to = Number(toHour) * 60 + Number(toMinute);
  const fits = firstDay >= 0 && lastDay >= firstDay && from < to && to <= 1440 && Number(fromMinute) < 60;
  return fits && Number(toMinute) < 60 ? { text, firstDay, lastDay, from, to } : undefined;
}

/** Day of the week (0 is Monday) and minute of the day, in UTC. */
function weekTime(at: Instant): { readonly day: number; readonly minute: number } {
  const minutes = Math.floor(at / 60_000);
  return { day: (Math.floor(minutes / 1440) + 3) % 7, minute: minutes % 1440 }; // 1970 began on a Thursday
}

/** "Sat 10:31". */
export function weekTimeText(at: Instant): string {
  const { day, minute } = weekTime(at);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${days[day]} ${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
}

export const isWithin = ({ firstDay, lastDay, from, to }: TradingWindow, at: Instant): boolean => {
  const { day, minute } = weekTime(at);
  return day >= firstDay && day <= lastDay && minute >= from && minute < to;
};

/** Whose limits; without a strategy the account's as a whole. */
export interface LimitScope {
  readonly account: AccountAlias;
  readonly strategyId?: StrategyId;
}

/** What was set while the bridge ran. */
export interface LimitsSet extends LimitScope {
  /** Absent: those of the configuration again. */
  readonly limits?: RiskLimits;
  readonly reason: string;
  /** The principal's name. */
  readonly setBy: string;
  readonly setAt: Instant;
}

/** What the configuration says, for every account. */
export interface ConfiguredLimits {
  readonly account: RiskLimits;
  readonly strategies: ReadonlyMap<StrategyId, RiskLimits>;
}

/** The limits in force: what was set goes before what is configured, scope by scope and as a whole. */
export class LimitSets {
  configured: ConfiguredLimits = { account: {}, strategies: new Map() };
  readonly #set = new Map<string, LimitsSet>();

  set(entry: LimitsSet): void {
    this.#set.set(nameOf(entry), entry);
  }

  of(scope: LimitScope): RiskLimits {
    const { account, strategies } = this.configured;
    const configured = scope.strategyId === undefined ? account : strategies.get(scope.strategyId);
    return this.setOf(scope)?.limits ?? configured ?? {};
  }

  /** What was set last; without `limits` it was taken back. */
  setOf(scope: LimitScope): LimitsSet | undefined {
    return this.#set.get(nameOf(scope));
  }

  /** The account's own, then its strategies'. */
  scopesOf(account: AccountAlias): LimitScope[] {
    const set = [...this.#set.values()].filter((entry) => entry.account === account);
    const ids = new Set([...this.configured.strategies.keys(), ...set.flatMap(({ strategyId }) => strategyId ?? [])]);
    return [{ account }, ...[...ids].sort((a, b) => a - b).map((strategyId) => ({ account, strategyId }))];
  }
}

const nameOf = ({ account, strategyId }: LimitScope): string => `${account}\n${strategyId ?? ""}`;
