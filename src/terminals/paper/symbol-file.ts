/**
 * Specifications of a real broker, from the files that people already have.
 *
 * Three kinds are read as they are: the payload of the Python package's symbol_info()
 * (integers and masks; one, a list, or an object of several), dumps of exporters (words,
 * under "symbols"), and the terminal's specification dialog saved as "Property,Value"
 * (the symbol's name is the file's). Fields that say nothing about trading are ignored.
 *
 * What a file does not tell gets the usual terms (see `usualTerms`), and:
 *   - the calculation mode is inferred: two state currencies are forex; a metal whose
 *     margin is in money is CFD leverage, in ounces forex; any other pair whose margin is
 *     in its base (coins) is forex without leverage, because CFD margin is money of the
 *     profit currency; all else is CFD;
 *   - the tick size is a point, volumes are 0.01 to 100 by 0.01, hedged margin is one
 *     margin per pair, margin rates are 1 (0 for pending orders), also where an exporter
 *     wrote 0, which is how the terminal shows a rate it does not tell;
 *   - the triple night is Wednesday's for pairs and metals and Friday's for the rest;
 *   - sessions are those of the symbol's market.
 *
 * The visible tick value is used in the futures and option modes only: elsewhere the
 * terminal computes it from prices, in the account's currency.
 */
import { BridgeError } from "../../core/errors.ts";
import { fromBrokerTime } from "../../core/model/broker-clock.ts";
import { lots, onGrid, type Price } from "../../core/model/decimals.ts";
import type { BrokerTime, Instant } from "../../core/model/ids.ts";
import type { CalcMode, SymbolSpec } from "../../core/model/symbol.ts";
import { isFiat, isMetal } from "./currency.ts";
import { countsInTicks } from "./profit.ts";
import { marketOf, sessions } from "./sessions.ts";
import { Fields } from "./symbol-fields.ts";
import * as words from "./symbol-words.ts";
import { swapRatesOf, usualTerms } from "./symbols.ts";

