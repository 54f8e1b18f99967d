/**
 * QuantConnect LEAN quote ticks: `milliseconds since midnight,bid,ask`, no heading.
 *
 * The date is in the file's name only: 20140502_quote.csv or eurusd-2014-05-02-….csv.
 * Milliseconds may have a fraction (gold), which is cut off, so that no tick moves to
 * the next day. LEAN keeps FXCM's files on New York winter time, all others on UTC.
 */
import { basename } from "node:path";
import { DAY, midnight } from "./calendar.ts";
import { type LineFormat, type Row, type Sample, someLine } from "./format.ts";
import type { Line } from "./line.ts";

export const lean: LineFormat = {
  kind: "lines",
  name: "lean",
  fits: ({ head }) => someLine(head, /^\d{1,8}(\.\d+)?,\d+(\.\d+)?,\d+(\.\d+)?\r?$/),
  zone: ({ path }) => (/fxcm/i.test(path) ? "UTC-5" : "UTC"),
  heading: () => false,
  reader(sample, digits) {
    const day = dayOf(sample);
    return (line: Line, row: Row) => {
      const into = line.whole("the time");
      line.cutDecimals();
      if (into >= DAY) line.fail("the time is past the day's end");
      row.time = day + into;
      line.comma();
      row.bid = line.decimal(digits, "the bid");
      line.comma();
      row.ask = line.decimal(digits, "the ask");
      line.finish();
    };
  },
};

function dayOf({ path }: Sample): number {
  const found = /(?<!\d)(\d{4})-?(\d\d)-?(\d\d)(?!\d)/.exec(basename(path));
  const day = found === null ? Number.NaN : midnight(Number(found[1]), Number(found[2]), Number(found[3]));
  if (Number.isNaN(day)) throw new Error("a LEAN file needs its date in its name, as in eurusd-2014-05-02.csv");
  return day;
}
