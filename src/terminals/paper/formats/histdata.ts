/** HistData's ASCII ticks: `YYYYMMDD HHMMSSmmm,bid,ask,volume`, no heading, New York winter time all year. */
import { clockTime, midnights } from "./calendar.ts";
import { type LineFormat, type Row, someLine } from "./format.ts";
import type { Line } from "./line.ts";

const SPACE = 32;

export const histdata: LineFormat = {
  kind: "lines",
  name: "histdata",
  fits: ({ head }) => someLine(head, /^\d{8} \d{9},\d/),
  zone: () => "UTC-5",
  heading: () => false,
  reader(_sample, digits) {
    const dayAt = midnights();
    return (line: Line, row: Row) => {
      const day = dayAt(line, line.digits(4, "the year"), line.digits(2, "the month"), line.digits(2, "the day"));
      line.expect(SPACE, "a space");
      const time = clockTime(
        line,
        line.digits(2, "the hour"),
        line.digits(2, "the minute"),
        line.digits(2, "the second"),
      );
      row.time = day + time + line.digits(3, "the millisecond");
      line.comma();
      row.bid = line.decimal(digits, "the bid");
      line.comma();
      row.ask = line.decimal(digits, "the ask");
      if (line.ended) return;
      line.comma(); // the volume, which is always 0
      line.decimal(0, "the volume");
      line.finish();
    };
  },
};
