import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BridgeError } from "../../../src/core/errors.ts";
import { lots } from "../../../src/core/model/decimals.ts";
import type { SymbolSpec } from "../../../src/core/model/symbol.ts";
import { parseSymbolFile } from "../../../src/terminals/paper/symbol-file.ts";
import { describeRecorded, recorded, recording } from "../../recorded.ts";

const load = (file: string): SymbolSpec[] => parseSymbolFile(file, recording(`mt5/${file}`).toString("utf8"));
const first = (specs: readonly SymbolSpec[]): SymbolSpec => specs[0] ?? expect.fail("no symbol");

/** The least a file must tell. */
const least = { name: "EURUSD", digits: 5, trade_contract_size: 100_000, currency_base: "EUR", currency_profit: "USD" };
const one = (changes: object): SymbolSpec =>
  first(parseSymbolFile("own.json", JSON.stringify({ ...least, ...changes })));

function refusal(text: string, file = "own.json"): string {
  try {
    parseSymbolFile(file, text);
  } catch (error) {
    if (error instanceof BridgeError && error.fault === "invalid_argument") return error.message;
    throw error;
  }
  return "nothing was refused";
}
const refused = (changes: object): string => refusal(JSON.stringify({ ...least, ...changes }));

describeRecorded("recorded specifications load as they are", () => {
  it("all 951 symbols of the Vantage dump", () => {
    const specs = load("symbols-vantage-demo-2025-11-10.json.gz");
    expect(specs).toHaveLength(951);
    const count = (of: (spec: SymbolSpec) => string) =>
      Object.fromEntries([...Map.groupBy(specs, of)].map(([key, group]) => [key, group.length]));
    expect(count((spec) => spec.tradeMode)).toEqual({ full: 917, long_only: 26, close_only: 8 });
    expect(count((spec) => spec.swapMode)).toEqual({
      interest_current: 793,
      points: 99,
      disabled: 36,
      currency_symbol: 22,
      currency_margin: 1,
    });
    expect(count((spec) => String(spec.swapRates.indexOf(3)))).toEqual({ 5: 868, 3: 82, 4: 1 });
    expect(count((spec) => spec.calcMode)).toEqual({ forex: 61, cfd: 833, cfd_leverage: 10, forex_no_leverage: 47 });
    expect(specs.filter((spec) => spec.marginInitial === 100_000)).toHaveLength(47);
    for (const spec of specs) {
      expect(spec.tickSize, spec.name).toBe(1);
      expect(spec.volumeMax % spec.volumeStep, spec.name).toBe(0);
    }
  });

  it("the Vantage dump's pairs, metals, coins, indices and names with signs in them", () => {
    const specs = load("symbols-vantage-demo-2025-11-10.json.gz");
    const named = (name: string) => specs.find((spec) => spec.name === name);
    expect(named("GBPUSD")).toMatchObject({ calcMode: "forex", marginInitial: 100_000, swapLong: -1.12 });
    expect(named("XAUUSD")).toMatchObject({ calcMode: "cfd_leverage", contractSize: 100, stopsLevel: 20 });
    expect(named("BTCUSD")).toMatchObject({ calcMode: "forex_no_leverage", currencyMargin: "BTC", swapShort: 9 });
    expect(named("SP500")).toMatchObject({ calcMode: "cfd", volumeMin: lots(0.1), swapMode: "currency_symbol" });
    expect(named("SP500")?.marginRates.buy.initial).toBe(1);
    for (const name of ["BT.A", "CL-OIL", "AT&T"]) expect(named(name), name).toBeDefined();
  });

  it("the payloads of symbol_info() at Tickmill", () => {
    const payload = (symbol: string) => first(load(`symbol-info-${symbol}-tickmill-demo-2026-05-03.json`));
    expect(payload("eurusd")).toMatchObject({
      name: "EURUSD",
      path: "Forex\\EURUSD",
      calcMode: "forex",
      tradeMode: "full",
      execution: "market",
      fillingModes: ["ioc"],
      expirationModes: ["gtc", "day", "specified", "specified_day"],
      orderModes: ["market", "limit", "stop", "stop_limit", "stop_loss", "take_profit", "close_by"],
      swapMode: "points",
      swapLong: -6.8,
      swapShort: 3.98,
      swapRates: [0, 1, 1, 3, 1, 1, 0],
      marginHedged: 0,
      volumeMin: lots(0.01),
      volumeMax: lots(100),
      tickSize: 1,
    });
    expect(payload("xauusd")).toMatchObject({
      calcMode: "forex",
      currencyMargin: "XAU",
      description: "Gold vs US Dollar",
    });
    expect(payload("btcusd")).toMatchObject({ calcMode: "cfd", swapMode: "interest_current", volumeMax: lots(30) });
    expect(payload("btcusd").swapRates).toEqual([0, 1, 1, 1, 1, 3, 0]);
  });

  it("the specification dialogs of TradeMax", () => {
    expect(first(load("symbol-spec-xauusd-trademax.csv"))).toMatchObject({
      name: "XAUUSD",
      calcMode: "cfd_leverage",
      currencyBase: "XAU",
      currencyMargin: "USD",
      marginHedged: 25,
      fillingModes: ["ioc"],
      orderModes: ["market", "limit", "stop", "stop_limit", "stop_loss", "take_profit"],
      volumeMax: lots(80),
      swapLong: -63.88,
      swapRates: [0, 1, 1, 3, 1, 1, 0],
      marginRates: { buy: { initial: 1, maintenance: 1 }, sell: { initial: 1, maintenance: 1 } },
    });
    const yen = first(load("symbol-spec-usdjpy-trademax.csv"));
    expect(yen).toMatchObject({ name: "USDJPY", calcMode: "forex", currencyBase: "USD", tickSize: 1 });
  });

  it("several payloads, as a list and by name", () => {
    const files = readdirSync(`${recorded}/mt5`).filter((file) => file.startsWith("symbol-info-"));
    const texts = files.map((file) => recording(`mt5/${file}`).toString("utf8"));
    const names = (text: string) => parseSymbolFile("all.json", text).map((spec) => spec.name);
    expect(names(`[${texts.join(",")}]`)).toEqual(["BTCUSD", "EURUSD", "XAUUSD"]);
    expect(names(`{"_note": "all", "a": ${texts[0]}, "b": ${texts[1]}}`)).toEqual(["BTCUSD", "EURUSD"]);
  });
});

