/**
 * MetaTrader's "Export Ticks": tab-separated under a heading, on the broker's clock.
 *
 *   <DATE>      <TIME>        <BID>    <ASK>    <LAST>  <VOLUME>  <FLAGS>
 *   2022.11.10  15:00:00.017  0.86682  0.86712                    6
 *
 * An empty field is one that did not change: it keeps the last known value. `<LAST>` and
 * `<VOLUME>` of a quoted market are therefore empty throughout, and stay 0.
 */
import { midnights, timeOfDay } from "./calendar.ts";
import { type LineFormat, type Row, someLine } from "./format.ts";
import type { Line } from "./line.ts";

const POINT = 46;
const LOT_DIGITS = 8;

export const mt5Export: LineFormat = {
  kind: "lines",
  name: "mt5-export",
  fits: ({ head }) => someLine(head, /^(\uFEFF|\xEF\xBB\xBF)?<DATE>\t<TIME>\t<BID>\t<ASK>/),
  zone: () => "broker",
  heading: (line) => line.startsWith("<DATE>"),
  reader(_sample, digits) {
    const dayAt = midnights();
    const known = { bid: 0, ask: 0, last: 0, volume: 0 };
    return (line: Line, row: Row) => {
      const year = line.digits(4, "the year");
      line.expect(POINT, "a point");
      const month = line.digits(2, "the month");
      line.expect(POINT, "a point");
      const day = dayAt(line, year, month, line.digits(2, "the day"));
      line.tab();
      row.time = day + timeOfDay(line);
      line.tab();
      row.bid = line.emptyField() ? known.bid : line.decimal(digits, "the bid");
      line.tab();
      row.ask = line.emptyField() ? known.ask : line.decimal(digits, "the ask");
      row.last = known.last;
      row.volume = known.volume;
      row.flags = -1;
      if (!line.ended) {
        line.tab();
        if (!line.emptyField()) row.last = line.decimal(digits, "the last price");
      }
      if (!line.ended) {
        line.tab();
        if (!line.emptyField()) row.volume = line.decimal(LOT_DIGITS, "the volume");
      }
      if (!line.ended) {
        line.tab();
        if (!line.emptyField()) row.flags = line.whole("the flags");
      }
      line.finish();
      if (line.fault !== undefined) return;
      known.bid = row.bid;
      known.ask = row.ask;
      known.last = row.last;
      known.volume = row.volume;
    };
  },
};
