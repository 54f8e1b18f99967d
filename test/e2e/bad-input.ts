/**
 * Requests that no bridge may accept, made from the descriptors: whatever RPC the contract gains is tried too.
 *
 * Every request is spoiled in one place. What must fail says with which field, where that is known; the rest of the
 * message is sound, so that a refusal is owed to that place. The same seed makes the same requests.
 */
import { type DescField, type DescMessage, type DescMethod, ScalarType } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { AccountService } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import { AdminService } from "../../gen/ts/mt5bridge/v1/admin_pb.ts";
import { HealthService } from "../../gen/ts/mt5bridge/v1/health_pb.ts";
import { OrdersService } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { TicksService } from "../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { needed, type Place, placesIn, rulesOf, soundBytes, wireTypeOf } from "./sound-request.ts";

export interface BadRequestBytes {
  readonly method: DescMethod;
  readonly bytes: Uint8Array;
  /** What was done to it. */
  readonly why: string;
  /** `must_fail`: any code of a client's fault; `may_pass`: still a valid request perhaps, yet never INTERNAL. */
  readonly expect: "must_fail" | "may_pass";
  /** The field that a violation has to name. */
  readonly expectViolationField?: string;
}

export const services = [AccountService, TicksService, OrdersService, HealthService, AdminService];

export function* badRequests(seed: number): Iterable<BadRequestBytes> {
  const chance = seeded(seed);
  for (const method of services.flatMap((service) => service.methods)) {
    for (const spoiled of spoiledFields(method.input, chance)) yield { method, ...spoiled };
    for (const spoiled of spoiledWholes(method.input, chance)) {
      // A drain that is understood would end the test.
      if (spoiled.expect === "must_fail" || method !== AdminService.method.drain) yield { method, ...spoiled };
    }
  }
}

type Spoiled = Omit<BadRequestBytes, "method">;

// In one field.

function* spoiledFields(schema: DescMessage, chance: Chance): Iterable<Spoiled> {
  for (const place of placesIn(schema, [])) {
    const path = place.map(({ name }) => name).join(".");
    for (const { why, record, named = true } of spoiledRecords(place, chance)) {
      yield {
        bytes: Buffer.concat([soundBytes(schema, place), wrappedIn(place.slice(0, -1), record)]),
        why: `${path}: ${why}`,
        expect: "must_fail",
        ...(named ? { expectViolationField: path } : {}),
      };
    }
    yield* leftOut(schema, place, path);
  }
}

interface SpoiledRecord {
  readonly why: string;
  readonly record: Uint8Array;
  /** Whether the refusal can name the field. */
  readonly named?: boolean;
}

function* spoiledRecords(place: Place, chance: Chance): Iterable<SpoiledRecord> {
  const field = place.at(-1);
  if (field === undefined) return;
  const { number } = field;
  const wanted = wireTypeOf(field);
  for (const wireType of [WireType.Varint, WireType.Bit64, WireType.LengthDelimited, WireType.Bit32]) {
    const packed = field.fieldKind === "list" && field.listKind !== "message" && wireType === WireType.LengthDelimited;
    if (wireType === wanted || packed) continue;
    yield { why: `wire type ${wireType} instead of ${wanted}`, record: anyRecord(number, wireType, chance) };
  }
  yield {
    why: "a group",
    record: new BinaryWriter().tag(number, WireType.StartGroup).tag(number, WireType.EndGroup).finish(),
  };
  yield { why: "no bytes after its tag", record: new BinaryWriter().tag(number, wanted).finish(), named: false };

  if (wanted === WireType.LengthDelimited) {
    const far = new BinaryWriter().tag(number, wanted).uint32(0x7fff_ffff).finish();
    yield { why: "2 GiB announced", record: far, named: false };
  }
  if (wanted === WireType.Varint && field.scalar !== ScalarType.BOOL) yield* spoiledIntegers(field);
  if (field.scalar === ScalarType.STRING) yield* spoiledStrings(field, chance);
  if (field.scalar === ScalarType.DOUBLE) yield* spoiledDoubles(field);
  if (field.fieldKind === "list") yield* spoiledLists(field, chance);
  if (field.fieldKind === "message") yield* spoiledTimes(field, chance);
}

