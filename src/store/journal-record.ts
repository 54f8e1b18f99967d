/**
 * An event as the journal keeps it: one line of JSON and a checksum.
 *
 * JSON has no bigint, so one is written as the string "$n:…"; a string that begins
 * with "$" is written as "$s:…", and so nothing an event holds can be mistaken for
 * something else. What JSON would quietly change (NaN, a hole in an array, a class
 * instance) is refused: a journal that reads back otherwise than it was written is
 * worse than none.
 */
import { crc32 } from "node:zlib";

/** The version of everything below; kept with each record. */
export const recordFormat = 1;

/** Covers the body, and its place: a record moved elsewhere does not match. */
export const checksum = (format: number, sequence: number, body: string): number =>
  crc32(body, crc32(`${format}:${sequence}`));

/** One line: JSON has no line breaks of its own. */
export function encodeEvent(event: unknown): string {
  const text = JSON.stringify(written(event));
  if (text === undefined) throw new TypeError("an event must be a value that JSON can express");
  return text;
}

export function decodeEvent(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return text.includes('"$') ? read(value) : value;
}

/** The value itself, or, where it holds something to be marked, a copy with the marks. */
function written(value: unknown): unknown {
  switch (typeof value) {
    case "string":
      return value.startsWith("$") ? `$s:${value}` : value;
    case "number":
      if (!Number.isFinite(value)) throw new TypeError(`an event cannot hold the number ${value}`);
      return value;
    case "bigint":
      return `$n:${value}`;
    case "object":
      if (value === null) return null;
      return Array.isArray(value) ? writtenArray(value) : writtenObject(value);
    case "boolean":
    case "undefined":
      return value;
    default:
      throw new TypeError(`an event cannot hold a ${typeof value}`);
  }
}

function writtenArray(items: readonly unknown[]): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    if (item === undefined) throw new TypeError("an event cannot hold an array with undefined in it");
    const now = written(item);
    if (now !== item) {
      copy ??= items.slice();
      copy[i] = now;
    }
  }
  return copy ?? items;
}

function writtenObject(value: object): object {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`an event cannot hold a ${value.constructor.name}: plain data only`);
  }
  const fields = value as Record<string, unknown>;
  let changed: [string, unknown][] | undefined;
  for (const key of Object.keys(fields)) {
    const now = written(fields[key]);
    if (now !== fields[key]) {
      changed ??= [];
      changed.push([key, now]);
    }
  }
  // Not an assignment: a field may be called __proto__.
  return changed === undefined ? value : Object.fromEntries([...Object.entries(fields), ...changed]);
}

/** Takes the marks off again, in place: the value is fresh from JSON.parse. */
function read(value: unknown): unknown {
  if (typeof value === "string") return value.startsWith("$") ? unmarked(value) : value;
  if (typeof value !== "object" || value === null) return value;
  const fields = value as Record<string, unknown>;
  for (const key of Object.keys(fields)) {
    const field = fields[key];
    if (typeof field === "object" || typeof field === "string") fields[key] = read(field);
  }
  return value;
}

function unmarked(text: string): unknown {
  if (text.startsWith("$s:")) return text.slice(3);
  if (/^\$n:-?\d+$/.test(text)) return BigInt(text.slice(3));
  throw new SyntaxError(`unknown mark ${text.slice(0, 3)}`);
}
