/**
 * JSON requests that no bridge may accept, made from the descriptors as `test/e2e/bad-input.ts` makes bytes: a sound
 * request with one place spoiled, and the field that the refusal has to name.
 */
import {
  type DescField,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type JsonObject,
  type JsonValue,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { services } from "../../e2e/bad-input.ts";
import { type Place, placesIn, rulesOf, soundBytes } from "../../e2e/sound-request.ts";

export interface BadRequestJson {
  readonly method: DescMethod;
  /** The request's text; it may be no JSON at all. */
  readonly text: string;
  readonly why: string;
  /** The field that a violation has to name; a list's item is named with its index. */
  readonly field?: string;
}

export function* badJson(): Iterable<BadRequestJson> {
  for (const method of services.flatMap((service) => service.methods)) {
    for (const place of placesIn(method.input, [])) yield* spoiledPlaces(method, place);
    const sound = JSON.stringify(soundJson(method.input, []));
    const beside = (member: string) => (sound === "{}" ? `{${member}}` : `${sound.slice(0, -1)},${member}}`);
    for (const key of [
      "nothing",
      "__proto__",
      "constructor",
      "stop_los",
      "",
      "a.b",
      "Account",
      "1",
      "id",
      "data",
      "$typeName",
      "\u0000",
    ]) {
      yield { method, text: beside(`${JSON.stringify(key)}:1`), why: `unknown key ${JSON.stringify(key)}`, field: key };
    }
    yield { method, text: beside('"twice":1,"twice":1'), why: "a key twice", field: "twice" };
    for (const text of ["null", "7", '"text"', "[]", "[{}]", "true"]) yield { method, text, why: text };
  }
}

function* spoiledPlaces(method: DescMethod, place: Place): Iterable<BadRequestJson> {
  const field = place.at(-1) as DescField;
  const path = place.map(({ name }) => name).join(".");
  for (const [value, item] of spoiledValues(field)) {
    const request = soundJson(method.input, place);
    set(request, place, value);
    const text = JSON.stringify(request);
    yield { method, text, why: `${path}: ${JSON.stringify(value).slice(0, 60)}`, field: item ? `${path}[0]` : path };
  }
  const { name, jsonName } = field;
  const request = soundJson(method.input, place);
  const inner = innermost(request, place);
  inner["stop_los"] = 1;
  const unknown = [...place.slice(0, -1).map((one) => one.name), "stop_los"].join(".");
  yield { method, text: JSON.stringify(request), why: `an unknown key beside ${path}`, field: unknown };
  if (name === jsonName || field.oneof !== undefined) return;
  delete inner["stop_los"];
  inner[name] = null;
  inner[jsonName] = null;
  yield { method, text: JSON.stringify(request), why: `${path} under both its names`, field: path };
}

/** What the field cannot be; whether the refusal is of a list's item. */
function* spoiledValues(field: DescField): Iterable<[JsonValue, boolean]> {
  const list = field.fieldKind === "list";
  if (list) for (const value of [7, "text", {}, true]) yield [value, false];
  for (const value of spoiledItems(field)) yield list ? [[value], true] : [value, false];
}

function* spoiledItems(field: DescField): Iterable<JsonValue> {
  const time = field.message?.typeName.startsWith("google.protobuf.");
  if (field.message !== undefined && !time) return yield* [7, "text", [], [{}], true];
  if (time) return yield* [7, "", "yesterday", {}, [], true, "2026-13-01T00:00:00Z", "1", "5 s", "99999999999999s"];
  if (field.enum !== undefined) return yield* ["NONE", "", {}, [], true, 1.5, 3e9, "order_side_buy", 999];
  switch (field.scalar) {
    case ScalarType.STRING:
      yield* [7, {}, [], true, "half \ud800 of a character"];
      if ((rulesOf(field)?.type.case ?? "") === "string") yield "x".repeat(100_000);
      return;
    case ScalarType.BOOL:
      return yield* [1, 0, "true", {}, []];
    case ScalarType.DOUBLE:
      return yield* ["many", {}, [], true, "1,5", "NaN", "Infinity", -1];
    default:
      return yield* ["many", {}, [], true, 1.5, -1, "0x10", 2 ** 70, "99999999999999999999999"];
  }
}

function soundJson(schema: DescMessage, place: Place): JsonObject {
  return toJson(schema, fromBinary(schema, soundBytes(schema, place))) as JsonObject;
}

function set(request: JsonObject, place: Place, value: JsonValue): void {
  innermost(request, place)[place.at(-1)?.jsonName ?? ""] = value;
}

/** The object in which the place is a key. */
function innermost(request: JsonObject, place: Place): JsonObject {
  let inner = request;
  for (const { jsonName } of place.slice(0, -1)) {
    inner[jsonName] ??= {};
    inner = inner[jsonName] as JsonObject;
  }
  return inner;
}
