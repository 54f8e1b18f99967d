/**
 * A file of lines, from its bytes to ticks.
 *
 * A line is read without looking for its end first: its fields end where it does. Only one
 * that cannot be read so (the first, an empty one, one that is malformed) is measured, and
 * then read again within its bounds. Measuring every line takes longer than reading it.
 *
 * Memory holds one chunk of bytes and one batch, and of a line at most `LONGEST`.
 */
import type { TickRows } from "../../core/model/tick-rows.ts";
import { flaw, type LineFormat, Row, type Sample } from "./formats/format.ts";
import { Line } from "./formats/line.ts";
import type { RecordedTicks } from "./recorded-ticks.ts";

const LONGEST = 64 * 1024;
const TOO_LONG = `it is longer than ${LONGEST} bytes`;
const NEWLINE = 10;
const RETURN = 13;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

export class RecordedLines {
  readonly #format: LineFormat;
  readonly #read: (line: Line, row: Row) => void;
  readonly #ticks: RecordedTicks;
  readonly #line = new Line();
  readonly #row = new Row();
  /** Lines so far. */
  #number = 0;

  constructor(format: LineFormat, sample: Sample, digits: number, ticks: RecordedTicks) {
    this.#format = format;
    this.#read = format.reader(sample, digits);
    this.#ticks = ticks;
  }

  async *batches(chunks: AsyncIterable<Buffer>): AsyncGenerator<TickRows, void> {
    const ticks = this.#ticks;
    let begun: Buffer | undefined; // of a line that goes on in the next chunk
    let passing = false; // in the middle of a line that is too long
    for await (const chunk of chunks) {
      const whole = chunk.lastIndexOf(NEWLINE) + 1;
      let from = passing && whole > 0 ? chunk.indexOf(NEWLINE) + 1 : 0;
      passing &&= whole === 0;
      if (begun !== undefined && whole > 0) {
        from = chunk.indexOf(NEWLINE) + 1;
        const line = Buffer.concat([begun, chunk.subarray(0, from)]);
        begun = undefined;
        this.#one(line, 0, line.length - 1);
        if (ticks.full) yield ticks.take();
      }
      while (from < whole) {
        from = this.#lines(chunk, from, whole);
        if (ticks.full) yield ticks.take();
      }
      if (passing || whole === chunk.length) continue;
      begun = Buffer.concat([begun ?? Buffer.alloc(0), chunk.subarray(whole)]);
      if (begun.length > LONGEST) {
        ticks.malformed(`line ${++this.#number}`, TOO_LONG);
        passing = true;
        begun = undefined;
      }
    }
    if (begun !== undefined) this.#one(begun, 0, begun.length);
    if (ticks.waiting > 0) yield ticks.take();
  }

  /** The time of the first line that can be read, in a file's first bytes; `complete` when they are all of it. */
  static firstTime(format: LineFormat, sample: Sample, digits: number, complete: boolean): number {
    const { head } = sample;
    const read = format.reader(sample, digits);
    const row = new Row();
    for (let from = 0; from < head.length; ) {
      const newline = head.indexOf(NEWLINE, from);
      if (newline < 0 && !complete) break; // perhaps half a line
      const end = newline < 0 ? head.length : newline;
      if (faultOf(read, new Line(), row, head, from, end) === undefined) return row.time;
      from = end + 1;
    }
    return Number.NEGATIVE_INFINITY;
  }

  /** Lines from `from` on, until the batch is full or the lines end at `whole`; where the next one begins. */
  #lines(bytes: Buffer, from: number, whole: number): number {
    const ticks = this.#ticks;
    const read = this.#read;
    const line = this.#line;
    const row = this.#row;
    let at = from;
    while (at < whole && !ticks.full) {
      line.set(bytes, at, whole);
      read(line, row);
      const next = line.next;
      if (next > 0 && next - at <= LONGEST && this.#number > 0 && line.fault === undefined && flaw(row) === undefined) {
        this.#number++;
        row.rounded ||= line.rounded;
        ticks.add(row);
        at = next;
      } else {
        const end = bytes.indexOf(NEWLINE, at);
        this.#one(bytes, at, end);
        at = end + 1;
      }
    }
    return at;
  }

  /** The line from `from` to `to`, whatever it is. */
  #one(bytes: Buffer, from: number, to: number): void {
    let start = from;
    if (++this.#number === 1) {
      if (bytes.subarray(start, start + 3).equals(BYTE_ORDER_MARK)) start += 3;
      if (this.#format.heading(bytes.toString("latin1", start, to))) return;
    }
    if (start === to || (start + 1 === to && bytes[start] === RETURN)) return;
    const fault = to - start > LONGEST ? TOO_LONG : faultOf(this.#read, this.#line, this.#row, bytes, start, to);
    if (fault === undefined) this.#ticks.add(this.#row);
    else this.#ticks.malformed(`line ${this.#number}`, fault);
  }
}

/** Reads a line whose end is known; what is wrong with it, if anything is. */
function faultOf(
  read: (line: Line, row: Row) => void,
  line: Line,
  row: Row,
  bytes: Buffer,
  from: number,
  to: number,
): string | undefined {
  line.set(bytes, from, to > from && bytes[to - 1] === RETURN ? to - 1 : to);
  read(line, row);
  row.rounded ||= line.rounded;
  return line.fault ?? flaw(row);
}
