/**
 * Requests in JSON that no bridge may accept, made from the descriptors like those in bytes.
 *
 * Every request is sound but for one place. The same seed makes the same requests.
 */
import { type DescField, type DescMessage, fromBinary, type JsonValue, ScalarType, toJson } from "@bufbuild/protobuf";
import { AdminService } from "../../gen/ts/mt5bridge/v1/admin_pb.ts";
import { type BadRequestBytes, seeded, services } from "./bad-input.ts";
import { needed, type Place, placesIn, rulesOf, soundBytes } from "./sound-request.ts";

type Spoiled = Omit<BadRequestBytes, "method">;
type Chance = ReturnType<typeof seeded>;
type Fields = { [name: string]: JsonValue };

export function* badJsonRequests(seed: number): Iterable<BadRequestBytes> {
  const chance = seeded(seed);
  for (const method of services.flatMap((service) => service.methods)) {
    for (const place of placesIn(method.input, [])) {
      for (const spoiled of spoiledField(method.input, place, chance)) yield { method, ...spoiled };
    }
    for (const spoiled of spoiledWholes(method.input, chance)) {
      // A drain that is understood would end the test.
      if (spoiled.expect === "must_fail" || method !== AdminService.method.drain) yield { method, ...spoiled };
    }
  }
}

/** The sound request with the value in that place; undefined: nothing there. */
function withValue(schema: DescMessage, place: Place, value: JsonValue | undefined): Fields {
  const message = fromBinary(schema, soundBytes(schema, place));
  const whole = toJson(schema, message, { useProtoFieldName: true }) as Fields;
  let inner = whole;
  for (const { name } of place.slice(0, -1)) {
    inner[name] ??= {};
    inner = inner[name] as Fields;
  }
  const last = place.at(-1);
  if (last !== undefined && value !== undefined) inner[last.name] = value;
  return whole;
}

function* spoiledField(schema: DescMessage, place: Place, chance: Chance): Iterable<Spoiled> {
  const field = place.at(-1);
  if (field === undefined) return;
  const path = place.map(({ name }) => name).join(".");
  const above = place.slice(0, -1).map(({ name }) => `${name}.`);
  const spoiled = (why: string, bytes: string | Fields, named = path): Spoiled => ({
    bytes: Buffer.from(typeof bytes === "string" ? bytes : JSON.stringify(bytes)),
    why: `${path}: ${why}`,
    expect: "must_fail",
    ...(named === "" ? {} : { expectViolationField: named }),
  });

  for (const value of wrongValues(field, chance)) {
    const text = JSON.stringify(value) ?? "";
    yield spoiled(
      text.length > 60 ? `${text.slice(0, 60)}…` : text,
      withValue(schema, place, value),
      nameFor(field, path),
    );
  }
  const marked = JSON.stringify(withValue(schema, place, "@"));
  for (const raw of [
    "1e400",
    "-1e400",
    "00",
    "+1",
    ".5",
    "NaN",
    "0x10",
    "undefined",
    "'x'",
    "",
    '"\\x"',
    '"\t"',
    '"',
  ]) {
    const endless = raw.endsWith("1e400") && field.scalar !== undefined && field.fieldKind !== "list";
    yield spoiled(`the text ${raw}`, marked.replace('"@"', raw), endless ? path : "");
  }
  const misspelt = withValue(schema, [...place.slice(0, -1), { ...field, name: `${field.name}x` } as DescField], 1);
  yield spoiled("its name misspelt", misspelt, `${above.join("")}${field.name}x`);
  if (field.name !== field.jsonName) {
    const twice = JSON.stringify(withValue(schema, place, "@"));
    const names = twice.replace(`"${field.name}":"@"`, `"${field.name}":null,"${field.jsonName}":null`);
    yield spoiled("under both its names", names, `${above.join("")}${field.oneof?.name ?? field.name}`);
  }
  yield spoiled("twice", marked.replace(`"${field.name}":"@"`, `"${field.name}":null,"${field.name}":null`), "");

  const rules = rulesOf(field);
  if (rules !== undefined && field.oneof === undefined && needed(field, rules)) {
    yield spoiled("left out", withValue(schema, place, undefined));
    yield spoiled("null", withValue(schema, place, null));
  }
}

/** An item of a list is named with its number. */
const nameFor = (field: DescField, path: string) => (field.fieldKind === "list" ? "" : path);

