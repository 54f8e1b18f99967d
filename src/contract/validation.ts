/**
 * What the contract itself can tell is wrong with a request, in words that name the field and its valid range.
 *
 * The rules stand in the `.proto` files, where clients of every language see them; protovalidate runs them. Two
 * things it does not see are looked at before: moments and spans of time that no calendar knows, and lists so long
 * that checking their items would stop the bridge for seconds.
 */
import {
  create,
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  isFieldSet,
  type Message,
} from "@bufbuild/protobuf";
import { type Path, type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { DurationSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { createValidator, type Violation as RuleViolation } from "@bufbuild/protovalidate";
import { type FieldRules, field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { BridgeError, type Violation } from "../core/errors.ts";
import { gotValue, inWords } from "./violation-words.ts";
import { decode, refused } from "./wire.ts";

export interface Validation {
  /** Throws `invalid_argument` with every violation. */
  check(schema: DescMessage, message: Message): void;
  /** Compiles the rules of all these messages, so that no caller waits for that: up to 300 ms in all. */
  warm(schemas: Iterable<DescMessage>): void;
}

export function createValidation(): Validation {
  const patterns = new Map<string, RegExp>();
  /** Who reads often leaves everything open, and what the rules say of that does not change. */
  const goodWhenBlank = new Set<DescMessage>();
  // Our own fixed patterns are linear in every engine, and the native one is many times faster than RE2 in JavaScript.
  const validator = createValidator({
    regexMatch(source, text) {
      let pattern = patterns.get(source);
      if (pattern === undefined) {
        pattern = new RegExp(source, "u");
        patterns.set(source, pattern);
      }
      return pattern.test(text);
    },
  });

  function check(schema: DescMessage, message: Message): void {
    if (goodWhenBlank.has(schema) && schema.fields.every((field) => !isFieldSet(message, field))) return;
    if (suspectsOf(schema).length > 0) {
      const before = looksWrong(reflect(schema, message), "");
      if (before.length > 0) throw refused(before);
    }
    const result = validator.validate(schema, message);
    if (result.kind === "valid") return;
    if (result.kind === "error") {
      throw new BridgeError("internal", `the rules of ${schema.typeName} do not work`, { cause: result.error });
    }
    throw refused(merged(reflect(schema, message), result.violations));
  }

  return {
    check,
    warm(schemas) {
      for (const schema of schemas) {
        const filled = create(schema);
        fill(reflect(schema, filled), 4);
        validator.validate(schema, filled);
        if (validator.validate(schema, create(schema)).kind === "valid") goodWhenBlank.add(schema);
        validator.validate(schema, decode(schema, new Uint8Array([0xf8, 0x07, 0x00]))); // an unknown field
      }
    },
  };
}

const secondsOfYear1 = -62_135_596_800n;
const secondsOfYear9999 = 253_402_300_799n;
const secondsOf10000Years = 315_576_000_000n;

const suspects = new WeakMap<DescMessage, readonly DescField[]>();

/** The fields of which that can be said: lists with a limit, and messages. Most requests have none. */
function suspectsOf(schema: DescMessage): readonly DescField[] {
  let fields = suspects.get(schema);
  if (fields === undefined) {
    fields = schema.fields.filter(
      (field) => field.fieldKind === "message" || (field.fieldKind === "list" && rulesOf(field) !== undefined),
    );
    suspects.set(schema, fields);
  }
  return fields;
}

/** Violations that have to be found before the rules run. */
function looksWrong(message: ReflectMessage, prefix: string): Violation[] {
  const found: Violation[] = [];
  for (const field of suspectsOf(message.desc)) {
    const path = prefix + field.name;
    if (field.fieldKind === "list") {
      const limit = rulesOf(field)?.type;
      if (limit?.case === "repeated" && message.get(field).size > Number(limit.value.maxItems || Infinity)) {
        found.push({ field: path, description: `${inWords(field, "repeated.max_items")}${gotValue(message, field)}` });
      }
    } else if (field.fieldKind === "message" && message.isSet(field)) {
      const inner = message.get(field);
      const wrong = field.message.typeName.startsWith("google.protobuf.") ? wrongTime(inner) : undefined;
      if (wrong !== undefined) found.push({ field: path, description: wrong });
      else found.push(...looksWrong(inner, `${path}.`));
    }
  }
  return found;
}

function wrongTime(value: ReflectMessage): string | undefined {
  const { seconds, nanos } = value.message as unknown as { seconds: bigint; nanos: number };
  if (value.desc.typeName === TimestampSchema.typeName) {
    const real = seconds >= secondsOfYear1 && seconds <= secondsOfYear9999 && nanos >= 0 && nanos <= 999_999_999;
    if (!real) return `must be a time of the years 1 to 9999, nanos 0 to 999999999; got ${seconds} s, ${nanos} ns`;
  }
  if (value.desc.typeName === DurationSchema.typeName) {
    const signsAgree = seconds === 0n || nanos === 0 || seconds > 0n === nanos > 0;
    const real = signsAgree && Math.abs(nanos) <= 999_999_999 && seconds <= secondsOf10000Years;
    if (!real || seconds < -secondsOf10000Years) {
      return `must be a duration with nanos 0 to 999999999, of the sign of its seconds; got ${seconds} s, ${nanos} ns`;
    }
  }
  return undefined;
}

/** One violation per field: "must be greater than 0" and "must be finite" belong together. */
function merged(root: ReflectMessage, violations: readonly RuleViolation[]): Violation[] {
  const byField = new Map<string, { words: Set<string>; got: string }>();
  for (const violation of violations) {
    const last = violation.field.at(-1);
    const field = lastField(violation.field);
    const path = pathText(violation.field);
    const words =
      last?.kind === "oneof"
        ? `must have one of ${last.fields.map((member) => member.name).join(", ")}`
        : inWords(field, violation.ruleId, violation.message);
    const entry = byField.get(path) ?? { words: new Set<string>(), got: got(root, violation.field) };
    entry.words.add(words);
    byField.set(path, entry);
  }
  return [...byField].map(([field, { words, got }]) => {
    const [first = "", ...rest] = words;
    const others = rest.map((text) => (first.startsWith("must be ") ? text.replace(/^must be /, "") : text));
    return { field, description: [first, ...others].join(" and ") + got };
  });
}

function lastField(path: Path): DescField | undefined {
  return path.findLast((part) => part.kind === "field");
}

function pathText(path: Path): string {
  let text = "";
  for (const part of path) {
    if (part.kind === "list_sub") text += `[${part.index}]`;
    else if (part.kind === "map_sub") text += `[${JSON.stringify(part.key)}]`;
    else if (part.kind === "field" || part.kind === "oneof") text += text === "" ? part.name : `.${part.name}`;
  }
  return text;
}

function got(root: ReflectMessage, path: Path): string {
  let message = root;
  for (const [at, part] of path.entries()) {
    if (part.kind !== "field") return "";
    const next = path[at + 1];
    if (next?.kind === "list_sub" && part.fieldKind === "list") return gotValue(message, part, next.index);
    if (next === undefined) return gotValue(message, part);
    if (part.fieldKind !== "message") return "";
    message = message.get(part);
  }
  return "";
}

function rulesOf(field: DescField): FieldRules | undefined {
  return hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;
}

/** Sets nested messages, so that their rules are compiled too. */
function fill(message: ReflectMessage, depth: number): void {
  if (depth === 0) return;
  for (const field of message.desc.fields) {
    if (field.fieldKind !== "message") continue;
    const inner = reflect(field.message);
    fill(inner, depth - 1);
    message.set(field, inner);
  }
}