/** Reads every specification in `text`; `name` is the file's, for messages and, in the dialog's format, for the symbol. */
export function parseSymbolFile(name: string, text: string): SymbolSpec[] {
  const content = text.replace(/^\uFEFF/, "").trim();
  const records = /^[[{]/.test(content) ? fromJson(name, content) : fromDialog(name, content);
  const specs = records.map(specFrom);
  if (specs.length === 0) throw unreadable(name, "has no symbol specification in it");
  const names = new Set<string>();
  for (const spec of specs) {
    if (names.has(spec.name)) throw unreadable(name, `has symbol ${spec.name} twice`);
    names.add(spec.name);
  }
  return specs;
}

const unreadable = (file: string, why: string, cause?: unknown): BridgeError =>
  new BridgeError("invalid_argument", `${file}: ${why}`, { cause });

interface Json {
  readonly [field: string]: unknown;
  readonly symbols?: unknown;
  readonly name?: unknown;
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function fromJson(file: string, text: string): Fields[] {
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch (cause) {
    throw unreadable(file, `is not valid JSON: ${(cause as Error).message}`, cause);
  }
  return payloads(file, root, stem(file));
}

/** Every payload in `value`: it is one itself, or a list or an object of some. */
function payloads(file: string, value: unknown, name: string): Fields[] {
  if (Array.isArray(value)) return value.flatMap((entry, n) => payloads(file, entry, `#${n + 1}`));
  if (!isObject(value)) throw unreadable(file, `symbol ${name}: must be an object of a symbol's properties`);
  if ("symbols" in value) return payloads(file, value.symbols, name);
  const entries = Object.entries(value).filter(([key]) => !key.startsWith("_"));
  const isPayload = entries.some(([, entry]) => typeof entry !== "object");
  if (isPayload) {
    return [new Fields(file, typeof value.name === "string" && value.name !== "" ? value.name : name, value)];
  }
  return entries.flatMap(([key, entry]) => payloads(file, entry, key));
}

function fromDialog(file: string, text: string): Fields[] {
  const [header = "", ...lines] = text.split(/\r?\n/);
  if (!/^"?property"?,"?value"?$/i.test(header.trim())) {
    throw unreadable(file, 'is neither JSON nor a specification with the header "Property,Value"');
  }
  const values: Record<string, string> = {};
  for (const line of lines) {
    const cells = /^(?:"([^"]*)"|([^,]*)),(?:"(.*)"|(.*))$/.exec(line);
    if (cells === null) continue;
    values[(cells[1] ?? cells[2] ?? "").trim()] = (cells[3] ?? cells[4] ?? "").trim();
  }
  return [new Fields(file, dialogSymbol(file), values)];
}

const stem = (file: string): string => (file.split(/[\\/]/).at(-1) ?? file).replace(/\.[^.]*$/, "");

/** "symbol-spec-xauusd-broker.csv" is XAUUSD; any other file is named as its symbol is. */
function dialogSymbol(file: string): string {
  return /^symbol-spec-([^-]+)/i.exec(stem(file))?.[1]?.toUpperCase() ?? stem(file);
}

function specFrom(fields: Fields): SymbolSpec {
  const name = fields.symbol;
  const digits = fields.whole("digits", undefined, 8);
  const contractSize = fields.positive("trade_contract_size");
  const currencyProfit = fields.text("currency_profit");
  const currencyBase = fields.text("currency_base", baseFromName(name, currencyProfit, fields));
  const currencyMargin = fields.text("currency_margin", currencyBase);
  const currencies = { name, currencyBase, currencyProfit, currencyMargin };
  const calcMode = fields.oneOf("trade_calc_mode", words.calcModes, inferredMode(currencies));
  const tickSize = tickSizeOf(fields, digits);
  const path = fields.text("path", name);
  const market = marketOf({ ...currencies, path, calcMode });
  const terms = { ...usualTerms, ...volumesOf(fields), ...lifeOf(fields) };
  return {
    ...terms,
    ...currencies,
    description: fields.text("description", name).trim(),
    path,
    digits,
    tickSize,
    tickValue: tickValueOf(fields, calcMode, tickSize / 10 ** digits, contractSize),
    contractSize,
    calcMode,
    tradeMode: fields.oneOf("trade_mode", words.tradeModes, usualTerms.tradeMode),
    execution: fields.oneOf("trade_exemode", words.executions, usualTerms.execution),
    gtcMode: fields.oneOf("order_gtc_mode", words.gtcModes, usualTerms.gtcMode),
    chartMode: fields.oneOf("chart_mode", words.chartModes, usualTerms.chartMode),
    orderModes: fields.several("order_mode", words.orderModes, usualTerms.orderModes),
    fillingModes: fields.several("filling_mode", words.fillingModes, usualTerms.fillingModes),
    expirationModes: fields.several("expiration_mode", words.expirationModes, usualTerms.expirationModes),
    stopsLevel: fields.whole("trade_stops_level", 0, 2 ** 31),
    freezeLevel: fields.whole("trade_freeze_level", 0, 2 ** 31),
    swapMode: fields.oneOf("swap_mode", words.swapModes, "disabled"),
    swapLong: fields.number("swap_long", 0),
    swapShort: fields.number("swap_short", 0),
    swapRates: nights(fields, market === "currencies" || market === "metals" ? 3 : 5),
    marginInitial: fields.number("margin_initial", 0, 0),
    marginMaintenance: fields.number("margin_maintenance", 0, 0),
    marginHedged: fields.number("margin_hedged", contractSize, 0),
    marginHedgedUseLeg: fields.flag("margin_hedged_use_leg", false),
    marginRates: {
      buy: sideRate(fields, "margin_rate_buy"),
      sell: sideRate(fields, "margin_rate_sell"),
      pending: { initial: fields.number("margin_rate_pending", 0, 0), maintenance: 0 },
    },
    quoteSessions: sessions[market],
    tradeSessions: sessions[market],
    bookDepth: fields.whole("ticks_bookdepth", 0, 1000),
    faceValue: fields.number("trade_face_value", 0),
    accruedInterest: fields.number("trade_accrued_interest", 0),
    liquidityRate: fields.number("trade_liquidity_rate", 0),
  };
}

function baseFromName(name: string, profit: string, fields: Fields): string {
  const base = name.slice(0, 3);
  return name.slice(3).startsWith(profit) && /^[A-Z]{3}$/.test(base) ? base : fields.text("currency_margin", profit);
}

function inferredMode(
  symbol: Pick<SymbolSpec, "name" | "currencyBase" | "currencyProfit" | "currencyMargin">,
): CalcMode {
  const { name, currencyBase: base, currencyProfit: profit, currencyMargin: margin } = symbol;
  const pair = base !== profit;
  if (pair && isFiat(base) && isFiat(profit)) return "forex";
  if (isMetal(base) || isMetal(name.slice(0, 3))) return pair && margin === base ? "forex" : "cfd_leverage";
  return pair && margin === base ? "forex_no_leverage" : "cfd";
}

function tickSizeOf(fields: Fields, digits: number): Price {
  const point = 10 ** -digits;
  const points = onGrid(fields.number("trade_tick_size", point, 0) || point, point);
  return points !== undefined && points > 0
    ? (points as Price)
    : fields.fail("trade_tick_size", `must be a multiple of the point, ${point.toFixed(digits)}`);
}

/** In the index mode the formula has the contract size beside the tick value, so the latter is that of one unit. */
function tickValueOf(fields: Fields, calcMode: CalcMode, tickSize: number, contractSize: number): number {
  if (countsInTicks({ calcMode })) return fields.positive("trade_tick_value");
  return calcMode === "cfd_index" ? tickSize : tickSize * contractSize;
}

function volumesOf(fields: Fields): Pick<SymbolSpec, "volumeMin" | "volumeMax" | "volumeStep" | "volumeLimit"> {
  const least = fields.positive("volume_min", 0.01);
  const most = fields.positive("volume_max", Math.max(100, least));
  if (most < least) fields.fail("volume_max", `must be at least the minimal volume, ${least}`);
  return {
    volumeMin: lots(least),
    volumeMax: lots(most),
    volumeStep: lots(fields.positive("volume_step", least)),
    volumeLimit: lots(fields.number("volume_limit", 0, 0)),
  };
}

/** Seconds of the broker's clock; 0 is no limit. */
function lifeOf(fields: Fields): Pick<SymbolSpec, "startTime" | "expirationTime"> {
  const moment = (field: string): Instant | undefined => {
    const seconds = fields.number(field, 0, 0);
    return seconds === 0 ? undefined : fromBrokerTime((seconds * 1000) as BrokerTime);
  };
  const startTime = moment("start_time");
  const expirationTime = moment("expiration_time");
  return { ...(startTime && { startTime }), ...(expirationTime && { expirationTime }) };
}

const days = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/** The rates of each night where the file has them, else one a workday and three on the triple day (7: on none). */
function nights(fields: Fields, usualTriple: number): SymbolSpec["swapRates"] {
  if (!days.some((day) => fields.has(`swap_${day}`))) {
    return swapRatesOf(fields.whole("swap_rollover3days", usualTriple, 7));
  }
  return days.map((day) => fields.number(`swap_${day}`, 0, 0)) as unknown as SymbolSpec["swapRates"];
}

function sideRate(fields: Fields, field: string): SymbolSpec["marginRates"]["buy"] {
  return { initial: fields.number(field, 1, 0) || 1, maintenance: fields.number(`${field}_maintenance`, 0, 0) };
}
