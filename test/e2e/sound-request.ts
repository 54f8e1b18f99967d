/** Requests that break no rule of the contract, made from the descriptors; of one field nothing is said. */
import {
  create,
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { WireType } from "@bufbuild/protobuf/wire";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import { type FieldRules, field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** A field on its path from the request down; the messages above it are sound. */
export type Place = readonly DescField[];

/** Every field of a request and of the messages of ours within it. */
export function* placesIn(schema: DescMessage, above: Place): Iterable<Place> {
  for (const field of schema.fields) {
    const place = [...above, field];
    yield place;
    const own = field.fieldKind === "message" && field.message.typeName.startsWith("mt5bridge.");
    if (own) yield* placesIn(field.message, place);
  }
}

/** A request without fault in which nothing is said of the field at `place`, unless it goes on behind it. */
export function soundBytes(schema: DescMessage, place: Place): Uint8Array {
  const message = create(schema);
  makeSound(reflect(schema, message), place);
  return toBinary(schema, message);
}

function makeSound(message: ReflectMessage, [without, ...deeper]: Place): void {
  for (const field of message.desc.fields) {
    if (field === without && deeper.length === 0) continue;
    const inOtherOneof =
      field.oneof !== undefined &&
      (field.oneof === without?.oneof ? field !== without : field !== field.oneof.fields[0]);
    if (inOtherOneof) continue;
    const rules = rulesOf(field);
    if (field.fieldKind === "message") {
      if (!rules?.required && field !== without) continue;
      const inner = reflect(field.message);
      makeSound(inner, field === without ? deeper : []);
      message.set(field, inner);
    } else if (field.fieldKind === "list") {
      if (field.scalar === ScalarType.STRING) message.get(field).add("EURUSD");
    } else if (field.oneof !== undefined || (rules !== undefined && needed(field, rules))) {
      message.set(field, soundValue(field, rules));
    }
  }
}

function soundValue(field: DescField, rules: FieldRules | undefined): unknown {
  if (field.enum !== undefined)
    return rules?.type.case === "enum" && rules.type.value.in[0] ? rules.type.value.in[0] : 1;
  if (field.scalar === ScalarType.STRING) return field.name === "symbol" ? "EURUSD" : "bad-input";
  if (field.scalar === ScalarType.UINT64) return 4_000_000_000n;
  if (field.scalar === ScalarType.BOOL) return true;
  return 1;
}

/** Whether a request is wrong in which nothing is said of the field. */
export function needed(field: DescField, { required, type }: FieldRules): boolean {
  if (required) return true;
  if (field.presence !== FeatureSet_FieldPresence.IMPLICIT && field.fieldKind !== "list") return false;
  switch (type.case) {
    case "string":
      return type.value.minLen > 0n || (type.value.pattern !== "" && !new RegExp(type.value.pattern, "u").test(""));
    case "enum":
      return type.value.notIn.includes(0) || (type.value.in.length > 0 && !type.value.in.includes(0));
    case "double":
    case "uint64":
      return type.value.greaterThan.case === "gt";
    case "repeated":
      return type.value.minItems > 0n;
    default:
      return false;
  }
}

export function wireTypeOf(field: DescField): WireType {
  if (field.enum !== undefined) return WireType.Varint;
  switch (field.scalar) {
    case undefined:
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return WireType.LengthDelimited;
    case ScalarType.DOUBLE:
      return WireType.Bit64;
    default:
      return WireType.Varint;
  }
}

export function rulesOf(field: DescField): FieldRules | undefined {
  return hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;
}
