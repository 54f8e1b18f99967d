/**
 * Records as they come back from where they were kept, and what may be made of them.
 *
 * Nothing leaves here that is not as it was written, in its place. What cannot be read
 * is not guessed and not passed over.
 */
import type { Page } from "./journal-disk.ts";
import { checksum, recordFormat } from "./journal-record.ts";

/** An event as it is kept. */
export interface Row {
  readonly sequence: number;
  readonly format: number;
  readonly checksum: number;
  readonly body: string;
}

/** Where reading a log cannot go on. */
export class Unreadable extends Error {
  readonly sequence: number;
  /** The first event behind it that may be there. */
  readonly next: number;

  constructor(sequence: number, next: number, why: string) {
    super(`event ${sequence} cannot be read: ${why}`);
    this.sequence = sequence;
    this.next = next;
  }
}

/** No page is much longer. */
const PAGE_CHARACTERS = 1 << 20;

/** The row of an event as it goes to where it is kept. */
export const rowOf = (sequence: number, body: string): Row => ({
  sequence,
  format: recordFormat,
  checksum: checksum(recordFormat, sequence, body),
  body,
});

/** Events from `first` on, from rows in their order: all up to the first that cannot be read, and at least one. */
export function pageOf(rows: Iterable<Row>, first: number, last: number): Page {
  const bodies: string[] = [];
  let characters = 0;
  for (const row of rows) {
    const sequence = first + bodies.length;
    const missing = row.sequence !== sequence;
    const why = missing ? `it is missing, the next one there is ${row.sequence}` : whyUnreadable(row);
    if (why !== undefined) {
      if (bodies.length > 0) break; // what comes before it is sound
      throw new Unreadable(sequence, missing ? row.sequence : sequence + 1, why);
    }
    bodies.push(row.body);
    characters += row.body.length;
    if (characters >= PAGE_CHARACTERS) break;
  }
  if (bodies.length === 0) throw new Unreadable(first, last + 1, "it is missing, and so are all after it");
  return { text: bodies.join("\n"), count: bodies.length };
}

/**
 * Whether the newest record of a log is a write that was cut short, the one before it being sound.
 * Two that are not sound are damage, and stay for everyone to see.
 */
export const isTorn = (newest: Row, before: Row | undefined): boolean =>
  !isSound(newest) && (before === undefined || isSound(before));

const isSound = ({ sequence, format, checksum: sum, body }: Row): boolean => checksum(format, sequence, body) === sum;

function whyUnreadable(row: Row): string | undefined {
  if (!isSound(row)) return "it does not match its checksum";
  return row.format === recordFormat ? undefined : `it has format ${row.format}, this version reads ${recordFormat}`;
}