function* spoiledIntegers(field: DescField): Iterable<SpoiledRecord> {
  const record = (value: bigint) => new BinaryWriter().tag(field.number, WireType.Varint).uint64(value).finish();
  const endless = Buffer.concat([
    new BinaryWriter().tag(field.number, WireType.Varint).finish(),
    Buffer.alloc(11, 0xff),
  ]);
  yield { why: "a varint of 11 bytes", record: endless, named: false };
  const rules = rulesOf(field)?.type;
  if (field.enum !== undefined) {
    const known = new Set(field.enum.values.map(({ number }) => number));
    for (const value of [-1, 99, 1_000_000, 2 ** 31 - 1]) {
      if (!known.has(value)) yield { why: `enum number ${value}`, record: record(BigInt.asUintN(64, BigInt(value))) };
    }
    for (const value of known) {
      const enumRules = rules?.case === "enum" ? rules.value : undefined;
      const refused = enumRules?.notIn.includes(value) || (enumRules?.in.length && !enumRules.in.includes(value));
      if (refused) yield { why: `enum number ${value}, not allowed here`, record: record(BigInt(value)) };
    }
    yield { why: "an enum number of 40 bits", record: record((1n << 40n) + 1n) };
  }
  if (field.scalar === ScalarType.UINT32) {
    yield { why: "33 bits", record: record(1n << 32n) };
    yield { why: "negative", record: record(BigInt.asUintN(64, -1n)) };
    if (rules?.case === "uint32" && rules.value.lessThan.case === "lte") {
      for (const over of [1n, 1_000n]) {
        const value = BigInt(rules.value.lessThan.value) + over;
        yield { why: `${value}, over its limit`, record: record(value) };
      }
    }
  }
  if (rules?.case === "uint64" && rules.value.greaterThan.case === "gt") yield { why: "zero", record: record(0n) };
}

function* spoiledStrings(field: DescField, chance: Chance): Iterable<SpoiledRecord> {
  const record = (bytes: Uint8Array) =>
    new BinaryWriter().tag(field.number, WireType.LengthDelimited).bytes(bytes).finish();
  const list = field.fieldKind === "list";
  // biome-ignore format: a table is read by its columns
  const badUtf8: [string, Buffer][] = [
    ["a lone continuation byte", Buffer.from([0x80])],       ["an overlong slash",    Buffer.from([0xc0, 0xaf])],
    ["half of a character",      Buffer.from([0x41, 0xe2])], ["half a surrogate pair", Buffer.from([0xed, 0xa0, 0x80])],
    ["beyond Unicode",           Buffer.from([0xf5, 0x80, 0x80, 0x80])], ["bytes FE FF", Buffer.from([0xfe, 0xff])],
  ];
  for (const [why, bytes] of badUtf8) yield { why: `UTF-8: ${why}`, record: record(bytes) };
  const own = rulesOf(field)?.type;
  const rules = own?.case === "repeated" ? own.value.items?.type : own;
  if (rules?.case !== "string") return;
  const { pattern, minLen, maxLen } = rules.value;
  const named = !list; // a list's item is named with its index
  if (minLen > 0n) yield { why: "empty", record: record(Buffer.alloc(0)), named };
  if (maxLen > 0n) {
    for (const length of [Number(maxLen) + 1, 10_000, 200_000]) {
      yield { why: `${length} characters`, record: record(Buffer.alloc(length, 0x61)), named };
    }
    yield { why: "too many wide characters", record: record(Buffer.from("ж".repeat(Number(maxLen) + 1))), named };
  }
  if (pattern !== "") {
    const strange = ["a\0b", "é", "a\nb", "😀", "x".repeat(65), "\u202e", chance.text(200)];
    for (const text of strange)
      yield { why: `not as ${pattern}: ${JSON.stringify(text)}`, record: record(Buffer.from(text)), named };
    if (!new RegExp(pattern, "u").test("")) yield { why: "empty", record: record(Buffer.alloc(0)), named };
  }
}

function* spoiledDoubles(field: DescField): Iterable<SpoiledRecord> {
  const rules = rulesOf(field)?.type;
  if (rules?.case !== "double") return;
  const values = [Number.NaN, Infinity, -Infinity, -1, -1e308, -Number.MIN_VALUE];
  if (rules.value.greaterThan.case === "gt") values.push(0, -0);
  for (const value of values) {
    yield { why: String(value), record: new BinaryWriter().tag(field.number, WireType.Bit64).double(value).finish() };
  }
}

