import { describe, expect, it } from "vitest";
import { lots, money, type Price, roundHalfAway } from "../../../src/core/model/decimals.ts";
import type { Side } from "../../../src/core/model/order.ts";
import type { CalcMode, SymbolSpec } from "../../../src/core/model/symbol.ts";
import { commissionOf } from "../../../src/terminals/paper/commission.ts";
import { currencyDigits } from "../../../src/terminals/paper/currency.ts";
import { followsLast, profitOf } from "../../../src/terminals/paper/profit.ts";
import { at, contract, fineAt, market, pair } from "./contracts.ts";

const profit = (spec: SymbolSpec, side: Side, volume: number, open: number, close: number) =>
  profitOf(spec, side, lots(volume), fineAt(spec, open), at(spec, close));

describe("the profit of a position", () => {
  const eurusd = contract("EURUSD");

  it.each([
    ["EURUSD", "sell", 0.01, 1.09301, 1.10104, -8.03],
    ["EURUSD", "buy", 0.02, 1.09536, 1.10099, 11.26],
    ["EURUSD", "buy", 0.01, 1.08676, 1.10099, 14.23],
    ["AUDUSD", "buy", 0.1, 0.66336, 0.66327, -0.9],
    ["EURUSD", "buy", 1, 1.1, 1.103, 300], // 300 points of 1 lot
    ["US500", "buy", 1, 6800.5, 6810.5, 10],
    ["XAUUSD", "sell", 0.22, 2611.12, 2612.92, -39.6],
    ["XAUUSD", "buy", 0.16, 2925.91, 2928.41, 40],
  ] as const)("is what terminals have printed: %s %s %d at %d, closed at %d, makes %d", (...row) => {
    const [name, side, volume, open, close, expected] = row;
    expect(profit(contract(name), side, volume, open, close)).toBe(expected);
  });

  it("is rounded in the profit currency first and converted at the price it closes at", () => {
    const usdchf = pair("USD", "CHF");
    const conversion = market("USD", [usdchf, 0.9, 0.9001]);
    const closed = (side: Side, volume: number, open: number, close: number) => {
      const francs = profit(usdchf, side, volume, open, close);
      return { francs, dollars: roundHalfAway(conversion.profitToDeposit(usdchf, francs, at(usdchf, close)) ?? 0, 2) };
    };
    expect(closed("buy", 0.01, 0.97898, 0.95758)).toEqual({ francs: -21.4, dollars: -22.35 });
    expect(closed("sell", 0.1, 0.93475, 0.93751)).toEqual({ francs: -27.6, dollars: -29.44 });
  });

  it("rounds each leg of a currency pair by itself", () => {
    // 0.01 lot: 1100.005 and 1100.014 are 1100.01 and 1100.01; the difference of 0.009 is lost
    const fine = { ...eurusd, digits: 6, tickSize: 1 as Price };
    expect(profit(fine, "buy", 0.01, 1.100005, 1.100014)).toBe(0);
    expect(profit({ ...fine, calcMode: "cfd" }, "buy", 0.01, 1.100005, 1.100014)).toBe(0.01);
  });

  it("has no decimals in yen and three in dinars", () => {
    expect(profit(contract("USDJPY"), "buy", 0.01, 150.001, 150.0024)).toBe(1);
    expect(profit(pair("USD", "KWD"), "buy", 0.01, 0.30701, 0.30702)).toBe(0.01);
    expect([currencyDigits("USD"), currencyDigits("JPY"), currencyDigits("BTC")]).toEqual([2, 0, 8]);
  });

  it("counts from the thousandths of a point of an average price", () => {
    const gold = contract("XAUUSD");
    expect(profitOf(gold, "buy", lots(3), fineAt(gold, 2000.00333), at(gold, 2001))).toBe(299);
  });

  it("comes from the tick value in the futures and option modes", () => {
    const future = contract("US500", { tickValue: 12.5, tickSize: 25 as Price, contractSize: 999 });
    const ticks = (calcMode: CalcMode) => profit({ ...future, calcMode }, "sell", 2, 6800.5, 6799.5);
    const modes: CalcMode[] = ["futures", "exch_futures", "exch_futures_forts", "exch_options", "exch_options_margin"];
    for (const mode of modes) expect(ticks(mode), mode).toBe(100); // 4 ticks, 2 lots
  });

  it("comes from the contract size in the CFD and stock modes", () => {
    const stock = contract("US500", { contractSize: 10, tickValue: 999 });
    const modes: CalcMode[] = ["cfd", "cfd_index", "cfd_leverage", "exch_stocks", "exch_stocks_moex"];
    for (const calcMode of modes) expect(profit({ ...stock, calcMode }, "buy", 2, 100, 101.5), calcMode).toBe(30);
  });

  it("is a percentage of the face value for bonds, whatever has accrued", () => {
    const bond = contract("US500", { calcMode: "exch_bonds", contractSize: 10, faceValue: 1000, accruedInterest: 17 });
    expect(profit(bond, "buy", 2, 98.5, 99.25)).toBe(150);
    expect(profit({ ...bond, calcMode: "exch_bonds_moex" }, "sell", 2, 98.5, 99.25)).toBe(-150);
  });

  it("is nothing for collateral", () => {
    expect(profit(contract("US500", { calcMode: "serv_collateral" }), "buy", 1, 1, 2)).toBe(0);
  });

  it("of a buy is the loss of the sell, and a round trip at one price is free", () => {
    for (const name of ["EURUSD", "USDJPY", "XAUUSD", "US500", "BTCUSD"]) {
      const spec = contract(name);
      for (let n = 1; n < 200; n++) {
        const [open, close] = [(n * 7919) % 150_000, (n * 104_729) % 150_000].map(
          (points) => points / 10 ** spec.digits,
        );
        const buy = profit(spec, "buy", n / 100, open ?? 0, close ?? 0);
        expect(profit(spec, "sell", n / 100, open ?? 0, close ?? 0), `${name} ${n}`).toBe(-buy || 0);
        expect(profit(spec, "buy", n / 100, open ?? 0, open ?? 0), `${name} ${n}`).toBe(0);
      }
    }
  });

  it("floats at the last deal's price on exchanges", () => {
    expect(followsLast(contract("US500", { calcMode: "exch_stocks" }))).toBe(true);
    expect(followsLast(eurusd)).toBe(false);
  });
});

describe("commission", () => {
  it("is charged on the volume a deal opens, rounded half away from zero", () => {
    expect(commissionOf(5, lots(0.22), 2)).toBe(money(-1.1, 2));
    expect(commissionOf(5, lots(0.001), 2)).toBe(money(-0.01, 2));
    expect(Object.is(commissionOf(5, lots(0), 2), 0)).toBe(true);
  });
});
