/**
 * Bytes to message, strictly.
 *
 * The library's decoder believes a sender: it reads a known field by its declared type whatever type the sender
 * wrote, cuts integers down to their size, and lets a nested message run over its end. Volume and price of an
 * order must not come about that way. So the records are looked through first, and what does not fit the
 * descriptor is refused by the field's name.
 *
 * Fields that the descriptor does not know are skipped, as everywhere in protobuf: an older bridge serves a newer
 * client.
 */
import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { BridgeError, type Violation } from "../core/errors.ts";

const depthLimit = 32;
const readOptions = { readUnknownFields: false, recursionLimit: depthLimit };
const utf8 = new TextDecoder("utf-8", { fatal: true });

export function decode<D extends DescMessage>(schema: D, bytes: Uint8Array): MessageShape<D> {
  if (bytes.length === 0) return create(schema);
  try {
    look(schema, new BinaryReader(bytes), bytes.length, "", 0);
    return fromBinary(schema, bytes, readOptions);
  } catch (cause) {
    if (cause instanceof Misfit) throw refused([cause.violation]);
    const message = `The request is no ${schema.typeName}: its bytes are damaged or cut off.`;
    throw new BridgeError("invalid_argument", message, { cause });
  }
}

export function refused(violations: readonly Violation[]): BridgeError {
  const shown = violations.slice(0, 3).map(({ field, description }) => `${field}: ${description}`);
  const more = violations.length > 3 ? [`${violations.length - 3} more`] : [];
  return new BridgeError("invalid_argument", [...shown, ...more].join(". "), { violations });
}

class Misfit extends Error {
  readonly violation: Violation;

  constructor(field: string, description: string) {
    super(description);
    this.violation = { field, description };
  }
}

function look(schema: DescMessage, reader: BinaryReader, end: number, path: string, depth: number): void {
  if (depth > depthLimit) throw new RangeError("nested too deeply");
  const fields = fieldsOf(schema);
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    const field = fields.get(number);
    if (field === undefined) reader.skip(wireType, number, depthLimit - depth);
    else lookAt(field, reader, wireType, end, path + field.name, depth);
    if (reader.pos > end) throw new RangeError("a field runs over the end of its message");
  }
}

function lookAt(field: DescField, reader: BinaryReader, wireType: number, end: number, path: string, depth: number) {
  const wanted = wireTypeOf(field);
  const packed = field.fieldKind === "list" && wireType === WireType.LengthDelimited && wanted !== wireType;
  if (wireType !== wanted && !packed) {
    throw new Misfit(path, `must be ${nameOf(field)}; got ${wireNames[wireType] ?? "something else"}`);
  }
  if (wireType !== WireType.LengthDelimited) return lookAtNumber(field, reader, path);
  if (!packed && field.message === undefined) {
    const content = reader.bytes();
    if (field.scalar === ScalarType.STRING && !isUtf8(content)) throw new Misfit(path, "must be UTF-8");
    return;
  }
  const stop = reader.uint32() + reader.pos;
  if (stop > end) throw new RangeError("a field runs over the end of its message");
  if (field.message !== undefined) return look(field.message, reader, stop, `${path}.`, depth + 1);
  while (reader.pos < stop) lookAtNumber(field, reader, path);
  if (reader.pos > stop) throw new RangeError("a field runs over the end of its message");
}

function lookAtNumber(field: DescField, reader: BinaryReader, path: string): void {
  if (wireTypeOf(field) === WireType.Bit64) reader.pos += 8;
  else if (wireTypeOf(field) === WireType.Bit32) reader.pos += 4;
  else if (field.scalar === ScalarType.UINT32) within(reader.uint64(), 0n, 0xffff_ffffn, path);
  else if (field.enum !== undefined || field.scalar === ScalarType.INT32) {
    within(reader.int64(), -0x8000_0000n, 0x7fff_ffffn, path);
  } else reader.uint64();
}

function within(value: bigint | string, low: bigint, high: bigint, path: string): void {
  const n = BigInt(value);
  if (n < low || n > high) throw new Misfit(path, `must be ${low} to ${high}; got ${n}`);
}

const fieldMaps = new WeakMap<DescMessage, Map<number, DescField>>();

function fieldsOf(schema: DescMessage): Map<number, DescField> {
  let map = fieldMaps.get(schema);
  if (map === undefined) {
    map = new Map(schema.fields.map((field) => [field.number, field]));
    fieldMaps.set(schema, map);
  }
  return map;
}

function wireTypeOf(field: DescField): WireType {
  if (field.enum !== undefined) return WireType.Varint;
  switch (field.scalar) {
    case undefined:
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.DOUBLE:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return WireType.Bit64;
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return WireType.Bit32;
    default:
      return WireType.Varint;
  }
}

function nameOf(field: DescField): string {
  if (field.enum !== undefined) return `a value of ${field.enum.name}`;
  if (field.scalar === undefined) return `a message ${field.message?.typeName ?? "(map)"}`;
  return `of type ${ScalarType[field.scalar].toLowerCase()}`;
}

const wireNames: Record<number, string> = {
  [WireType.Varint]: "an integer",
  [WireType.Bit64]: "a 64-bit number",
  [WireType.LengthDelimited]: "a string or message",
  [WireType.StartGroup]: "a group",
  [WireType.EndGroup]: "the end of a group",
  [WireType.Bit32]: "a 32-bit number",
};

function isUtf8(bytes: Uint8Array): boolean {
  for (const byte of bytes) {
    if (byte > 0x7f) {
      try {
        utf8.decode(bytes);
        return true;
      } catch {
        return false;
      }
    }
  }
  return true;
}
