/**
 * The deals of a native Strategy Tester report.
 *
 * The report is an HTML page in UTF-16, written by the terminal. Its deals are the rows
 * of 13 cells after the heading "Deals"; numbers have a space between the thousands.
 */

export interface ReportDeal {
  readonly deal: number;
  readonly symbol: string;
  readonly type: "balance" | "buy" | "sell";
  /** Empty for balance operations. */
  readonly entry: "in" | "out" | "";
  readonly lots: number;
  readonly price: number;
  readonly commission: number;
  readonly swap: number;
  readonly profit: number;
  readonly balance: number;
}

/** The sums at the foot of the deals. */
export interface ReportTotals {
  readonly commission: number;
  readonly swap: number;
  readonly profit: number;
  readonly balance: number;
}

const number = (cell: string): number => Number(cell.replace(/\s/g, ""));

export function parseTesterReport(bytes: Uint8Array): { deals: ReportDeal[]; totals: ReportTotals } {
  const html = new TextDecoder("utf-16le").decode(bytes);
  const table = html.slice(html.indexOf("<b>Deals</b>"));
  const rows = [...table.matchAll(/<tr[^>]*>(.*?)<\/tr>/gs)].map((row) =>
    [...(row[1] ?? "").matchAll(/<td[^>]*>(.*?)<\/td>/gs)].map((cell) => (cell[1] ?? "").replace(/<\/?b>/g, "")),
  );
  const deals = rows
    .filter((cells) => cells.length === 13 && /^\d/.test(cells[0] ?? ""))
    .map((cells): ReportDeal => {
      const [, deal = "", symbol = "", type = "", entry = "", lots = "", price = "", , ...money] = cells;
      const [commission = "", swap = "", profit = "", balance = ""] = money;
      return {
        deal: number(deal),
        symbol,
        type: type as ReportDeal["type"],
        entry: entry as ReportDeal["entry"],
        lots: number(lots),
        price: number(price),
        commission: number(commission),
        swap: number(swap),
        profit: number(profit),
        balance: number(balance),
      };
    });
  const foot = rows.find((cells) => cells.length === 6 && /\d/.test(cells[1] ?? ""))?.map(number) ?? [];
  const [, commission = Number.NaN, swap = Number.NaN, profit = Number.NaN, balance = Number.NaN] = foot;
  return { deals, totals: { commission, swap, profit, balance } };
}
