/**
 * JSON to message, strictly, and back.
 *
 * What protobuf's JSON form allows is read; anything else is refused by the field's name, as `wire.ts` does with
 * bytes: a typo in an order is an error, not an order with a default. A key that stands twice is refused too, since
 * JSON.parse would keep the last one silently.
 */
import {
  create,
  type DescField,
  type DescMessage,
  fromJson,
  fromJsonString,
  type JsonValue,
  type Message,
  type MessageShape,
  type Registry,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { anyUnpack, EmptySchema } from "@bufbuild/protobuf/wkt";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from "../../gen/ts/google/rpc/error_details_pb.ts";
import { BridgeError, faults, type Violation } from "../core/errors.ts";
import { statusOf } from "./fault-status.ts";
import { refused } from "./wire.ts";

export type JsonObject = Readonly<Record<string, JsonValue>>;

/** Reads text that has to be one JSON object; throws `invalid_argument`. */
export function parseObject(text: string): JsonObject {
  const value = parse(text);
  refuseUnlessObject(text, value);
  return value as JsonObject;
}

/** Nothing, if it is no JSON. */
export function parse(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

/** Throws for what is no object or has a key twice, which `value`, all that `JSON.parse` makes of it, does not tell. */
export function refuseUnlessObject(text: string, value: JsonValue | undefined): void {
  // Written again it is the same text, as most clients write it: nothing was lost, and this is told in a fifth of the time.
  if (value !== undefined && isObject(value) && JSON.stringify(value) === text) return;
  try {
    fromJsonString(EmptySchema, text, { ignoreUnknownFields: true }); // reads nothing of it
  } catch (cause) {
    const twice = cause instanceof Error ? /duplicate object key "(.*)"/s.exec(cause.message)?.[1] : undefined;
    if (twice !== undefined) throw refused([{ field: twice.slice(0, 100), description: "must be given once" }]);
    throw new BridgeError("invalid_argument", "What was sent is not a JSON object.", { cause });
  }
}

/** A message of the value that `parseObject` has read; nothing means the empty message. */
export function decodeJson<D extends DescMessage>(
  schema: D,
  value: JsonValue | undefined,
  types?: Registry,
): MessageShape<D> {
  if (value === undefined || isEmpty(value)) return create(schema);
  let cause: unknown;
  try {
    if (isWellFormed(value) && numbersAreDecimal(schema, value))
      return fromJson(schema, value, types && { registry: types });
  } catch (error) {
    cause = error;
  }
  const violations = isObject(value) ? misfits(schema, value, "") : [];
  if (violations.length > 0) throw refused(violations);
  throw new BridgeError("invalid_argument", `The request is no ${schema.typeName} in JSON.`, { cause });
}

/** `types` are those that may travel as google.protobuf.Any; the contract has none. */
export function jsonText(schema: DescMessage, message: Message, types?: Registry): string {
  return JSON.stringify(toJson(schema, message, types && { registry: types }));
}

/** A failure in the JSON form that Connect gives it. */
export function faultJson(error: BridgeError): JsonObject {
  const { message, details } = statusOf(error);
  return {
    code: faults[error.fault].status.toLowerCase().replace("cancelled", "canceled"),
    message,
    details: details.map((any) => ({
      type: any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1),
      value: Buffer.from(any.value).toString("base64").replace(/=+$/, ""),
      ...readable(any),
    })),
  };
}

/** What is in a detail, for people and for programs without protobuf. */
function readable(any: Parameters<typeof anyUnpack>[0]): { debug?: JsonValue } {
  for (const schema of [ErrorInfoSchema, BadRequestSchema, RetryInfoSchema, QuotaFailureSchema]) {
    const detail = anyUnpack(any, schema as DescMessage);
    if (detail !== undefined) return { debug: toJson(schema as DescMessage, detail) };
  }
  return {};
}

/** No half of a character anywhere: no encoder could take it. */
function isWellFormed(value: JsonValue): boolean {
  if (typeof value === "string") return value.isWellFormed();
  if (typeof value !== "object" || value === null) return true;
  return Object.values(value).every((item) => isWellFormed(item as JsonValue));
}

const decimal = /^(-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?|NaN|-?Infinity)$/;

/** The library takes JavaScript's word for what a number in quotes is: "0x10" would be 16 lots. */
function numbersAreDecimal(schema: DescMessage, value: JsonValue): boolean {
  if (!isObject(value)) return true;
  return Object.entries(value).every(([key, item]) => {
    const field = schema.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    if (field === undefined || field.fieldKind === "map") return true;
    const items = Array.isArray(item) ? item : [item];
    if (field.message !== undefined) {
      const { message } = field;
      return message.typeName.startsWith("google.protobuf.") || items.every((one) => numbersAreDecimal(message, one));
    }
    if (field.scalar === undefined || field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES)
      return true;
    return items.every((one) => typeof one !== "string" || decimal.test(one));
  });
}

/** Every field that cannot be read, by its path. */
function misfits(schema: DescMessage, value: JsonObject, above: string): Violation[] {
  const seen = new Set<unknown>();
  return Object.entries(value).flatMap(([key, item]) => {
    const field = schema.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    if (field === undefined) {
      const known = schema.fields.map(({ name }) => name).join(", ");
      const description = `is not known; ${known === "" ? "there are no fields" : `fields are ${known}`}`;
      return [{ field: above + key.slice(0, 100), description }];
    }
    const place = field.oneof ?? field;
    if (seen.has(place)) return [{ field: above + place.name, description: "must be given once" }];
    seen.add(place);
    if (reads(schema, field, item)) return [];
    if (field.fieldKind !== "list") return valueMisfits(field, item, above + field.name);
    if (!Array.isArray(item)) return [{ field: above + field.name, description: `must be a list${got(item)}` }];
    const at = item.findIndex((one) => !reads(schema, field, [one]));
    return valueMisfits(field, item[at] ?? null, `${above}${field.name}[${at}]`);
  });
}

function valueMisfits(field: DescField, value: JsonValue, path: string): Violation[] {
  const { message } = field;
  if (message !== undefined && isObject(value) && !message.typeName.startsWith("google.protobuf.")) {
    return misfits(message, value, `${path}.`);
  }
  return [{ field: path, description: `must be ${wordsOf(field, value)}${got(value)}` }];
}

function reads(schema: DescMessage, field: DescField, value: JsonValue): boolean {
  try {
    fromJson(schema, { [field.name]: value });
    return isWellFormed(value) && numbersAreDecimal(schema, { [field.name]: value });
  } catch {
    return false;
  }
}

const isEmpty = (value: JsonValue): boolean => isObject(value) && Object.keys(value).length === 0;

function isObject(value: JsonValue): value is { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const ranges: Partial<Record<ScalarType, readonly [bigint, bigint]>> = {
  [ScalarType.UINT32]: [0n, 0xffff_ffffn],
  [ScalarType.INT32]: [-0x8000_0000n, 0x7fff_ffffn],
  [ScalarType.UINT64]: [0n, 0xffff_ffff_ffff_ffffn],
  [ScalarType.INT64]: [-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn],
};

function wordsOf(field: DescField, value: JsonValue): string {
  if (field.enum !== undefined) return `one of ${field.enum.values.map(({ name }) => name).join(", ")}`;
  switch (field.message?.typeName) {
    case undefined:
      break;
    case "google.protobuf.Timestamp":
      return 'a time such as "2026-01-31T12:00:00Z", of the years 1 to 9999';
    case "google.protobuf.Duration":
      return 'a duration such as "1.5s"';
    default:
      return "an object";
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      return typeof value === "string" ? "UTF-8" : "a string";
    case ScalarType.BOOL:
      return "true or false";
    case ScalarType.BYTES:
      return "bytes in base64";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return "a number";
    default: {
      const range = ranges[field.scalar ?? ScalarType.BYTES];
      return range === undefined ? "an integer" : `${range[0]} to ${range[1]}`;
    }
  }
}

function got(value: JsonValue): string {
  if (value === null) return "; got null";
  if (typeof value === "object") return Array.isArray(value) ? "; got a list" : "; got an object";
  const text = typeof value === "string" ? JSON.stringify(value.slice(0, 41)) : String(value);
  return `; got ${text.length > 43 ? `${text.slice(0, 42)}…` : text}`;
}
