/**
 * What things are worth when a generated market begins, and how they move.
 *
 * A symbol is a pair of assets (EURUSD: EUR in USD; EURGBP: EUR in GBP), or one asset
 * with a price of its own (an index, a share). Prices of pairs are made from their
 * assets', so that EURUSD, GBPUSD and EURGBP agree with each other at any moment.
 */
import type { SymbolSpec } from "../../core/model/symbol.ts";

export interface Asset {
  readonly name: string;
  /** In US dollars; of an asset that is no currency, in the currency of its symbol. */
  readonly value: number;
  /** Standard deviation of a year's return. */
  readonly volatility: number;
  /** Which part of its variance moves with the dollar (negative: falls when the dollar rises) and with the appetite for risk. */
  readonly dollar: number;
  readonly risk: number;
  /** The spread in normal times, as a part of the price. */
  readonly spread: number;
}

const asset = (
  name: string,
  value: number,
  volatility: number,
  dollar: number,
  risk: number,
  spread: number,
): Asset => ({ name, value, volatility, dollar, risk, spread });

// biome-ignore format: a table
const currencies: readonly Asset[] = [
  //     name   USD         a year dollar  risk  spread
  asset("USD", 1,           0,      0,     0,    0),
  asset("EUR", 1.085,       0.07,  -0.8,   0.1,  0.00006),
  asset("GBP", 1.27,        0.08,  -0.7,   0.25, 0.00007),
  asset("JPY", 1 / 150.2,   0.09,  -0.6,  -0.4,  0.00006),
  asset("CHF", 1 / 0.885,   0.07,  -0.7,  -0.25, 0.00009),
  asset("AUD", 0.655,       0.1,   -0.6,   0.6,  0.00010),
  asset("NZD", 0.605,       0.1,   -0.6,   0.55, 0.00015),
  asset("CAD", 1 / 1.36,    0.065, -0.6,   0.45, 0.00009),
  asset("NOK", 1 / 10.7,    0.11,  -0.6,   0.5,  0.0003),
  asset("SEK", 1 / 10.5,    0.1,   -0.7,   0.4,  0.0003),
  asset("DKK", 1 / 6.87,    0.07,  -0.8,   0.1,  0.0002),
  asset("PLN", 1 / 3.98,    0.1,   -0.6,   0.4,  0.0005),
  asset("HUF", 1 / 362,     0.11,  -0.6,   0.4,  0.0006),
  asset("CZK", 1 / 23.3,    0.09,  -0.6,   0.3,  0.0005),
  asset("MXN", 1 / 17.1,    0.12,  -0.3,   0.6,  0.0003),
  asset("ZAR", 1 / 18.8,    0.15,  -0.4,   0.6,  0.0006),
  asset("TRY", 1 / 32.2,    0.15,  -0.2,   0.2,  0.001),
  asset("SGD", 1 / 1.345,   0.045, -0.7,   0.3,  0.00015),
  asset("HKD", 1 / 7.82,    0.006, -0.3,   0.1,  0.00004),
  asset("CNH", 1 / 7.24,    0.045, -0.6,   0.3,  0.0001),
  asset("THB", 1 / 36.1,    0.07,  -0.5,   0.3,  0.0005),
  asset("ILS", 1 / 3.7,     0.08,  -0.5,   0.4,  0.0005),
  asset("XAU", 2035,        0.15,  -0.5,  -0.2,  0.00008),
  asset("XAG", 23.1,        0.28,  -0.5,   0.2,  0.0008),
  asset("XPT", 910,         0.24,  -0.4,   0.3,  0.002),
  asset("XPD", 960,         0.35,  -0.3,   0.4,  0.004),
  asset("BTC", 62_400,      0.5,   -0.2,   0.4,  0.0003),
  asset("ETH", 3_400,       0.6,   -0.2,   0.45, 0.0006),
  asset("LTC", 82,          0.7,   -0.2,   0.4,  0.002),
  asset("XRP", 0.58,        0.7,   -0.2,   0.4,  0.002),
];

// biome-ignore format: a table
const singles: readonly (readonly [RegExp, Asset])[] = [
  [/^(US|SP|SPX)500|^SPX/, asset("US500",  5_100,  0.15, -0.1, 0.92, 0.0001)],
  [/^(NAS|US|NDX|USTEC)100|^USTEC|^NDX/, asset("NAS100", 18_000, 0.2, -0.1, 0.9, 0.00008)],
  [/^(US|DJ)30|^WS30/,     asset("US30",   38_900, 0.14, -0.1, 0.9,  0.00006)],
  [/^(GER|DE)(30|40)|^DAX/, asset("GER40", 17_800, 0.16, 0.1,  0.8,  0.00008)],
  [/^(UK|FTSE)100/,        asset("UK100",  7_700,  0.12, 0.1,  0.7,  0.00015)],
  [/^(JP|JPN)225|^NIKKEI/, asset("JP225",  39_900, 0.2,  0.2,  0.7,  0.0002)],
  [/^(US|W)TI|^USO|^CL|^XTI/, asset("WTI", 78.5,   0.32, -0.1, 0.4,  0.0004)],
  [/^BRENT|^UKO|^XBR/,     asset("BRENT",  82.6,   0.3,  -0.1, 0.4,  0.0004)],
  [/^NG|^GAS-|^NATGAS/,    asset("NATGAS", 1.9,    0.6,  0,    0.1,  0.003)],
  [/^VIX/,                 asset("VIX",    14.5,   0.9,  0,   -0.7,  0.005)],
  [/^USDX|^DXY/,           asset("USDX",   103.8,  0.065, 0.9, -0.1, 0.0002)],
];

const currency = new Map(currencies.map((one) => [one.name, one]));
const dollar = currency.get("USD") as Asset;

/** The assets of a symbol: what is quoted, and in what; a single asset is quoted in itself's money, `undefined`. */
export interface Legs {
  readonly base: Asset;
  readonly quote: Asset | undefined;
}

export function legsOf(spec: SymbolSpec): Legs {
  const name = spec.name.toUpperCase();
  const single = singles.find(([pattern]) => pattern.test(name));
  if (single !== undefined) return { base: { ...single[1], name: spec.name }, quote: undefined };
  const [left, right] = [currency.get(name.slice(0, 3)), currency.get(name.slice(3, 6))];
  const letters = /^[A-Z]{6}/.test(name);
  if (letters && left !== undefined && right !== undefined && left !== right) return { base: left, quote: right };
  const [base, profit] = [currency.get(spec.currencyBase), currency.get(spec.currencyProfit)];
  if (base !== undefined && profit !== undefined && base !== profit && base !== dollar) return { base, quote: profit };
  return { base: asset(spec.name, guess(spec), 0.25, -0.05, 0.6, 0.0005), quote: undefined };
}

/** Of a symbol nobody has heard of: a price at which its points are about as fine as other symbols'. */
function guess({ digits, contractSize, tickSize }: SymbolSpec): number {
  const step = tickSize / 10 ** digits;
  if (contractSize >= 10_000) return step * 110_000; // as a pair of currencies: 1.1 with five digits
  return Math.max(step * 100, digits === 0 ? 20_000 : digits === 1 ? 5000 : digits === 2 ? 150 : step * 50_000);
}
