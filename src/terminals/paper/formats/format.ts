/**
 * What a way of writing ticks down has to tell.
 *
 * A format turns bytes into rows and knows nothing of files, streams or policies: a row
 * has the file's own clock, and prices already in the symbol's points, because that is
 * exact only while the decimals are still at hand. The row is reused for every tick.
 */
import type { Line } from "./line.ts";

/** One tick as its file tells it. */
export class Row {
  /** The file's wall clock in milliseconds, written as if that clock were UTC. */
  time = 0;
  bid = 0;
  ask = 0;
  last = 0;
  /** In 1e-8 lots. */
  volume = 0;
  /** MetaTrader's bits; -1 where the format does not tell them. */
  flags = -1;
  /** A price had more decimals than the symbol has digits, and lost them. Stays set. */
  rounded = false;
}

/** A file by its path and first bytes, unpacked. */
export interface Sample {
  readonly path: string;
  readonly head: Buffer;
}

interface TickFormat {
  /** As it is called in settings and logs. */
  readonly name: string;
  fits(sample: Sample): boolean;
  /** The clock of the file, unless a setting names another. */
  zone(sample: Sample): string;
  /** The symbol, where the content names it. */
  symbol?(sample: Sample): string | undefined;
}

/** One tick a line: read as a stream, however large the file. */
export interface LineFormat extends TickFormat {
  readonly kind: "lines";
  /** Whether the line is a heading. Asked of the first line only. */
  heading(line: string): boolean;
  /** A reader of the file's lines in order; it may remember earlier ones. Throws when the file's name lacks what it needs. */
  reader(sample: Sample, digits: number): (line: Line, row: Row) => void;
}

/** A file that only makes sense as a whole: read into memory up to a limit. */
export interface WholeFormat extends TickFormat {
  readonly kind: "whole";
  /** A moment of the file's clock that none of its ticks precedes. Throws when the file does not tell. */
  starts(sample: Sample): number;
  /** Fills `row` and yields undefined for each tick, or yields what is wrong with it. */
  rows(
    sample: Sample,
    bytes: Buffer,
    symbol: { readonly name: string; readonly digits: number },
    row: Row,
  ): Iterable<string | undefined>;
}

export type Format = LineFormat | WholeFormat;

/** A whole file must fit in this many bytes, before and after unpacking. */
export const wholeLimit = 256 * 1024 * 1024;

/** A double as whole points of a symbol with so many digits. */
export function points(value: number, digits: number, row: Row): number {
  const exact = value * 10 ** digits;
  const whole = Math.round(exact);
  if (Math.abs(exact - whole) > 1e-3) row.rounded = true;
  return whole;
}

/** What makes a quote unusable, if anything does. A crossed one is not. */
export function flaw(row: Row): string | undefined {
  if (!(row.bid > 0)) return "the bid is not a positive price";
  if (!(row.ask > 0)) return "the ask is not a positive price";
  if (!Number.isFinite(row.time)) return "the time is no time";
  return undefined;
}

/** The first line that has something in it. */
export function firstLine(head: Buffer): string {
  for (const line of head.toString("latin1").split("\n", 32)) if (line.trim() !== "") return line.trim();
  return "";
}

/** Whether one of the first lines looks like this: a recording may begin with a broken one. */
export const someLine = (head: Buffer, pattern: RegExp): boolean =>
  head
    .toString("latin1")
    .split("\n", 32)
    .some((line) => pattern.test(line));
