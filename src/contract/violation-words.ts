/**
 * Rules in words: what a field must be, the whole of its valid range, and what it was.
 *
 * The library says which rule was broken ("must be in list [1, 2]"); a person wants to know what to write instead.
 */
import { type DescEnum, type DescField, getOption, hasOption } from "@bufbuild/protobuf";
import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { type FieldRules, field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

const patternWords: Readonly<Record<string, string>> = {
  "^[A-Za-z0-9_.:-]{1,64}$": "must be 1 to 64 of A-Z a-z 0-9 _ . : -",
  "^[ -~]{0,31}$": "must be at most 31 printable ASCII characters",
};

/** What the field must be to satisfy the rule, or `fallback` where the library's own words do. */
export function inWords(field: DescField | undefined, ruleId: string, fallback = "is not valid"): string {
  if (ruleId === "required") return "must be set";
  if (field === undefined) return fallback;
  const whole = hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;
  const ofItems = whole?.type.case === "repeated" ? whole.type.value.items : undefined;
  const rules = ruleId.startsWith("repeated.") ? whole : (ofItems ?? whole);
  const words = rules === undefined ? undefined : ofRules(rules, ruleId, field);
  return words ?? fallback;
}

function ofRules({ type }: FieldRules, ruleId: string, field: DescField): string | undefined {
  switch (type.case) {
    case "string":
      if (ruleId === "string.pattern") return patternWords[type.value.pattern] ?? `must match ${type.value.pattern}`;
      return `must be ${range(type.value.minLen, type.value.maxLen)} characters long`;
    case "repeated":
      if (ruleId === "repeated.unique") return "must have each item once";
      return `must have ${range(type.value.minItems, type.value.maxItems)} items`;
    case "enum":
      return field.enum && `must be one of ${allowed(field.enum, type.value.in, type.value.notIn)}`;
    case "uint32":
      return type.value.lessThan.case === "lte" && type.value.greaterThan.case === undefined
        ? `must be 0 to ${type.value.lessThan.value}`
        : undefined;
    case "double":
      return ruleId === "double.finite" ? "must be finite" : undefined;
    case "duration": {
      const [low, high] = [type.value.greaterThan, type.value.lessThan];
      return low.case === "gte" && high.case === "lte"
        ? `must be ${seconds(low.value)} to ${seconds(high.value)}`
        : undefined;
    }
    default:
      return undefined;
  }
}

function range(least: bigint, most: bigint): string {
  if (most === 0n) return `at least ${least}`;
  return least === 0n ? `at most ${most}` : `${least} to ${most}`;
}

function allowed({ values }: DescEnum, only: readonly number[], not: readonly number[]): string {
  return values
    .filter(({ number }) => (only.length === 0 || only.includes(number)) && !not.includes(number))
    .map(({ name }) => name)
    .join(", ");
}

/** "; got …" for the value of a field or of one item; nothing where the value says nothing. */
export function gotValue(message: ReflectMessage, field: DescField, index?: number): string {
  if (field.fieldKind === "message") {
    if (!message.isSet(field) || field.message.typeName !== "google.protobuf.Duration") return "";
    return `; got ${seconds(message.get(field).message as unknown as { seconds: bigint; nanos: number })}`;
  }
  if (field.fieldKind === "list" && index === undefined) return `; got ${message.get(field).size}`;
  const value = field.fieldKind === "list" ? message.get(field).get(index ?? 0) : message.get(field);
  if (typeof value === "string") {
    const text = JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
    return value.length > 40 ? `; got ${text} of ${value.length}` : `; got ${text}`;
  }
  return typeof value === "number" || typeof value === "bigint" ? `; got ${value}` : "";
}

function seconds(span: { readonly seconds: bigint; readonly nanos: number }): string {
  const fraction = String(Math.abs(span.nanos)).padStart(9, "0").replace(/0+$/, "");
  const sign = span.nanos < 0 && span.seconds === 0n ? "-" : "";
  return `${sign}${span.seconds}${fraction === "" ? "" : `.${fraction}`} s`;
}
