/**
 * TrueFX ticks, in both shapes in circulation:
 *
 *   EUR/USD,20130101 22:00:00.295,1.31950,1.31957      as TrueFX gives them out
 *   2013-01-01 22:00:00.295000+00:00,86.655,86.728     as data frames save them, under a heading
 *
 * UTC; a stamp's own offset counts. Digits finer than a millisecond are cut off.
 */
import { midnights, timeOfDay } from "./calendar.ts";
import { firstLine, type LineFormat, type Row, someLine } from "./format.ts";
import type { Line } from "./line.ts";

const [SPACE, DASH, PLUS, COLON, COMMA, LETTER_Z] = [32, 45, 43, 58, 44, 90] as const;
const original = /^[A-Z]{3}\/[A-Z]{3},\d{8} \d\d:\d\d:/;
const saved = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?,\d/;

export const truefx: LineFormat = {
  kind: "lines",
  name: "truefx",
  fits: ({ head }) => someLine(head, original) || someLine(head, saved),
  zone: () => "UTC",
  symbol: ({ head }) => (original.test(firstLine(head)) ? firstLine(head).slice(0, 7).replace("/", "") : undefined),
  heading: (line) => /^timestamp,bid,ask/i.test(line),
  reader({ head }, digits) {
    const stamp = someLine(head, original) ? originalStamp(midnights()) : savedStamp(midnights());
    return (line: Line, row: Row) => {
      row.time = stamp(line);
      line.comma();
      row.bid = line.decimal(digits, "the bid");
      line.comma();
      row.ask = line.decimal(digits, "the ask");
      line.finish();
    };
  },
};

type DayAt = ReturnType<typeof midnights>;

function originalStamp(dayAt: DayAt): (line: Line) => number {
  return (line) => {
    line.passTo(COMMA);
    line.comma();
    const day = dayAt(line, line.digits(4, "the year"), line.digits(2, "the month"), line.digits(2, "the day"));
    line.expect(SPACE, "a space");
    return day + timeOfDay(line);
  };
}

function savedStamp(dayAt: DayAt): (line: Line) => number {
  return (line) => {
    const year = line.digits(4, "the year");
    line.expect(DASH, "a dash");
    const month = line.digits(2, "the month");
    line.expect(DASH, "a dash");
    const day = dayAt(line, year, month, line.digits(2, "the day"));
    line.expect(SPACE, "a space");
    return day + timeOfDay(line) - offset(line);
  };
}

/** "+00:00", "-05:00", "Z" or nothing, in milliseconds. */
function offset(line: Line): number {
  if (line.takes(LETTER_Z)) return 0;
  const ahead = line.takes(PLUS);
  if (!ahead && !line.takes(DASH)) return 0;
  const hours = line.digits(2, "the offset");
  line.expect(COLON, "a colon");
  const minutes = hours * 60 + line.digits(2, "the offset");
  return (ahead ? minutes : -minutes) * 60_000;
}