describe("a specification file", () => {
  it("may leave out what has a usual value", () => {
    expect(one({})).toMatchObject({
      currencyMargin: "EUR",
      calcMode: "forex",
      tickSize: 1,
      tickValue: 1,
      volumeMin: lots(0.01),
      volumeMax: lots(100),
      fillingModes: ["fok", "ioc"],
      swapMode: "disabled",
      marginHedged: 100_000,
      marginRates: { buy: { initial: 1, maintenance: 0 }, pending: { initial: 0 } },
    });
    expect(one({})).not.toHaveProperty("startTime");
  });

  it("names its symbol by the field, by the key, or by the file", () => {
    const { name: _, ...unnamed } = least;
    const named = (file: string, value: object) => first(parseSymbolFile(file, JSON.stringify(value))).name;
    expect(named("x.json", least)).toBe("EURUSD");
    expect(named("x.json", { "EURUSD.r": unnamed })).toBe("EURUSD.r");
    expect(named("folder/EURUSDm.json", unnamed)).toBe("EURUSDm");
    const dialog = "Property,Value\r\nDigits,2\nContract size,1\nProfit currency,USD\n";
    expect(first(parseSymbolFile("US500.csv", dialog))).toMatchObject({
      name: "US500",
      currencyBase: "USD",
      calcMode: "cfd",
    });
  });

  it("writes an enumeration as its number, its word or its phrase", () => {
    for (const mode of [4, "4", "cfd_leverage", "CFD Leverage", "SYMBOL_CALC_MODE_CFDLEVERAGE"]) {
      expect(one({ trade_calc_mode: mode }).calcMode, String(mode)).toBe("cfd_leverage");
    }
    expect(one({ trade_calc_mode: 34, trade_tick_value: 5 })).toMatchObject({
      calcMode: "exch_futures_forts",
      tickValue: 5,
    });
    expect(one({ swap_mode: 9 }).swapMode).toBe("currency_profit");
    expect(one({ filling_mode: 0 }).fillingModes).toEqual([]);
    expect(one({ filling_mode: "Fill or Kill, Return" }).fillingModes).toEqual(["fok"]);
    expect(one({ order_mode: ["market", "sl"] }).orderModes).toEqual(["market", "stop_loss"]);
  });

  it("may tell margin rates, each night's swap, and when the contract starts and ends", () => {
    expect(one({ margin_rate_buy: 0.1, margin_rate_pending: 0.2 }).marginRates).toEqual({
      buy: { initial: 0.1, maintenance: 0 },
      sell: { initial: 1, maintenance: 0 },
      pending: { initial: 0.2, maintenance: 0 },
    });
    expect(one({ swap_sunday: 1, swap_friday: 2 }).swapRates).toEqual([1, 0, 0, 0, 0, 2, 0]);
    const july = Date.UTC(2026, 6, 1) / 1000; // on the broker's clock: UTC+3
    expect(one({ expiration_time: july }).expirationTime).toBe((july - 3 * 3600) * 1000);
  });

  it("may have prices that move in steps of several points", () => {
    expect(one({ digits: 2, trade_tick_size: 0.25 }).tickSize).toBe(25);
    expect(one({ digits: 2, trade_tick_size: 0 }).tickSize).toBe(1);
  });

  it.each([
    ["own.json: symbol EURUSD: digits must be a whole number from 0 to 8, not 2.5", { digits: 2.5 }],
    ["symbol EURUSD: digits is missing: a number from 0 on is needed", { digits: undefined }],
    ['symbol EURUSD: Digits must be a number from 0 on, not "five"', { digits: undefined, Digits: "five" }],
    ["trade_contract_size must be above 0, not 0", { trade_contract_size: 0 }],
    ["trade_contract_size is missing: a number from 0 on is needed", { trade_contract_size: undefined }],
    ['contract_size must be a number from 0 on, not "big"', { trade_contract_size: undefined, contract_size: "big" }],
    ["currency_profit is missing: a text is needed", { currency_profit: null }],
    ["currency_profit must be a text, not 5", { currency_profit: 5 }],
    ["trade_tick_size must be a multiple of the point, 0.00001, not 0.000015", { trade_tick_size: 0.000015 }],
    ["trade_calc_mode must be one of forex (0), futures (1), cfd (2)", { trade_calc_mode: 6 }],
    ["swap_mode must be one of disabled (0), points (1)", { swap_mode: "monthly" }],
    ["trade_mode must be one of disabled (0), long_only (1)", { trade_mode: true }],
    ["filling_mode must be a mask or words of fok (1), ioc (2), boc (4), not 8", { filling_mode: 8 }],
    ["order_mode must be a mask or words of market (1)", { order_mode: ["market", 2] }],
    ["volume_max must be at least the minimal volume, 1, not 0.5", { volume_min: 1, volume_max: 0.5 }],
    ["volume_step must be a number from 0 on, not -0.01", { volume_step: -0.01 }],
    ['margin_hedged_use_leg must be true or false, not "yes"', { margin_hedged_use_leg: "yes" }],
    ["trade_tick_value is missing", { trade_calc_mode: "futures" }],
    ["swap_rollover3days must be a whole number from 0 to 7, not 9", { swap_rollover3days: 9 }],
  ] satisfies [string, object][])("says what is wrong, where, and what would be right: %s", (message, changes) => {
    expect(refused(changes)).toContain(message);
  });

  it("says what is wrong with the file as a whole", () => {
    expect(refusal("{ nonsense")).toContain("own.json: is not valid JSON");
    expect(refusal("a,b\n1,2", "x.csv")).toBe(
      'x.csv: is neither JSON nor a specification with the header "Property,Value"',
    );
    expect(refusal("[]")).toBe("own.json: has no symbol specification in it");
    expect(refusal("[3]")).toContain("own.json: symbol #1: must be an object");
    expect(refusal('{"a": 1}')).toContain("digits is missing");
    expect(refusal(JSON.stringify([least, least]))).toBe("own.json: has symbol EURUSD twice");
  });
});
