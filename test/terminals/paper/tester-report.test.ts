import { expect, it } from "vitest";
import { finePrice, lots, type Money, money, price } from "../../../src/core/model/decimals.ts";
import { commissionOf } from "../../../src/terminals/paper/commission.ts";
import { profitOf } from "../../../src/terminals/paper/profit.ts";
import { nightSwap } from "../../../src/terminals/paper/swap.ts";
import { parseSymbolFile } from "../../../src/terminals/paper/symbol-file.ts";
import { describeRecorded, recording } from "../../recorded.ts";
import { contract, market } from "./contracts.ts";
import { parseTesterReport, type ReportDeal } from "./tester-report.ts";

describeRecorded("a Strategy Tester report of 18 months of gold, replayed", () => {
  const cents = (amount: number): Money => money(amount, 2);
  const report = () => parseTesterReport(recording("mt5/report-tester-xauusd-2025-2026-trademax.html.gz"));
  const [gold = contract("XAUUSD")] = parseSymbolFile(
    "symbol-spec-xauusd-trademax.csv",
    recording("mt5/symbol-spec-xauusd-trademax.csv").toString("utf8"),
  );

  /** What the deal books, reckoned by us; `opened` is the deal that opened what it closes. */
  function reckon(deal: ReportDeal, opened: ReportDeal | undefined): { profit: Money; commission: Money } {
    if (deal.type === "balance") return { profit: cents(deal.profit), commission: cents(0) };
    const volume = lots(deal.lots);
    if (deal.entry === "in") return { profit: cents(0), commission: commissionOf(5, volume, 2) };
    if (opened === undefined) throw new Error(`deal ${deal.deal} closes nothing`);
    const side = opened.type === "buy" ? "buy" : "sell";
    const profit = profitOf(gold, side, volume, finePrice(opened.price, 2), price(deal.price, 2));
    return { profit: cents(profit), commission: commissionOf(5, lots(0), 2) };
  }

  it("gives the profit, the commission and the balance of every one of its 693 deals", () => {
    const { deals, totals } = report();
    const sums = { commission: 0, swap: 0, profit: 0, balance: 0 };
    let opened: ReportDeal | undefined;
    for (const deal of deals) {
      const { profit, commission } = reckon(deal, opened);
      sums.commission += commission;
      sums.swap += cents(deal.swap); // the rate of that night is not in the report
      sums.profit += deal.type === "balance" ? 0 : profit;
      sums.balance += profit + commission + cents(deal.swap);
      const row = { profit: cents(deal.profit), commission: cents(deal.commission), balance: cents(deal.balance) };
      expect({ profit, commission, balance: sums.balance }, `deal ${deal.deal}`).toEqual(row);
      opened = deal.entry === "in" ? deal : undefined;
    }
    const { commission, swap, profit, balance } = totals;
    expect(deals).toHaveLength(693);
    expect(sums).toEqual({
      commission: cents(commission),
      swap: cents(swap),
      profit: cents(profit),
      balance: cents(balance),
    });
  });

  it("has 346 round trips, each the difference of two prices times 100 ounces a lot", () => {
    const { deals } = report();
    const trips = deals.filter((deal) => deal.entry === "out");
    expect(trips).toHaveLength(346);
    for (const out of trips) {
      const opened = deals.find((deal) => deal.deal === out.deal - 1);
      expect([opened?.entry, opened?.lots], `deal ${out.deal}`).toEqual(["in", out.lots]);
      expect(reckon(out, opened).profit, `deal ${out.deal}`).toBe(cents(out.profit));
    }
  });

  it("starts with a sell of 0.22 lot that loses 39.60 and has cost 1.10 to open", () => {
    const [, opened, closed] = report().deals;
    expect([opened?.price, opened?.commission, closed?.price, closed?.profit]).toEqual([2611.12, -1.1, 2612.92, -39.6]);
  });

  it("books the swap of a night with the deal that closes: -10.55 twice, at prices 60 dollars apart", () => {
    const { deals } = report();
    const nights = deals.filter((deal) => deal.swap !== 0);
    expect(nights.map(({ entry, lots, swap, price }) => [entry, lots, swap, price])).toEqual([
      ["out", 0.16, -10.55, 2928.41],
      ["out", 0.16, -10.55, 2983.94],
    ]);
    const then = { ...gold, swapLong: -65.94 };
    for (const night of nights) {
      const held = {
        side: "buy",
        volume: lots(night.lots),
        openPrice: finePrice(1, 2),
        currentPrice: price(night.price, 2),
      } as const;
      const swap = nightSwap(then, held, 4, market("USD"));
      expect(swap.kind === "money" && money(swap.amount, 2)).toBe(cents(night.swap));
    }
  });
});