function* spoiledLists(field: DescField, chance: Chance): Iterable<SpoiledRecord> {
  const rules = rulesOf(field)?.type;
  if (rules?.case !== "repeated" || field.scalar !== ScalarType.STRING) return;
  const items = (texts: readonly string[]) => {
    const writer = new BinaryWriter();
    for (const text of texts) writer.tag(field.number, WireType.LengthDelimited).string(text);
    return writer.finish();
  };
  const most = Number(rules.value.maxItems);
  for (const count of [most + 1, most * 20, 100_000]) {
    yield { why: `${count} items`, record: items(Array.from({ length: count }, (_, i) => `S${i}`)) };
  }
  yield { why: "400,000 empty items", record: items(Array.from({ length: 400_000 }, () => "")) };
  const twice = `T${chance.below(1_000)}`;
  if (rules.value.unique) yield { why: "an item twice", record: items([twice, "U", twice]) };
}

function* spoiledTimes(field: DescField, chance: Chance): Iterable<SpoiledRecord> {
  const type = field.message?.typeName;
  if (type !== "google.protobuf.Timestamp" && type !== "google.protobuf.Duration") return;
  const record = (seconds: bigint, nanos: number) =>
    new BinaryWriter()
      .tag(field.number, WireType.LengthDelimited)
      .bytes(new BinaryWriter().tag(1, WireType.Varint).int64(seconds).tag(2, WireType.Varint).int32(nanos).finish())
      .finish();
  const huge = 1n << 62n;
  // biome-ignore format: a table is read by its columns
  const times: [bigint, number][] = [
    [huge, 0], [-huge, 0], [0n, 1_000_000_000], [0n, -1_000_000_000], [1n, -1], [400_000_000_000n + BigInt(chance.below(1_000)), 0],
  ];
  for (const [seconds, nanos] of times) yield { why: `${seconds} s, ${nanos} ns`, record: record(seconds, nanos) };
}

/** A field that has to be there, and is not. */
function* leftOut(schema: DescMessage, place: Place, path: string): Iterable<Spoiled> {
  const field = place.at(-1);
  const rules = field && rulesOf(field);
  if (field === undefined || rules === undefined || field.oneof !== undefined || !needed(field, rules)) return;
  yield { bytes: soundBytes(schema, place), why: `${path}: left out`, expect: "must_fail", expectViolationField: path };
}

// As a whole.

const mebibyte = 1024 * 1024;

function* spoiledWholes(schema: DescMessage, chance: Chance): Iterable<Spoiled> {
  const sound = soundBytes(schema, []);
  const must = (why: string, bytes: Uint8Array): Spoiled => ({ why, bytes, expect: "must_fail" });
  const may = (why: string, bytes: Uint8Array): Spoiled => ({ why, bytes, expect: "may_pass" });
  yield must("larger than 1 MiB", Buffer.alloc(mebibyte + 1, 0x7a));
  yield must("1 MiB of groups in groups", Buffer.alloc(mebibyte, 0xfb));
  yield must("a field of number 0", Buffer.concat([sound, Buffer.from([0x00, 0x00])]));
  yield must("wire type 7", Buffer.concat([sound, Buffer.from([0x0f])]));
  yield must("a group that ends without having begun", Buffer.concat([sound, Buffer.from([0xfc, 0x07])]));
  yield must("an unknown field that is cut off", Buffer.concat([sound, Buffer.from([0xfa, 0x07, 0x20, 0x01])]));
  yield must("only high bits", Buffer.alloc(50, 0xff));
  for (const length of [1, 7, 64, 1_000, 50_000]) yield may(`${length} random bytes`, chance.bytes(length));
  for (let n = 0; n < 4 && sound.length > 0; n++) {
    yield may("cut off somewhere", sound.subarray(0, chance.below(sound.length)));
    const flipped = Buffer.from(sound);
    const at = chance.below(flipped.length);
    flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << chance.below(8)), at);
    yield may("one bit flipped", flipped);
  }
}

/** The record as the content of the messages on the way to it. */
function wrappedIn(place: Place, record: Uint8Array): Uint8Array {
  return place.reduceRight(
    (content, { number }) => new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(content).finish(),
    record,
  );
}

function anyRecord(number: number, wireType: WireType, chance: Chance): Uint8Array {
  const writer = new BinaryWriter().tag(number, wireType);
  if (wireType === WireType.Varint) return writer.uint32(chance.below(1_000)).finish();
  if (wireType === WireType.Bit64) return writer.double(chance.below(1_000)).finish();
  if (wireType === WireType.Bit32) return writer.float(chance.below(1_000)).finish();
  return writer.string("1.5").finish();
}

export interface Chance {
  below(limit: number): number;
  bytes(length: number): Buffer;
  text(length: number): string;
}

/** Mulberry32: small, and the same everywhere. */
export function seeded(seed: number): Chance {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
    text: (length) => String.fromCharCode(...Array.from({ length }, () => 32 + below(95))),
  };
}
