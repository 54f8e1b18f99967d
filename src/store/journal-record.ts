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
  if (event === undefined) throw new TypeError("an event must be a value that JSON can express");
  return textOf(event);
}

export function decodeEvent(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return text.includes('"$') ? read(value) : value;
}

/** Written out at once, not by way of a marked copy, which costs half as much again. */
function textOf(value: unknown): string {
  switch (typeof value) {
    case "string":
      if (plain.test(value)) return `"${value}"`;
      return JSON.stringify(value.startsWith("$") ? `$s:${value}` : value);
    case "number":
      if (!Number.isFinite(value)) throw new TypeError(`an event cannot hold the number ${value}`);
      return String(value);
    case "bigint":
      return `"$n:${value}"`;
    case "boolean":
      return value ? "true" : "false";
    case "object":
      if (value === null) return "null";
      return Array.isArray(value) ? textOfArray(value) : textOfObject(value);
    default:
      throw new TypeError(`an event cannot hold a ${typeof value}`);
  }
}

/** Most strings: nothing in them that JSON or we would mark. */
const plain = /^(?!\$)[ !#-[\]-~]*$/;

/** The names of fields are few, and always the same. */
const names = new Map<string, Name>();
const manyNames = 1000;

/** As it stands at the beginning of an object, and further on. */
interface Name {
  readonly first: string;
  readonly next: string;
}

function nameOf(key: string): Name {
  const found = names.get(key);
  if (found !== undefined) return found;
  const quoted = JSON.stringify(key);
  const name = { first: `{${quoted}:`, next: `,${quoted}:` };
  if (names.size < manyNames) names.set(key, name);
  return name;
}

function textOfArray(items: readonly unknown[]): string {
  let text = "[";
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    if (item === undefined) throw new TypeError("an event cannot hold an array with undefined in it");
    text += i === 0 ? textOf(item) : `,${textOf(item)}`;
  }
  return `${text}]`;
}

function textOfObject(value: object): string {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`an event cannot hold a ${value.constructor.name}: plain data only`);
  }
  const fields = value as Record<string, unknown>;
  let text = "";
  for (const key in fields) {
    const field = fields[key];
    if (field === undefined) continue;
    const { first, next } = nameOf(key);
    text += (text === "" ? first : next) + textOf(field);
  }
  return text === "" ? "{}" : `${text}}`;
}

/** Takes the marks off again, in place: the value is fresh from JSON.parse. */
function read(value: unknown): unknown {
  if (typeof value === "string") return value.charCodeAt(0) === MARK ? unmarked(value) : value;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = read(value[i]);
    return value;
  }
  const fields = value as Record<string, unknown>;
  for (const key in fields) {
    const field = fields[key];
    if (typeof field === "string") {
      if (field.charCodeAt(0) === MARK) fields[key] = unmarked(field);
    } else if (typeof field === "object") read(field);
  }
  return value;
}

const MARK = "$".charCodeAt(0);

function unmarked(text: string): unknown {
  if (text.startsWith("$s:")) return text.slice(3);
  if (/^\$n:-?\d+$/.test(text)) return BigInt(text.slice(3));
  throw new SyntaxError(`unknown mark ${text.slice(0, 3)}`);
}