function wrongValues(field: DescField, chance: Chance): JsonValue[] {
  if (field.fieldKind === "list") {
    const rules = rulesOf(field)?.type;
    const most = rules?.case === "repeated" ? Number(rules.value.maxItems) : 0;
    const many = most > 0 ? [Array.from({ length: most + 1 }, (_, at) => `S${at}`)] : [];
    return ["x", 7, true, {}, [7], [null], [{}], [["x"]], ["\ud800"], [true], ...many];
  }
  if (field.fieldKind === "message") return wrongMessages(field.message.typeName);
  if (field.enum !== undefined) {
    return ["NOBODY", "", "1.5", true, {}, [], 1.5, 99, -1, 2 ** 31, "ORDER_SIDE", chance.text(30)];
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      return [7, true, {}, [], ["x"], "\ud800", "x\udfff", ...wrongTexts(field, chance)];
    case ScalarType.BOOL:
      return ["true", "false", 1, 0, {}, [], ""];
    case ScalarType.DOUBLE:
      return [
        "abc",
        "",
        "1e",
        " 1",
        "0x10",
        "0b1",
        "+1",
        ".5",
        "5.",
        "1,5",
        "−1",
        true,
        {},
        [],
        [1],
        ...wrongNumbers(field),
      ];
    case ScalarType.UINT64:
      return ["abc", "", "0x10", "+1", "1_0", -1, "-1", 1.5, "1.5", "18446744073709551616", "1e400", true, {}, [], [1]];
    default:
      return [
        "abc",
        "",
        "0x10",
        "+1",
        -1,
        "-1",
        1.5,
        "1.5",
        2 ** 32,
        "4294967296",
        1e300,
        true,
        {},
        [],
        [1],
        ...overLimit(field),
      ];
  }
}

function wrongMessages(type: string): JsonValue[] {
  if (type === "google.protobuf.Timestamp") {
    const years = ["0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-32T00:00:00Z"];
    return ["yesterday", "", "2026-01-01", "2026-01-01T00:00:00", 7, true, {}, [], { seconds: 1 }, ...years];
  }
  if (type === "google.protobuf.Duration") {
    return ["1", "s", "", "1.5", "1 s", "1.0000000001s", "315576000001s", "-315576000001s", "1e3s", 7, true, {}, []];
  }
  return [7, "x", "", true, [], [{}], { nobody_knows: 1 }].filter(
    (value) => typeof value !== "object" || Array.isArray(value),
  );
}

function wrongTexts(field: DescField, chance: Chance): string[] {
  const rules = rulesOf(field)?.type;
  if (rules?.case !== "string") return [];
  const { pattern, minLen, maxLen } = rules.value;
  const long = maxLen > 0n ? [Number(maxLen) + 1, 10_000].map((length) => "ж".repeat(length)) : [];
  const strange = ["a\0b", "é", "a\nb", "😀", "x".repeat(65), "\u202e", chance.text(200)];
  return [...long, ...(pattern === "" ? [] : strange), ...(minLen > 0n ? [""] : [])];
}

function wrongNumbers(field: DescField): JsonValue[] {
  const rules = rulesOf(field)?.type;
  if (rules?.case !== "double") return [];
  const zero: JsonValue[] = rules.value.greaterThan.case === "gt" ? [0, "0"] : [];
  return ["NaN", "Infinity", "-Infinity", -1, "-1", -1e308, ...zero];
}

function overLimit(field: DescField): JsonValue[] {
  const rules = rulesOf(field)?.type;
  return rules?.case === "uint32" && rules.value.lessThan.case === "lte" ? [rules.value.lessThan.value + 1] : [];
}

// As a whole.

const mebibyte = 1024 * 1024;

function* spoiledWholes(schema: DescMessage, chance: Chance): Iterable<Spoiled> {
  const sound = JSON.stringify(withValue(schema, [], undefined));
  const must = (why: string, text: string | Buffer): Spoiled => ({
    why,
    bytes: Buffer.from(text),
    expect: "must_fail",
  });
  const may = (why: string, text: string | Buffer): Spoiled => ({ why, bytes: Buffer.from(text), expect: "may_pass" });
  for (const text of [
    "",
    " ",
    "[]",
    "[{}]",
    "7",
    "null",
    "true",
    '"{}"',
    "{",
    "}",
    "{}{}",
    "{},",
    "{'a':1}",
    "{a:1}",
  ]) {
    yield must(`the text ${JSON.stringify(text)}`, text);
  }
  for (const key of [
    "__proto__",
    "constructor",
    "toString",
    "",
    " ",
    "\u0000",
    "@type",
    "[a.b]",
    "x".repeat(100_000),
  ]) {
    const text = `{${JSON.stringify(key)}:1}`;
    yield {
      ...must(`the key ${key.slice(0, 20)}`, text),
      ...(key === "" ? {} : { expectViolationField: key.slice(0, 100) }),
    };
  }
  yield must("a comment", `/* ${sound} */ ${sound}`);
  yield must("something behind it", `${sound} x`);
  yield must("bytes that are no UTF-8", Buffer.from(sound.replace("{", '{"\xff\xfe":1,').replace(",}", "}"), "latin1"));
  yield must("a mark of UTF-16", Buffer.from(`\ufeff${sound}`, "utf16le"));
  yield must("larger than 1 MiB", `${" ".repeat(mebibyte)}${sound}`);
  yield must("100,000 keys", `{${Array.from({ length: 50_000 }, (_, at) => `"k${at}":1`).join(",")}}`);
  yield must("lists in lists", "[".repeat(200_000));
  yield must("objects in objects", '{"a":'.repeat(100_000));
  yield must("cut off", sound.slice(0, -1));
  for (let n = 0; n < 4; n++) {
    const at = chance.below(sound.length);
    yield must("cut off somewhere", sound.slice(0, at));
    const flipped = Buffer.from(sound);
    flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << chance.below(8)), at);
    yield may("one bit flipped", flipped);
    yield may("random bytes", chance.bytes(50));
  }
}
