/**
 * The fields of one specification as a file has them, read with care.
 *
 * A field is asked for by MetaTrader's name (symbol_info); the other names under which
 * exporters and the specification dialog write it stand in `otherNames`. Whatever is
 * wrong is said with file, symbol, the field as the file spells it, and what would be
 * right.
 */
import { BridgeError } from "../../core/errors.ts";
import { spelled, type Vocabulary, wordFor, wordsFor } from "./symbol-words.ts";

const otherNames: Readonly<Record<string, readonly string[]>> = {
  digits: ["Digits"],
  trade_tick_size: ["tick_size", "Tick size"],
  trade_tick_value: ["tick_value", "Tick value"],
  trade_contract_size: ["contract_size", "Contract size"],
  currency_base: ["base_currency", "Base currency"],
  currency_profit: ["profit_currency", "Profit currency"],
  currency_margin: ["margin_currency", "Margin currency"],
  trade_calc_mode: ["calc_mode", "Calculation"],
  trade_mode: ["Trade"],
  trade_exemode: ["execution_mode", "execution", "Execution"],
  order_gtc_mode: ["gtc_mode", "GTC mode"],
  chart_mode: ["Chart mode"],
  order_mode: ["order_modes", "Orders"],
  filling_mode: ["filling_modes", "Filling"],
  expiration_mode: ["expiration_modes", "Expiration"],
  volume_min: ["Minimal volume"],
  volume_max: ["Maximal volume"],
  volume_step: ["Volume step"],
  volume_limit: ["Volume limit"],
  trade_stops_level: ["stops_level", "Stops level"],
  trade_freeze_level: ["freeze_level", "Freeze level"],
  swap_mode: ["Swap type"],
  swap_long: ["Swap long"],
  swap_short: ["Swap short"],
  swap_rollover3days: ["3-days swap"],
  swap_sunday: ["Swap rates Sunday"],
  swap_monday: ["Swap rates Monday"],
  swap_tuesday: ["Swap rates Tuesday"],
  swap_wednesday: ["Swap rates Wednesday"],
  swap_thursday: ["Swap rates Thursday"],
  swap_friday: ["Swap rates Friday"],
  swap_saturday: ["Swap rates Saturday"],
  margin_initial: ["Initial margin"],
  margin_maintenance: ["Maintenance margin"],
  margin_hedged: ["Hedged margin"],
  margin_rate_buy: ["margin_long", "Margin rates Market buy Initial"],
  margin_rate_buy_maintenance: ["Margin rates Market buy Maintenance"],
  margin_rate_sell: ["margin_short", "Margin rates Market sell Initial"],
  margin_rate_sell_maintenance: ["Margin rates Market sell Maintenance"],
  margin_rate_pending: ["margin_limit"],
  ticks_bookdepth: ["book_depth"],
  trade_face_value: ["face_value", "Face value"],
  trade_accrued_interest: ["accrued_interest", "Accrued interest"],
  trade_liquidity_rate: ["liquidity_rate", "Liquidity rate"],
};

export class Fields {
  readonly symbol: string;
  readonly #file: string;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(file: string, symbol: string, values: Readonly<Record<string, unknown>>) {
    this.#file = file;
    this.symbol = symbol;
    this.#values = values;
  }

  has(field: string): boolean {
    return this.#find(field) !== undefined;
  }

  text(field: string, fallback?: string): string {
    const found = this.#find(field);
    if (found === undefined) return fallback ?? this.fail(field, "is missing: a text is needed");
    return typeof found.value === "string" ? found.value : this.fail(field, "must be a text");
  }

  /** A finite number from `least` on. */
  number(field: string, fallback?: number, least = Number.NEGATIVE_INFINITY): number {
    const found = this.#find(field);
    const range = Number.isFinite(least) ? `a number from ${least} on` : "a number";
    if (found === undefined) return fallback ?? this.fail(field, `is missing: ${range} is needed`);
    const { value } = found;
    const numeric = typeof value === "string" && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value.trim());
    const number = typeof value === "number" || numeric ? Number(value) : Number.NaN;
    return Number.isFinite(number) && number >= least ? number : this.fail(field, `must be ${range}`);
  }

  /** As `number`, but not 0. */
  positive(field: string, fallback?: number): number {
    const number = this.number(field, fallback, 0);
    return number > 0 ? number : this.fail(field, "must be above 0");
  }

  whole(field: string, fallback: number | undefined, most: number): number {
    const number = this.number(field, fallback, 0);
    return Number.isInteger(number) && number <= most
      ? number
      : this.fail(field, `must be a whole number from 0 to ${most}`);
  }

  flag(field: string, fallback: boolean): boolean {
    const value = this.#find(field)?.value ?? fallback;
    return typeof value === "boolean" ? value : this.fail(field, "must be true or false");
  }

  oneOf<T extends string>(field: string, vocabulary: Vocabulary<T>, fallback: T): T {
    const found = this.#find(field);
    if (found === undefined) return fallback;
    const { value } = found;
    const word = typeof value === "string" || typeof value === "number" ? wordFor(vocabulary, value) : undefined;
    return word ?? this.fail(field, `must be one of ${spelled(vocabulary)}`);
  }

  /** A mask, a list of words, or a text of words between commas; "All" is `fallback`, and RETURN has no bit. */
  several<T extends string>(field: string, vocabulary: Vocabulary<T>, fallback: readonly T[]): readonly T[] {
    const found = this.#find(field);
    if (found === undefined) return fallback;
    const { value } = found;
    const expected = `must be a mask or words of ${spelled(vocabulary)}`;
    if (typeof value === "number") return wordsFor(vocabulary, value) ?? this.fail(field, expected);
    const words: readonly unknown[] =
      typeof value === "string" ? value.split(",") : Array.isArray(value) ? value : [{}];
    const chosen = new Set<T>();
    for (const entry of words) {
      if (typeof entry !== "string") return this.fail(field, expected);
      const word = entry.trim();
      if (/^all$/i.test(word)) for (const each of fallback) chosen.add(each);
      else if (!/^(|none|return)$/i.test(word)) chosen.add(wordFor(vocabulary, word) ?? this.fail(field, expected));
    }
    return [...chosen];
  }

  fail(field: string, why: string): never {
    const found = this.#find(field);
    const name = found?.name ?? field;
    const given = found === undefined ? "" : `, not ${JSON.stringify(found.value)}`;
    throw new BridgeError("invalid_argument", `${this.#file}: symbol ${this.symbol}: ${name} ${why}${given}`, {
      violations: [{ field: `${this.symbol}.${name}`, description: `${why}${given}` }],
    });
  }

  #find(field: string): { readonly name: string; readonly value: unknown } | undefined {
    for (const name of [field, ...(otherNames[field] ?? [])]) {
      if (!Object.hasOwn(this.#values, name)) continue;
      const value = this.#values[name];
      if (value !== undefined && value !== null) return { name, value };
    }
    return undefined;
  }
}
